"""Constrained answers of a model, format by format: how many parse, and what the constraint costs.

    python benchmarks/constrained.py results/models/package/smollm2-135m \
        results/corpora/ncbi_disease/train.parquet Disease

Prints, for each format: answers, how many parse (nothing malformed, of unknown type, not in the
text, cut off), the same without the constraint, tokens, and the constraint's CPU time in percent of
all other decoding.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import Example, read_examples
from bionerflow.formats import FORMATS, format_named
from bionerflow.formats.prompts import Asking, conversation
from bionerflow.formats.queries import Asked
from bionerflow.inference.constrained import Vocabulary, Writer
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.inference.predict import predict
from bionerflow.models.loading import load_causal, load_tokenizer

UNPARSABLE = {"malformed", "unknown_type", "not_in_text", "truncated"}


def queries(name: str, examples: Sequence[Example], types: tuple[str, ...]) -> list[Asked]:
    """Ask for one query's types in each sentence."""
    format = format_named(name)
    asked = format.queries(types)[0]
    asking = Asking("benchmark", examples[0].language, types)
    return [
        Asked("", name, e.id, asked, e.text, (), tuple(turns))
        for e in examples
        for turns in [conversation(asking, format, e.text, (), asked)]
    ]


def timed(kind: type, name: str, spent: list[float]) -> None:
    """Add the CPU seconds of a method to `spent`."""
    method = getattr(kind, name)

    def call(*arguments: Any, **options: Any) -> Any:
        start = time.process_time()
        result = method(*arguments, **options)
        spent.append(time.process_time() - start)
        return result

    setattr(kind, name, call)


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("examples", help="a split of a corpus, as the stage corpora writes it")
    parser.add_argument("types", help="with commas between; formats of one type take the first")
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--free", type=int, default=100, help="sentences without the constraint")
    parser.add_argument("--characters", type=int, default=120, help="of a sentence, at most")
    parser.add_argument("--tokens", type=int, default=256, help="of an answer, at most")
    parser.add_argument("--formats", default=",".join(FORMATS))
    args = parser.parse_args()
    model, tokenizer = load_causal(args.model), load_tokenizer(args.model)
    examples = [e for e in read_examples(args.examples) if len(e.text) <= args.characters]
    spent: list[float] = []
    for kind, method in ((Writer, "__init__"), (Writer, "choose"), (Vocabulary, "__init__")):
        timed(kind, method, spent)
    print(f"{'format':14}{'answers':>9}{'parse':>9}{'free':>9}{'tokens':>9}{'cost':>8}")
    for name in args.formats.split(","):
        shares = []
        for n, constrained in ((args.sentences, True), (args.free, False)):
            asked = queries(name, examples[:n], tuple(args.types.split(",")))
            settings = PredictSettings(max_new_tokens=args.tokens, constrained=constrained)
            start, before = time.process_time(), sum(spent)
            with TemporaryDirectory() as folder:
                rows = list(predict(TorchEngine(model, tokenizer), asked, settings, Path(folder)))
            if constrained:
                cost = sum(spent) - before
                rest = time.process_time() - start - cost
                answers = sum(len(row["answers"]) for row in rows)
                said = [answer for row in rows for answer in row["answers"]]
                tokens = sum(map(len, tokenizer(said)["input_ids"]))
            sound = [{p["kind"] for p in row["problems"]}.isdisjoint(UNPARSABLE) for row in rows]
            shares.append(100 * sum(sound) / len(sound))
        print(
            f"{name:14}{answers:9}{shares[0]:8.1f}%{shares[1]:8.1f}%"
            f"{tokens / answers:9.1f}{100 * cost / rest:7.1f}%",
            flush=True,
        )


if __name__ == "__main__":
    main()
