"""`bionerflow new-corpus`: check annotated texts and make a corpus of them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bionerflow.cli.parsing import subcommand
from bionerflow.utils.errors import UserError

if TYPE_CHECKING:
    from bionerflow.corpora.new_corpus.choices import Choices

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


def add_new_corpus(commands: argparse._SubParsersAction) -> None:
    """Add `new-corpus`."""
    short = "check annotated texts and make a corpus of them"
    its = subcommand(commands, "new-corpus", short, NEW_CORPUS, NEW_CORPUS_EXAMPLE)
    its.add_argument("folder", type=Path, metavar="DIR", help="folder of annotated texts")
    its.add_argument(
        "--name", required=True, help="name of the corpus: small letters, digits, _ and -"
    )
    its.add_argument("--language", default="en", help="code, such as en, zh or de (default: en)")
    its.add_argument(
        "--model", default="smollm2-135m",
        help="model of config/models.yaml to train (default: smollm2-135m, for two CPU cores)",
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
    group.add_argument(
        "--token", type=int, metavar="COLUMN", help="column of the tokens, counted from 0"
    )
    group.add_argument("--layers", nargs="+", help="columns of the tags, or names of layers")
    group.add_argument(
        "--folders", nargs="+", help="folders of BRAT's texts and annotations, if they are separate"
    )
    group.add_argument(
        "--offsets",
        choices=UNITS,
        metavar="UNIT",
        help=f"unit of the offsets: {', '.join(UNITS)} (default: characters)",
    )
    group.add_argument("--shift", type=int, help="by how much all offsets are too large")
    group.add_argument("--line-ends", action=on_off, help="a line end is a sentence boundary")
    group.add_argument("--trim", action=on_off, default=True,
                       help="cut white space off the edges of mentions")  # fmt: skip
    group.add_argument("--join-wrapped", action=on_off, default=True,
                       help="join fragments between which is white space only")  # fmt: skip
    group.add_argument("--max-lost", type=float, default=0.5, metavar="SHARE",
                       help="share of the mentions that may be lost (default: 0.5)")  # fmt: skip


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
