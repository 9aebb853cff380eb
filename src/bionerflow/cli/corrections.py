"""The subcommands `rank-texts` and `add-corrections`."""

import argparse
from pathlib import Path

from bionerflow.cli.parsing import subcommand

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
    from bionerflow.utils.spreadsheet import as_csv

    listed = rank(args.outputs)
    write_text(args.out, as_csv(listed))
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
