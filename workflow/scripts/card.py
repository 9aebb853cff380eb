"""Write a run's model card: data, format, settings, scores, licences, how to load it."""

import argparse
import json
from pathlib import Path

from bionerflow.train.card import card
from bionerflow.utils.files import read_json, write_text
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--about", required=True, help="what the configuration says, as JSON")
    parser.add_argument("--metrics", type=Path, required=True, help="results/train/R/metrics.json")
    parser.add_argument("--footprint", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="results/train/R/README.md")
    args = parser.parse_args()
    metrics, cost = read_json(args.metrics), read_json(args.footprint)
    scores = read_json(args.evaluation)["scores"]
    write_text(args.out, card(json.loads(args.about), metrics, cost, scores))


if __name__ == "__main__":
    run(main)
