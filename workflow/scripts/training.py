"""Draw a run's curves, and estimate its energy and carbon."""

import argparse
from pathlib import Path

from bionerflow.config.workflow import FootprintSettings
from bionerflow.train.curves import curves
from bionerflow.train.footprint import footprint
from bionerflow.utils.files import read_json, whole, write_result
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write the figure's files and a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="results/train/R/metrics.json")
    parser.add_argument("--constants", required=True, help="footprint settings as JSON")
    parser.add_argument("--footprint", type=Path, required=True)
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="PNG or SVG")
    args = parser.parse_args()
    metrics = read_json(args.metrics)
    for path in args.figures:
        with whole(path) as part:
            kind, unstamped = path.suffix[1:], {"Date": None} if path.suffix == ".svg" else None
            curves(metrics).savefig(part, format=kind, metadata=unstamped, dpi=150)
    constants = FootprintSettings.model_validate_json(args.constants)
    write_result(args.footprint, footprint(metrics, constants))


if __name__ == "__main__":
    run(main)
