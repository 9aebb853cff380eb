"""Let a run's model answer its test sentences; go on where an earlier call was killed."""

import argparse
import json
import shutil
from collections import Counter
from pathlib import Path

import torch

from bionerflow.config.base import parse
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import CONVERSATIONS, PREDICTIONS, read_card, read_rows, write_rows
from bionerflow.data.shards import WHOLE, share
from bionerflow.formats.queries import asked
from bionerflow.inference.predict import predict, sample, shared
from bionerflow.models.loading import load_causal, load_tokenizer
from bionerflow.utils.environment import checkpoint_key
from bionerflow.utils.files import sha256
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, answer, write one Parquet file and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--queries", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", required=True, help="predict settings as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--share", type=share, default=WHOLE, help="2of8: the second of 8 jobs")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = parse(PredictSettings, json.loads(args.settings), "predict")
    rendered = (row for path in args.queries for row in read_rows(path, CONVERSATIONS))
    queries = shared(sample(asked(rendered), settings, args.seed), settings, args.share)
    model, tokenizer = load_causal(args.model), load_tokenizer(args.model)
    inputs = {
        "settings": settings.model_dump(),
        "seed": args.seed,
        "queries": [read_card(path) for path in args.queries],
        "model": {path.name: sha256(path) for path in sorted(args.model.glob("*.*"))},
        "share": args.share,
    }
    checkpoints = args.checkpoints / args.out.stem / checkpoint_key(inputs)
    nothing = not queries and args.share != WHOLE  # more jobs than there are parts
    rows = [] if nothing else list(predict(model, tokenizer, queries, settings, checkpoints))
    problems = Counter(problem["kind"] for row in rows for problem in row["problems"])
    write_rows(args.out, rows, PREDICTIONS, problems=dict(problems))
    shutil.rmtree(checkpoints, ignore_errors=nothing)


if __name__ == "__main__":
    run(main)
