"""Keep predictions and scores without text, for resources/measured."""

import argparse
from pathlib import Path

from bionerflow.data.measured import keep
from bionerflow.utils.environment import MADE_WITH
from bionerflow.utils.files import read_json
from bionerflow.utils.script import run

#: What is kept of a run's metrics.
KNOWN = ("settings", "seed", "data", "base", "seconds", "tokens", "memory_mb", "environment")

#: What is kept of what made the answers.
MADE = ("engine", *MADE_WITH)


def main() -> None:
    """Read the arguments, write one file of JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True, help="a Parquet file")
    parser.add_argument("--evaluation", type=Path, required=True, help="results/evaluate/R.json")
    parser.add_argument("--metrics", type=Path, required=True, help="results/train/R/metrics.json")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    metrics, evaluation = read_json(args.metrics), read_json(args.evaluation)
    pooled = [s for s in evaluation["scores"] if s["corpus"] is None and s["format"] is None]
    about = {key: metrics[key] for key in KNOWN if key in metrics}
    scores = {key: pooled[0][key] for key in ("n", "strict", "relaxed", "seen", "unseen")}
    made = {key: evaluation[key] for key in MADE if key in evaluation}
    about |= {"predictions": args.out.stem, "scores": scores, **made}
    keep(args.predictions, args.out, about)


if __name__ == "__main__":
    run(main)
