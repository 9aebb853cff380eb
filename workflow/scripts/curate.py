"""Choose a run's training and dev conversations from rendered corpora, and say why."""

import argparse
import json
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.stages import CurateSettings
from bionerflow.curate import curate
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, choose, write train, dev and kept with their cards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rendered", type=Path, required=True, help="results/render")
    parser.add_argument(
        "--corpora",
        type=json.loads,
        required=True,
        help='JSON: {"genia": {"discontinuous": false}}',
    )
    parser.add_argument("--formats", required=True, help="names with commas between")
    parser.add_argument("--settings", type=json.loads, required=True, help="CurateSettings as JSON")
    parser.add_argument("--draw", type=int, required=True, help="seed of all random choices")
    parser.add_argument("--scores", type=Path, nargs="*", default=[], help="files of the ifd stage")
    parser.add_argument("--out", type=Path, required=True, help="results/curate/RUN")
    args = parser.parse_args()
    curate(
        args.rendered,
        {name: corpus["discontinuous"] for name, corpus in args.corpora.items()},
        args.formats.split(","),
        parse(CurateSettings, args.settings, "--settings"),
        args.draw,
        args.scores,
        args.out,
    )


if __name__ == "__main__":
    run(main)
