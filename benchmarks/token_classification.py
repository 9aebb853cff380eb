"""Our token classifier beside a plain script after transformers' own example (run_ner.py).

    python benchmarks/token_classification.py --corpus results/corpora/ncbi_disease --base \
        results/models/package/minilm --out token_classification.csv

Both are trained on the same sentences with the same settings for each seed, without validation, and
scored on the same test sentences: by seqeval, over the tags of words, and by this project's strict
scorer, over characters. The plain script is `Trainer` with `DataCollatorForTokenClassification`,
one tag per word on its first token. On flat corpora both scorers should agree, and both systems
should be within 1.5 points of F1 of each other.
"""

import argparse
import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from datasets import Dataset
from seqeval.metrics import f1_score
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
    set_seed,
)

from bionerflow.baselines.system import f1
from bionerflow.baselines.tagging import gold_layers, mentions, tag_set
from bionerflow.baselines.token_training import seqeval_f1, train
from bionerflow.baselines.words import words
from bionerflow.config.stages import TrainSettings
from bionerflow.data.sampling import draw
from bionerflow.data.schema import Entity, read_examples
from bionerflow.formats.queries import Asked

COLUMNS = ("system", "seed", "seqeval_f1", "strict_f1")


def main() -> None:
    """Train both for each seed, and write and print their F1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="results/corpora/{corpus}")
    parser.add_argument("--base", type=Path, required=True, help="folder of an encoder")
    parser.add_argument("--train", type=int, default=1000)
    parser.add_argument("--test", type=int, default=500)
    parser.add_argument("--epochs", type=float, default=5)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        training, test = (sentences(args.corpus, split, seed, args) for split in ("train", "test"))
        for system in (ours, plain):
            scores = system(args, training, test, seed)
            rows.append(dict(zip(COLUMNS, (system.__name__, seed, *scores), strict=True)))
            print(rows[-1], flush=True)
    with args.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    for name in COLUMNS[2:]:
        means = [fmean(r[name] for r in rows if r["system"] == one) for one in ("ours", "plain")]
        print(f"{name}: ours {means[0]:.4f}, plain {means[1]:.4f}")


def sentences(corpus: Path, split: str, seed: int, args: argparse.Namespace) -> list[Asked]:
    """Draw sentences of a split, asked for all types of the corpus."""
    examples = {example.id: example for example in read_examples(corpus / f"{split}.parquet")}
    types = tuple(sorted({e.type for example in examples.values() for e in example.entities}))
    chosen = draw(list(examples), getattr(args, split), seed)
    return [
        Asked(corpus.name, "multi_bio", id, types, examples[id].text, examples[id].entities, ())
        for id in chosen
    ]


def ours(
    args: argparse.Namespace, training: Sequence[Asked], test: Sequence[Asked], seed: int
) -> tuple[float, float]:
    """Train our token classifier; return its F1 by seqeval and by our scorer."""
    settings = TrainSettings(
        num_train_epochs=args.epochs,
        learning_rate=args.learning_rate,
        lr_scheduler_type="linear",
        effective_batch_size=8,
        validations_per_epoch=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        classifier, _ = train(args.base, training, [], settings, Path(folder), seed)
    return seqeval_f1(classifier, test), f1(classifier, test) or 0.0


def plain(
    args: argparse.Namespace, training: Sequence[Asked], test: Sequence[Asked], seed: int
) -> tuple[float, float]:
    """Train as run_ner.py does; return its F1 by seqeval and by our scorer."""
    set_seed(seed)
    tags = tag_set(training[0].types)
    tokenizer = AutoTokenizer.from_pretrained(args.base)
    model = AutoModelForTokenClassification.from_pretrained(args.base, num_labels=len(tags))
    data = [tokenized(queries, tokenizer, tags) for queries in (training, test)]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=args.epochs,
                learning_rate=args.learning_rate,
                per_device_train_batch_size=8,
                save_strategy="no",
                report_to=[],
                seed=seed,
            ),
            train_dataset=data[0],
            data_collator=DataCollatorForTokenClassification(tokenizer),
            processing_class=tokenizer,
        )
        trainer.train()
        logits, labels, _ = trainer.predict(data[1])
    best = np.argmax(logits, axis=-1)
    predicted = [
        [tags[tag] for tag, label in zip(*row, strict=True) if label >= 0]
        for row in zip(best, labels, strict=True)
    ]
    gold = [
        gold_layers(query)[1][0][: len(its)] for query, its in zip(test, predicted, strict=True)
    ]
    found = map(Found, test, predicted)
    return float(f1_score(gold, predicted)), f1(Everything(list(found)), test) or 0.0


def tokenized(queries: Sequence[Asked], tokenizer: Any, tags: list[str]) -> Dataset:
    """Tokenise words and align their tags, as the example's `tokenize_and_align_labels`."""
    numbers = {tag: n for n, tag in enumerate(tags)}
    pairs = [gold_layers(query) for query in queries]
    texts = [
        [query.text[word.start : word.end] for word in places]
        for query, (places, _) in zip(queries, pairs, strict=True)
    ]
    read = tokenizer(texts, truncation=True, is_split_into_words=True)
    labels = []
    for n, (_, layers) in enumerate(pairs):
        before, row = None, []
        for word in read.word_ids(n):
            begins = word is not None and word != before
            row.append(numbers[layers[0][word]] if begins else -100)
            before = word
        labels.append(row)
    return Dataset.from_dict({**read, "labels": labels})


class Found:
    """The mentions of a sentence whose words are tagged."""

    def __init__(self, query: Asked, tags: list[str]) -> None:
        """Read the tags."""
        found = mentions([tags], words(query.text), query.text, query.types)
        self.entities: list[tuple[Entity, float | None]] = [(one, None) for one, *_ in found]


class Everything:
    """What was found, as a baseline's answers."""

    label = "plain"

    def __init__(self, found: list[Found]) -> None:
        """Keep it."""
        self.found = found

    def answer(self, queries: Sequence[Asked]) -> Any:
        """Yield it."""
        return (one.entities for one in self.found)


if __name__ == "__main__":
    main()
