"""What a run's answers cost per sentence."""

import argparse
from pathlib import Path

from bionerflow.config.workflow import FootprintSettings
from bionerflow.tables.cost import per_sentence
from bionerflow.utils.files import read_result, write_result
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spent", type=Path, nargs="?", help="results/cost/{run}.json")
    parser.add_argument("--parameters", type=float, required=True, help="of the model")
    parser.add_argument("--constants", required=True, help="footprint settings as JSON")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    constants = FootprintSettings.model_validate_json(args.constants)
    spent = read_result(args.spent) if args.spent else None
    write_result(args.out, per_sentence(spent, args.parameters, constants))


if __name__ == "__main__":
    run(main)
