"""A token classifier is trained by the Trainer of runs, with its checkpoints and records."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from seqeval.metrics import f1_score
from torch.nn.functional import cross_entropy

from bionerflow.baselines.tagging import gold_layers, layers_of
from bionerflow.baselines.token_classification import Piece, TokenClassifier
from bionerflow.config.stages import TrainSettings
from bionerflow.formats.queries import Asked
from bionerflow.models.chat import Encoded
from bionerflow.train.data import IGNORED, Conversations, Row
from bionerflow.train.finetune import fit_rows
from bionerflow.train.trainer import ValidatingTrainer
from bionerflow.utils.errors import UserError


class Tagged(Conversations):
    """Tokenised sentences with their tags; too long ones are left out and counted."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        tags: Sequence[list[list[int]]],
        max_length: int,
        languages: Sequence[str] = (),
    ) -> None:
        """Keep what fits; `tags` are numbers, a list per layer, of each piece's words."""
        encoded = [Encoded(piece.ids, []) for piece in pieces]
        super().__init__(encoded, max_length, languages)
        pairs = zip(pieces, tags, strict=True)
        self.tagged = [(p.firsts, tags) for p, tags in pairs if len(p.ids) <= max_length]

    def __getitem__(self, n: int) -> Row:
        """Return a row: token ids, where each word begins, and the words' tags."""
        firsts, tags = self.tagged[n]
        return {"input_ids": self.kept[n].ids, "firsts": firsts, "tags": tags}


class TaggingTrainer(ValidatingTrainer):
    """Its loss is the mean over the words of a batch and their layers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the loss function, whose result the Trainer scales if there are several devices."""
        super().__init__(*args, **(kwargs | {"compute_loss_func": layered_loss}))

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss; `shift_labels`, by which the Trainer counts, is no input."""
        inputs = {name: value for name, value in inputs.items() if name != "shift_labels"}
        return super().compute_loss(model, inputs, *args, **kwargs)


def layered_loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> Any:
    """Return the cross entropy of tags.

    Args:
        outputs: Has `logits` (rows, tokens, layers * tags).
        labels: (rows, tokens, layers), IGNORED where no word begins.
        num_items_in_batch: The labels of the whole batch, by which the sum is divided.
    """
    logits = outputs.logits.float().unflatten(-1, (labels.shape[-1], -1)).flatten(0, 2)
    total = cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")
    items = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
    return total / items


def collator(classifier: TokenClassifier) -> Any:
    """Return what pads rows for a classifier; a filler, which has no tags, teaches nothing."""

    def collate(rows: Sequence[Row]) -> dict[str, Any]:
        inputs = classifier.padded([row["input_ids"] for row in rows])
        labels = torch.full((*inputs["input_ids"].shape, classifier.layers), IGNORED)
        for n, row in enumerate(rows):
            if row.get("firsts"):
                labels[n, row["firsts"]] = torch.tensor(row["tags"]).T
        return {**inputs, "labels": labels, "shift_labels": labels}

    return collate


def dataset(
    classifier: TokenClassifier,
    queries: Sequence[Asked],
    max_length: int,
    languages: Sequence[str] = (),
) -> Tagged:
    """Return the training data of sentences; those without a word teach nothing."""
    numbers = {tag: n for n, tag in enumerate(classifier.tags)}
    pieces = classifier.pieces(queries, whole=True)
    tags = []
    for piece in pieces:
        layers = layers_of(gold_layers(queries[piece.query])[1], classifier.layers)
        tags.append([[numbers[layer[word]] for word in piece.words] for layer in layers])
    if not pieces:
        raise UserError("No training sentence has a word: see results/curate/*/train.parquet.")
    spoken = [languages[piece.query] for piece in pieces] if languages else ()
    return Tagged(pieces, tags, min(max_length, classifier.limit), spoken)


def seqeval_f1(classifier: TokenClassifier, queries: Sequence[Asked]) -> float:
    """Return F1 as seqeval counts it, each layer of a sentence as a sequence of tags."""
    gold = [layers_of(gold_layers(query)[1], classifier.layers) for query in queries]
    predicted = [tagging.tags for tagging in classifier.tag(queries)]
    flat = [list(chain.from_iterable(layers)) for layers in (gold, predicted)]
    return float(f1_score(*flat, zero_division=0))


def train(
    base: Path,
    queries: Sequence[Asked],
    dev: Sequence[Asked],
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
    languages: Sequence[str] = (),
) -> tuple[TokenClassifier, dict[str, Any]]:
    """Fine-tune the encoder in `base` as a whole; with dev sentences, keep the best weights.

    A training that was killed goes on from `checkpoints`. Returns the classifier and what is to be
    recorded of its training (train.finetune.fit).
    """
    if settings.method != "full":
        raise UserError(
            f"A token classifier is trained as a whole: method must be full, not {settings.method}."
        )
    torch.manual_seed(seed)
    classifier = TokenClassifier.untrained(base, queries, settings.attn_implementation)

    def validate(_: Any) -> float:
        return seqeval_f1(classifier, dev)

    _, recorded = fit_rows(
        classifier.model,
        classifier.tokenizer,
        dataset(classifier, queries, settings.max_length, languages),
        collator(classifier),
        settings,
        checkpoints,
        seed,
        validate if dev else None,
        trainer_class=TaggingTrainer,
    )
    recorded["settings"]["metric"] = "F1 by seqeval"
    return classifier, recorded | {"layers": classifier.layers}
