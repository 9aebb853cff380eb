"""Make a model of the first layers of another one."""

import argparse
import json
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.models import Layers
from bionerflow.models.layers import keep_layers
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, write the smaller model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="the model's entry as JSON")
    parser.add_argument("--whole", type=Path, required=True, help="folder of the whole model")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    args = parser.parse_args()
    settings = parse(Layers, json.loads(args.settings), "config/models.yaml")
    keep_layers(settings, args.whole, args.out)


if __name__ == "__main__":
    run(main)
