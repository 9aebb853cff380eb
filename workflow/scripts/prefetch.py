"""Fetch a model from the Hugging Face Hub, so that compute jobs need no network."""

import argparse
import json
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.models import Hub
from bionerflow.models.hub import prefetch
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments and fetch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="the model's entry as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    args = parser.parse_args()
    prefetch(parse(Hub, json.loads(args.settings), "config/models.yaml"), args.out)


if __name__ == "__main__":
    run(main)
