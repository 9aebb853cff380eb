"""Write results/report.html: tables, figures, scores, runs, corpora and an error browser."""

import argparse
from pathlib import Path

from bionerflow.config.base import load
from bionerflow.config.corpora import load_corpora
from bionerflow.config.tables import Tables
from bionerflow.config.workflow import FootprintSettings
from bionerflow.report import write_report
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("tables", "figures", "evaluations", "metrics", "predictions"):
        parser.add_argument(f"--{name}", type=Path, nargs="*", default=[])
    parser.add_argument("--definitions", type=Path, required=True, help="config/tables.yaml")
    parser.add_argument("--corpora", type=Path, required=True, help="config/corpora.yaml")
    parser.add_argument("--gold", type=Path, required=True, help="folder of {corpus}/test.parquet")
    parser.add_argument("--constants", required=True, help="footprint settings as JSON")
    parser.add_argument("--limit", type=int, default=50_000, help="sentences in the error browser")
    parser.add_argument("--out", type=Path, required=True)
    args = vars(parser.parse_args())
    args["definitions"] = load(Tables, args["definitions"])
    args["corpora"] = load_corpora(args["corpora"])
    args["constants"] = FootprintSettings.model_validate_json(args["constants"])
    write_report(**args)


if __name__ == "__main__":
    run(main)
