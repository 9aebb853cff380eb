"""Link the files of a model in a folder of the user's, with their checksums beside them."""

import argparse
import json
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.models import Local
from bionerflow.models.local import link
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments and link."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="the model's entry as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    args = parser.parse_args()
    link(parse(Local, json.loads(args.settings), "config/models.yaml"), args.out)


if __name__ == "__main__":
    run(main)
