"""The command `bionerflow`: what a person with texts or a corpus of their own does.

Each subcommand imports what it needs when it runs, so that help comes at once.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bionerflow.annotate.names import FOLDERS, INPUTS, OUTPUTS
from bionerflow.utils.errors import UserError

if TYPE_CHECKING:
    from bionerflow.annotate.model import Annotator
    from bionerflow.corpora.new_corpus.choices import Choices

EXAMPLE = """\
example:
  bionerflow annotate notes/ --model RUN --to html -o notes.html
  bionerflow new-corpus annotated-notes/ --name notes
"""

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
"""

CLEAR_CACHE = """\
Delete the answers of endpoints (engine openai) and the converted models (engine ctranslate2) that
are kept in the user's cache. The folder is that of the environment variable BIONERFLOW_CACHE, else
~/.cache/bionerflow.
"""
CLEAR_CACHE_EXAMPLE = """\
example:
  bionerflow clear-cache
"""

NEW_CORPUS = """\
Check a folder of annotated texts, and write a configuration with which the workflow trains on it.

DIR holds files of one form: BRAT, PubTator, BioC and PubTator3 (XML, JSON), token columns (IOB,
CoNLL), JSON lines, or exports of WebAnno and INCEpTION (TSV 3, UIMA CAS), Label Studio, doccano,
Prodigy, spaCy, GLiNER, Hugging Face and others; docs/own-corpus.md shows a mention in each. Files
or folders whose names begin or end with train, dev and test are these splits; where none is named,
whole documents are dealt 80, 10 and 10 % at random, by seed. What the files do not say is guessed,
with the evidence, and can be said instead.
"""
NEW_CORPUS_EXAMPLE = """\
example:
  bionerflow new-corpus notes/ --name notes
  snakemake results/tables/table5.csv --cores 2 --configfile own/notes/config.yaml
"""

CHECK = """\
Say what targets of the workflow need before they are made: files to bring by hand, gated models and
tokens, disk, memory, jobs, and by table GPU hours, kWh and gCO2e from the rates in the
configuration; after runs, what they cost beside the forecast. Nothing is fetched or computed.
"""
CHECK_EXAMPLE = """\
example:
  bionerflow check results/tables/table5.csv
  bionerflow check tables figures --configfile config/demo-all.yaml
"""

