"""Score a run's predictions against gold: precision, recall, F1 and what stands beside them."""

import argparse
from pathlib import Path

from bionerflow.data.schema import read_card
from bionerflow.evaluate import evaluate
from bionerflow.utils.environment import made_with
from bionerflow.utils.files import write_result
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, score, write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True, help="results/predict/R.parquet")
    parser.add_argument("--gold", type=Path, required=True, help="folder of {corpus}/test.parquet")
    parser.add_argument("--train", type=Path, required=True, help="results/curate/R/train.parquet")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    found, card = evaluate(args.predictions, args.gold, args.train), read_card(args.predictions)
    corpora = sorted({score["corpus"] for score in found["scores"]} - {None})
    hashes = {its: read_card(args.gold / its / "test.parquet")["sha256"] for its in corpora}
    made = {"engine": card.get("engine", ""), "corpora": hashes, **made_with(card)}
    write_result(args.out, found | made)


if __name__ == "__main__":
    run(main)
