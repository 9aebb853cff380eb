"""`bionerflow annotate`: find mentions in texts."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bionerflow.annotate.names import FOLDERS, INPUTS, OUTPUTS
from bionerflow.cli.parsing import at_least_one, subcommand
from bionerflow.utils.errors import UserError

if TYPE_CHECKING:
    from bionerflow.annotate.model import Annotator

ANNOTATE = """\
Find the mentions in texts with a trained run, and write them with offsets that are exact in the
original file (code points, line ends as they are, a byte order mark not counted).

INPUT is a file or a folder of files, or - for standard input: text (.txt), BRAT (.txt), PubTator,
BioC XML or JSON, JSON lines, or a table (.csv, .tsv). Annotations that an input has already are not
taken over. What is finished is kept: the same command after a stop goes on from there.
"""
ANNOTATE_EXAMPLE = """\
example:
  bionerflow annotate notes/ --model demo.smollm2-135m.conv_term.draw1 --to brat -o annotated
  bionerflow annotate reports.csv --column report --model RUN --to html -o reports.html
  cat abstract.txt | bionerflow annotate - --model RUN --to csv -o abstract.csv
  bionerflow annotate notes/ --model smollm2-135m --types Disease,Chemical --to csv -o notes.csv
  bionerflow annotate notes/ --model MODEL --types Disease --examples examples.txt --to csv -o n.csv
"""


def add_annotate(commands: argparse._SubParsersAction) -> None:
    """Add `annotate`."""
    its = subcommand(commands, "annotate", "find mentions in texts", ANNOTATE, ANNOTATE_EXAMPLE)
    its.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder, or -")
    its.add_argument("--model", required=True, metavar="RUN",
                     help="id or folder of a trained run; with --types, a chat model: a folder, or "
                     "a name of config/models.yaml")  # fmt: skip
    its.add_argument(
        "--to", choices=OUTPUTS, required=True, metavar="FORM",
        help=f"form of the output: {', '.join(OUTPUTS)}",
    )  # fmt: skip
    its.add_argument(
        "-o", "--out", type=Path, required=True,
        help="the output file (bioc: XML where it ends in .xml); brat, webanno, xmi: a new folder",
    )  # fmt: skip
    its.add_argument(
        "--from",
        dest="form",
        choices=INPUTS,
        help="form of the input, if name and content do not tell it",
    )
    its.add_argument("--column", default="text", help="column or key of the text (default: text)")
    its.add_argument("--id", metavar="COLUMN", help="column or key of the document's id")
    its.add_argument("--corpus", help="corpus whose prompts are used, if the run had several")
    its.add_argument("--format", help="output format that is asked for, if the run had several")
    its.add_argument("--selector", metavar="S", help="id or folder of a selector that filters")
    its.add_argument(
        "--threshold",
        default="0.5",
        help="probability from which the selector keeps a mention, or the file of a tuned one",
    )
    its.add_argument(
        "--batch-size",
        type=at_least_one,
        help="queries that are answered at once; fewer need less memory",
    )
    its.add_argument(
        "--no-lookalikes", action="store_false", dest="lookalikes", default=None,
        help="find mentions as they are written only, not but for look-alike characters (’ and ')",
    )  # fmt: skip
    add_engine(its.add_argument_group("engine"))
    add_zero_shot(its.add_argument_group("types of one's own (zero-shot, few-shot)"))
    its.set_defaults(command=annotate)


def add_engine(group: argparse._ArgumentGroup) -> None:
    """Add which engine answers."""
    from bionerflow.config.engines import ENGINES
    from bionerflow.utils.plugins import plugins

    names = (*ENGINES, *plugins("engine"))
    group.add_argument("--engine", choices=names, help="what answers (default: torch)")
    group.add_argument(
        "--engine-settings", type=Path, metavar="FILE",
        help="YAML: the engine's settings, as under predict.ENGINE in an experiment",
    )  # fmt: skip


def add_zero_shot(group: argparse._ArgumentGroup) -> None:
    """Add what is asked of a model that was not trained here."""
    group.add_argument("--types", metavar="A,B", help="the types, with commas between")
    group.add_argument("--definitions", type=Path, metavar="FILE", help="YAML: what types mean")
    group.add_argument("--examples", type=Path, metavar="FILE",
                       help="texts that the prompt answers first, one per line, with marked "
                       "mentions: [breast cancer](Disease)")  # fmt: skip
    group.add_argument("--language", default="en", help="of the texts (default: en)")


def annotate(args: argparse.Namespace) -> None:
    """Annotate texts."""
    from bionerflow.annotate.inputs import inputs
    from bionerflow.annotate.output import check_place

    inputs(args.inputs)
    check_place(args.out, args.to in FOLDERS, args.inputs)
    print(f"annotate: loading {args.model}", file=sys.stderr, flush=True)
    from bionerflow.annotate.sources import Reading
    from bionerflow.annotate.work import annotate as annotate_texts
    from bionerflow.utils.progress import named

    named(args.model)
    model = annotator(args)
    reading = Reading(model.language, args.form, args.column, args.id)
    summary = annotate_texts(args.inputs, reading, model, args.to, args.out, model.facts)
    counts = summary.counts
    print(
        f"{args.out}: {counts['mentions']:,} mentions in {counts['sentences']:,} sentences of "
        f"{counts['documents']:,} documents; counts in {args.out}.json"
    )


def annotator(args: argparse.Namespace) -> "Annotator":
    """Load what annotates: a run, or a chat model where types are given."""
    from bionerflow.select.threshold import read_threshold

    settings = engine_of(args)
    if args.lookalikes is False:
        settings["lookalikes"] = False
    judging = (args.selector, read_threshold(args.threshold), args.batch_size, settings)
    if args.types is None:
        if args.definitions or args.examples:
            raise UserError(
                "--definitions and --examples are for types of one's own: give --types, too."
            )
        from bionerflow.annotate.model import RunModel

        return RunModel(args.model, args.corpus, args.format, *judging)
    from bionerflow.annotate.zero_shot import BaseModel
    from bionerflow.formats.prompts import read_definitions

    types = [type.strip() for type in args.types.split(",")]
    defined = read_definitions(args.definitions) if args.definitions else {}
    examples = lines_of(args.examples) if args.examples else []
    return BaseModel(args.model, types, defined, examples, args.format, args.language, *judging)


def lines_of(file: Path) -> list[str]:
    """Return the lines of a text file.

    Raises:
        UserError: there is no such text.
    """
    try:
        return file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as UTF-8 text: {error}.") from None


def engine_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the engine of the command line, as keys of the settings of `predict`."""
    import yaml

    if not args.engine:
        if args.engine_settings:
            raise UserError("--engine-settings needs --engine.")
        return {}
    named: dict[str, Any] = {"engine": args.engine}
    given = {"model": args.model} if args.engine == "openai" else {}
    if args.engine_settings:
        try:
            given |= yaml.safe_load(args.engine_settings.read_text("utf-8")) or {}
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise UserError(f"{args.engine_settings} is no YAML of settings: {error}") from None
    return named | ({args.engine: given} if given else {})
