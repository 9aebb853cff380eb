"""Let a baseline find the mentions of a run's test sentences."""

import argparse
import json
import time
from pathlib import Path

import torch

from bionerflow.baselines.system import check_queries, load, rows
from bionerflow.config.base import parse
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import CONVERSATIONS, PREDICTIONS, read_rows, write_rows
from bionerflow.formats.queries import asked
from bionerflow.inference.predict import sample
from bionerflow.utils.environment import machine, made_with
from bionerflow.utils.files import write_result
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, find the mentions, write one Parquet file and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--queries", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", required=True, help="predict settings as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--cost", type=Path, nargs="?", help="results/cost/{run}.json")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = parse(PredictSettings, json.loads(args.settings), "predict")
    every = (row for path in args.queries for row in read_rows(path, CONVERSATIONS))
    queries = sample(asked(every), settings, args.seed)
    check_queries(queries)
    finder = load(args.system, args.model)
    begun = time.monotonic()
    found = list(rows(finder, queries))
    seconds = time.monotonic() - begun
    card = {"problems": {}, "engine": finder.label, **made_with()}
    write_rows(args.out, found, PREDICTIONS, **card)
    if args.cost:
        spent = {"seconds": seconds, "sentences": len(found), "usage": {}}
        write_result(args.cost, spent | {"environment": machine()})


if __name__ == "__main__":
    run(main)