TRACE = """\
Print the way from a cell of a table back to its raw files: its number, the runs behind it with
their machine and versions, every command in order, and the checksums of models and raw files.
`--repeat` makes the cell anew in an empty folder and says whether it is equal.
"""
TRACE_EXAMPLE = """\
example:
  bionerflow trace mfner/table5 NCBI-Disease conv_term
  bionerflow trace table5 sample_flat conv_term --configfile config/demo.yaml --repeat again
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where help is."""
        self.exit(2, f"error: {message}; `{self.prog} --help` explains\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one subcommand; an error is one line, and a traceback where `--debug` asks for it."""
    args = parser().parse_args(arguments)
    try:
        args.command(args)
    except KeyboardInterrupt:
        sys.exit("stopped: the same command goes on from here")
    except (UserError, OSError) as error:
        if args.debug:
            traceback.print_exc()
        sys.exit(f"error: {in_words(error)}")
    except Exception as error:
        if args.debug:
            raise
        kind = type(error).__name__
        sys.exit(f"error: {kind}: {error} (a fault of the program: --debug shows where)")


def in_words(error: UserError | OSError) -> str:
    """Return an error in one line; the system's are named by their file."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = Parser(
        prog="bionerflow",
        description="Biomedical named entity recognition with trained runs of this project.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_annotate(commands)
    add_new_corpus(commands)
    add_rank_texts(commands)
    add_add_corrections(commands)
    add_new_experiment(commands)
    add_check(commands)
    add_trace(commands)
    add_clear_cache(commands)
    return top


def subcommand(
    commands: argparse._SubParsersAction, name: str, short: str, description: str, example: str
) -> argparse.ArgumentParser:
    """Add a subcommand that explains itself with an example."""
    its = commands.add_parser(
        name,
        help=short,
        description=description,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    its.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return its


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
    its.add_argument("--from", dest="form", choices=INPUTS, help="form of the input, if not told")
    its.add_argument("--column", default="text", help="of a table or JSON record: the text")
    its.add_argument("--id", metavar="COLUMN", help="of a table or JSON record: the document's id")
    its.add_argument("--corpus", help="ask as for this corpus, where the run had several")
    its.add_argument("--format", help="ask in this output format, where the run had several")
    its.add_argument("--selector", metavar="S", help="id or folder of a selector that filters")
    its.add_argument(
        "--threshold",
        default="0.5",
        help="probability from which the selector keeps a mention, or the file of a tuned one",
    )
    its.add_argument(
        "--batch-size", type=at_least_one, help="queries answered at once; fewer need less memory"
    )
    add_engine(its.add_argument_group("engine"))
    add_zero_shot(its.add_argument_group("types of one's own, without training (zero-shot)"))
    its.set_defaults(command=annotate)


def add_engine(group: argparse._ArgumentGroup) -> None:
    """Add which engine answers."""
    from bionerflow.config.engines import ENGINES

    group.add_argument("--engine", choices=ENGINES, help="what answers (default: torch)")
    group.add_argument(
        "--engine-settings", type=Path, metavar="FILE",
        help="YAML: the engine's settings, as under predict.ENGINE in an experiment",
    )  # fmt: skip


def add_zero_shot(group: argparse._ArgumentGroup) -> None:
    """Add what is asked of a model that was not trained here."""
    group.add_argument("--types", metavar="A,B", help="the types, with commas between")
    group.add_argument("--definitions", type=Path, metavar="FILE", help="YAML: what types mean")
    group.add_argument("--language", default="en", help="of the texts (default: en)")


def add_clear_cache(commands: argparse._SubParsersAction) -> None:
    """Add `clear-cache`."""
    short = "delete kept answers and converted models"
    its = subcommand(commands, "clear-cache", short, CLEAR_CACHE, CLEAR_CACHE_EXAMPLE)
    its.set_defaults(command=clear_cache)


def clear_cache(args: argparse.Namespace) -> None:
    """Delete what is kept in the cache."""
    from bionerflow.utils.cache import cache_folder
    from bionerflow.utils.cache import clear_cache as clear

    print(f"{cache_folder()}: {clear() / 1e6:,.1f} MB deleted")


def at_least_one(given: str) -> int:
    """Return a number of the command line."""
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given} is not a number from 1")
    return int(given)


def annotate(args: argparse.Namespace) -> None:
    """Annotate texts."""
    from bionerflow.annotate.inputs import inputs
    from bionerflow.annotate.output import check_place

    inputs(args.inputs)
    check_place(args.out, args.to in FOLDERS, args.inputs)
    print(f"annotate: loading {args.model}", file=sys.stderr, flush=True)
    from bionerflow.annotate.sources import Reading
    from bionerflow.annotate.work import annotate as annotate_texts

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

    judging = (args.selector, read_threshold(args.threshold), args.batch_size, engine_of(args))
    if args.types is None:
        if args.definitions:
            raise UserError("--definitions is for types of one's own: give --types, too.")
        from bionerflow.annotate.model import RunModel

        return RunModel(args.model, args.corpus, args.format, *judging)
    from bionerflow.annotate.zero_shot import BaseModel

    types = [type.strip() for type in args.types.split(",")]
    return BaseModel(args.model, types, args.definitions, args.format, args.language, *judging)


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


def add_new_corpus(commands: argparse._SubParsersAction) -> None:
    """Add `new-corpus`."""
    short = "check annotated texts and make a corpus of them"
    its = subcommand(commands, "new-corpus", short, NEW_CORPUS, NEW_CORPUS_EXAMPLE)
    its.add_argument("folder", type=Path, metavar="DIR", help="folder of annotated texts")
    its.add_argument("--name", required=True, help="of the corpus: small letters, digits, _ and -")
    its.add_argument("--language", default="en", help="code, such as en, zh or de (default: en)")
    its.add_argument(
        "--model", default="smollm2-135m",
        help="of config/models.yaml, what is trained (default: smollm2-135m, for two CPU cores)",
    )  # fmt: skip
    its.add_argument("-o", "--out", type=Path, help="folder of the entry (default: own/NAME)")
    add_choices(its.add_argument_group("instead of guesses"))
    its.set_defaults(command=new_corpus)


def add_choices(group: argparse._ArgumentGroup) -> None:
    """Add what can be said of a corpus instead of being guessed (`new_corpus.choices`)."""
    from bionerflow.config.corpora import UNITS

    on_off = argparse.BooleanOptionalAction
    group.add_argument("--form", metavar="READER", help="the form to read, where there are several")
    group.add_argument("--splits", choices=("names", "none"), default="names",
                       help="whether names of files tell splits")  # fmt: skip
    for split in ("train", "dev", "test"):
        group.add_argument(f"--{split}", nargs="+", metavar="PATTERN", help=f"files of {split}")
    group.add_argument("--joiner", help="what stands between tokens: ' ' or ''")
    group.add_argument("--token", type=int, metavar="COLUMN", help="of the tokens, counted from 0")
    group.add_argument("--layers", nargs="+", help="columns of the tags, or names of layers")
    group.add_argument("--folders", nargs="+", help="of BRAT's texts and annotations, if apart")
    group.add_argument("--offsets", choices=UNITS, help="what offsets count (default: characters)")
    group.add_argument("--shift", type=int, help="by how much all offsets are too large")
    group.add_argument("--line-ends", action=on_off, help="a line end is a sentence border")
    group.add_argument("--trim", action=on_off, default=True,
                       help="cut white space off the edges of mentions")  # fmt: skip
    group.add_argument("--join-wrapped", action=on_off, default=True,
                       help="make fragments that white space alone parts one")  # fmt: skip
    group.add_argument("--max-lost", type=float, default=0.5, metavar="SHARE",
                       help="of the mentions, more is an error (default: 0.5)")  # fmt: skip


def choices_of(args: argparse.Namespace) -> "Choices":
    """Return what was said of a corpus."""
    from bionerflow.corpora.new_corpus.choices import Choices

    given = vars(args)
    patterns = {split: given[split] for split in ("train", "dev", "test") if given[split]}
    names = ("form", "joiner", "layers", "token", "folders", "offsets", "shift", "line_ends",
             "trim", "join_wrapped", "max_lost")  # fmt: skip
    said = {name: given[name] for name in names}
    return Choices(by_name=args.splits == "names", patterns=patterns, **said)


def new_corpus(args: argparse.Namespace) -> None:
    """Make a corpus of annotated texts."""
    import re

    from bionerflow.config.models import known_models
    from bionerflow.corpora.new_corpus import new_corpus as make
    from bionerflow.corpora.new_corpus.words import told
    from bionerflow.utils.errors import nearest

    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", args.name):
        raise UserError(f"--name {args.name!r}: only small letters, digits, _ and - may be in it.")
    models = known_models()
    if args.model not in models:
        raise UserError(f"There is no model '{args.model}'.{nearest(args.model, models)}")
    out = args.out or Path("own", args.name)
    choices = choices_of(args)
    report = make(args.folder, args.name, args.language, args.model, models, out, choices)
    print(told(report))
    print(f"\nWritten to {out}; report.json lists all that is odd. Look it over, then:")
    print(f"  snakemake results/tables/table5.csv --cores 2 --configfile {out / 'config.yaml'}")


def add_check(commands: argparse._SubParsersAction) -> None:
    """Add `check`."""
    short = "say what targets of the workflow need and cost"
    its = subcommand(commands, "check", short, CHECK, CHECK_EXAMPLE)
    its.add_argument("targets", nargs="+", metavar="TARGET", help="file or rule of the workflow")
    add_configuration(its)
    its.set_defaults(command=check)


def add_configuration(its: argparse.ArgumentParser) -> None:
    """Add what Snakemake takes a configuration from."""
    its.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="as of snakemake")
    its.add_argument("--profile", metavar="PROFILE", help="as of snakemake")


def check(args: argparse.Namespace) -> None:
    """Print what targets need and cost."""
    from bionerflow.workflow.check import check as checked

    print(checked(args.targets, args.configfile, args.profile))


def add_trace(commands: argparse._SubParsersAction) -> None:
    """Add `trace`."""
    short = "print the way from a table's cell back to its raw files"
    its = subcommand(commands, "trace", short, TRACE, TRACE_EXAMPLE)
    its.add_argument("table", metavar="TABLE", help="PAPER/TABLE, or TABLE of the primary paper")
    its.add_argument("row", metavar="ROW", help="title or key of the row")
    its.add_argument("column", metavar="COLUMN", help="title of the column")
    its.add_argument("--repeat", type=Path, metavar="FOLDER", help="make the cell anew there")
    add_configuration(its)
    its.set_defaults(command=trace)


def trace(args: argparse.Namespace) -> None:
    """Print the way back from a cell, and repeat it where that is asked."""
    from bionerflow.workflow.check import options_of
    from bionerflow.workflow.trace import find, repeat
    from bionerflow.workflow.trace import trace as traced

    options = options_of(args.configfile, args.profile)
    found = find(args.table, args.row, args.column, args.configfile)
    print(traced(found, options))
    if args.repeat:
        print(repeat(found, args.repeat, options))


RANK_TEXTS = """\
List which texts to correct first: those of which models are unsure, or in which they disagree.

OUTPUT is what `bionerflow annotate --to jsonl` wrote: one file per model, of the same texts. The
list is a table with a row per document: its score, the uncertainty (one minus the mean confidence
of its mentions) and, of several models, the disagreement (one minus the mean F1 of each pair).
"""
RANK_TEXTS_EXAMPLE = """\
example:
  bionerflow annotate pool/ --model RUN --to jsonl -o pool.jsonl
  bionerflow rank-texts pool.jsonl -o first.csv
"""

ADD_CORRECTIONS = """\
Compare corrected texts with their pre-annotation, and add them to the corpus as a new version.

CORRECTED is a file or folder as BRAT, INCEpTION, Label Studio, doccano, Prodigy or another tool has
it after correction; several are annotators of the same texts. The folder of the new version has
agreement.csv (F1 and Cohen's kappa, by type and annotator), disagreements.csv, corrections.json,
and a configuration whose table shows runs before and after on the same test set. Of several
annotators of a text, the mentions count that more than half of them marked.
"""
ADD_CORRECTIONS_EXAMPLE = """\
example:
  bionerflow annotate pool/ --model notes.smollm2-135m.conv_term.draw1 --to brat -o before
  cp -r before anna                                  # correct the files in anna/ with BRAT
  bionerflow add-corrections anna --before before --config own/notes/config.yaml
  snakemake results/tables/corrections.csv --cores 2 --configfile own/notes-v2/config.yaml
"""


def add_rank_texts(commands: argparse._SubParsersAction) -> None:
    """Add `rank-texts`."""
    short = "list which texts to correct first"
    its = subcommand(commands, "rank-texts", short, RANK_TEXTS, RANK_TEXTS_EXAMPLE)
    its.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="JSON lines")
    its.add_argument("-o", "--out", type=Path, required=True, help="the list, a CSV file")
    its.set_defaults(command=rank_texts)


def rank_texts(args: argparse.Namespace) -> None:
    """List which texts to correct first."""
    from bionerflow.annotate.ranking import rank
    from bionerflow.utils.files import write_text

    listed = rank(args.outputs)
    write_text(args.out, listed.to_csv(index=False))
    print(f"{args.out}: {len(listed):,} documents, those to correct first on top")


def add_add_corrections(commands: argparse._SubParsersAction) -> None:
    """Add `add-corrections`."""
    short = "add corrected pre-annotations to a corpus"
    its = subcommand(commands, "add-corrections", short, ADD_CORRECTIONS, ADD_CORRECTIONS_EXAMPLE)
    its.add_argument("corrected", nargs="+", type=Path, metavar="CORRECTED", help="file or folder")
    its.add_argument("--before", type=Path, required=True, help="what `annotate` wrote")
    its.add_argument(
        "--config", type=Path, required=True, metavar="FILE",
        help="configuration that the corpus is trained with: own/NAME/config.yaml",
    )  # fmt: skip
    its.add_argument("--corpus", help="the corpus, where the configuration has several")
    its.add_argument("--name", help="of the new version (default: NAME-v2, then NAME-v3)")
    its.add_argument("-o", "--out", type=Path, help="folder of the version (default: own/NAME-v2)")
    its.add_argument("--annotator", help="take this one's mentions, not those of the majority")
    its.add_argument(
        "--train-on", metavar="RUN",
        help="compare a run, too, that begins with this one's model, not the base's",
    )  # fmt: skip
    its.set_defaults(command=add_corrections)


def add_corrections(args: argparse.Namespace) -> None:
    """Compare corrections, and add them."""
    from bionerflow.annotate.corrections import add_corrections as add
    from bionerflow.annotate.corrections.words import told

    given = (args.corpus, args.name, args.out, args.annotator, args.train_on)
    print(told(add(args.corrected, args.before, args.config, *given)))


NEW_EXPERIMENT = """\
Write an experiment of your own, in one file: a base model, a grid of settings, and corpora.

Each output format with each combination of the grid's values is a configuration; each of them is
trained once per draw. The report and the table of every run on every corpus need no more than this
file. It is checked as the workflow will read it before it is written.
"""
NEW_EXPERIMENT_EXAMPLE = """\
example:
  bionerflow new-experiment --name mine --model models/my-model --corpora ncbi_disease genia \\
      --formats conv_term json_entity --grid train.learning_rate 1e-3 5e-4
  snakemake results/tables/runs.csv results/report.html --cores 2 --configfile own/mine.yaml
"""


def add_new_experiment(commands: argparse._SubParsersAction) -> None:
    """Add `new-experiment`."""
    short = "write an experiment of your own"
    its = subcommand(commands, "new-experiment", short, NEW_EXPERIMENT, NEW_EXPERIMENT_EXAMPLE)
    its.add_argument("--name", required=True, help="small letters, digits, _ and -")
    its.add_argument("--model", required=True, help="folder, or a name of config/models.yaml")
    its.add_argument("--corpora", nargs="+", required=True, metavar="CORPUS",
                     help="names of config/corpora.yaml, or of --corpora-file")  # fmt: skip
    its.add_argument(
        "--corpora-file", type=Path, metavar="FILE", help="such as own/notes/corpora.yaml"
    )
    its.add_argument("--formats", nargs="+", default=["conv_term"], metavar="FORMAT",
                     help="output formats (default: conv_term)")  # fmt: skip
    its.add_argument("--grid", nargs="+", action="append", default=[], metavar="KEY VALUE",
                     help="a setting and its values: train.learning_rate 1e-3 5e-4")  # fmt: skip
    its.add_argument("--draws", nargs="+", type=int, default=[1], metavar="SEED")
    its.add_argument("--train", type=at_least_one, metavar="N", help="training sentences per corpus"
                     " at most (default: all)")  # fmt: skip
    its.add_argument("--test", type=at_least_one, default=300, metavar="N",
                     help="test sentences per corpus at most (default: 300)")  # fmt: skip
    its.add_argument("-o", "--out", type=Path, help="the file (default: own/NAME.yaml)")
    its.set_defaults(command=new_experiment)


def new_experiment(args: argparse.Namespace) -> None:
    """Write an experiment, once the workflow's own check finds no fault in it."""
    from bionerflow.config.new_experiment import as_yaml
    from bionerflow.config.new_experiment import new_experiment as made
    from bionerflow.utils.files import write_text
    from bionerflow.workflow.plan.own import base_settings, checked

    out = args.out or Path("own", f"{args.name}.yaml")
    if out.exists():
        raise UserError(f"{out} is there already: remove it, or give another --name or -o.")
    grid = {key: values for key, *values in args.grid}
    base = base_settings(args.model, args.train, args.test)
    config = made(args.name, args.model, args.corpora, args.formats, grid, base, args.draws)
    if args.corpora_file:
        config["corpora"] = str(args.corpora_file)
    runs = checked(config)
    write_text(out, as_yaml(config, out))
    print(f"{out}: {len(runs)} runs, {runs[0]} first. To run them:")
    print(f"  snakemake results/tables/runs.csv results/report.html --cores 2 --configfile {out}")
