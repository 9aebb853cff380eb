"""The subcommand `new-experiment`."""

import argparse
from pathlib import Path

from bionerflow.cli.parsing import at_least_one, subcommand
from bionerflow.utils.errors import UserError

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
