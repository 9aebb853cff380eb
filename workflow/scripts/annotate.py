"""Annotate a share of texts with a run, or write what all shares found in one form."""

import argparse
import json
from pathlib import Path

from bionerflow.config.base import parse
from bionerflow.config.workflow import AnnotationSettings
from bionerflow.utils.files import read_json, write_result
from bionerflow.utils.script import run


def main() -> None:
    """Parse the arguments and run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    share = commands.add_parser("share", help="annotate every n-th chunk, and list where it is")
    share.add_argument("--inputs", nargs="+", required=True, help="files and folders")
    share.add_argument("--share", type=int, required=True, help="number of this job, from 1")
    share.add_argument("--shares", type=int, required=True, help="number of jobs")
    share.add_argument("--parts", type=Path, required=True, help="folder of finished chunks")
    share.add_argument("--threads", type=int, required=True)
    share.add_argument("--settings", type=json.loads, required=True, help="JSON")
    share.set_defaults(command=annotate_one_share)
    write = commands.add_parser("write", help="write finished chunks in a form")
    write.add_argument("--shares", type=Path, nargs="+", required=True, help="lists of chunks")
    write.add_argument("--form", required=True)
    write.set_defaults(command=write_form)
    for command in (share, write):
        command.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.command(args)


def annotate_one_share(args: argparse.Namespace) -> None:
    """Annotate a share of the texts."""
    import torch

    from bionerflow.annotate.model import RunModel
    from bionerflow.annotate.sources import Reading
    from bionerflow.annotate.work import annotate_share

    torch.set_num_threads(args.threads)
    its = parse(AnnotationSettings, {"inputs": args.inputs, **args.settings}, "--settings")
    model = RunModel(
        its.run, its.corpus, its.format, its.selector, its.threshold, engine=its.predict
    )
    reading = Reading(model.language, its.form, its.column, its.id)
    share = (args.share - 1, args.shares)
    files = annotate_share(args.inputs, reading, model, args.parts, share)
    write_result(args.out, {"facts": model.facts, "files": list(map(str, files))})


def write_form(args: argparse.Namespace) -> None:
    """Write the chunks of all shares, in the order of the texts."""
    from bionerflow.annotate.work import write

    shares = list(map(read_json, args.shares))
    files = sorted(Path(file) for share in shares for file in share["files"])
    write(files, args.form, args.out, shares[0]["facts"])


if __name__ == "__main__":
    run(main)
