"""Describe the results, and the jobs that made them, as a Provenance Run Crate."""

import argparse
import json
from importlib.metadata import version
from pathlib import Path

from bionerflow.report.provenance.crate import write_crate
from bionerflow.report.provenance.records import done
from bionerflow.utils.environment import made_with
from bionerflow.utils.errors import UserError
from bionerflow.utils.script import run
from bionerflow.workflow.jobs import behind


def main() -> None:
    """Read the arguments and write the metadata in the folder of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", nargs="+", required=True, help="what was asked for")
    parser.add_argument("--workflow", type=Path, nargs="+", required=True, help="Snakefile, rules")
    parser.add_argument("--about", type=json.loads, required=True, help="name, … as JSON")
    parser.add_argument("--out", type=Path, required=True, help="results/ro-crate-metadata.json")
    args = parser.parse_args()
    about = {**args.about, "snakemake": version("snakemake"), **made_with()}
    jobs = behind(args.targets, done())
    if not jobs:
        raise UserError(
            f"Snakemake has no record of how {args.targets[0]} was made: remove it, and make it "
            "anew."
        )
    write_crate(args.out, jobs, args.targets, args.workflow, about)


if __name__ == "__main__":
    run(main)
