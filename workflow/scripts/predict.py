"""Let a run's model answer its test sentences; go on where an earlier call was killed."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from bionerflow.config.base import parse
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import CONVERSATIONS, PREDICTIONS, read_card, read_rows, write_rows
from bionerflow.data.shards import WHOLE, share
from bionerflow.formats.queries import asked
from bionerflow.inference.engines.load import load_engine
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.inference.predict import predict, sample, seconds, shared, usage
from bionerflow.inference.sampling import Sampling
from bionerflow.inference.shots import with_shots
from bionerflow.utils.environment import checkpoint_key, machine, made_with
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import remove_folder, sha256, write_result
from bionerflow.utils.progress import named
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, answer, write one Parquet file and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--converted", type=Path, help="the model as CTranslate2 reads it")
    parser.add_argument("--queries", type=Path, nargs="+", required=True)
    parser.add_argument("--examples", type=Path, nargs="*", default=[], help="for predict.shots")
    parser.add_argument("--settings", required=True, help="predict settings as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--share", type=share, default=WHOLE, help="2of8: the second of 8 jobs")
    parser.add_argument("--sampling", type=int, help="draw tokens: the number of the sampling")
    parser.add_argument("--temperature", type=float, default=1.0, help="of --sampling")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--cost", type=Path, nargs="?", help="results/cost/{run}.json")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    named(args.out.name.removesuffix(".parquet"))
    torch.set_num_threads(args.threads)
    settings = parse(PredictSettings, json.loads(args.settings), "predict")
    drawn = sample(asked(rows_of(args.queries)), settings, args.seed)
    training = asked(rows_of(args.examples))
    drawn = with_shots(drawn, training, settings.shots, args.seed)
    queries = shared(drawn, settings, args.share)
    if args.sampling and settings.engine != "torch":
        raise UserError(f"Tokens are drawn by the engine torch, not by {settings.engine}.")
    engine = load_engine(args.model, settings, args.converted, args.threads)
    sampling = {"sampling": args.sampling, "temperature": args.temperature} if args.sampling else {}
    if isinstance(engine, TorchEngine) and args.sampling:
        engine.sampling = Sampling(args.temperature, args.sampling)
    inputs = {
        "settings": settings.model_dump(),
        "seed": args.seed,
        "queries": [read_card(path) for path in [*args.queries, *args.examples]],
        "model": {path.name: sha256(path) for path in sorted(args.model.glob("*.*"))},
        "share": args.share,
        **sampling,
        "engine": engine.label if settings.engine == "ctranslate2" else settings.engine,
    }
    checkpoints = args.checkpoints / args.out.stem / checkpoint_key(inputs)
    nothing = not queries and args.share != WHOLE  # more jobs than there are parts
    rows = [] if nothing else list(predict(engine, queries, settings, checkpoints))
    problems = Counter(problem["kind"] for row in rows for problem in row["problems"])
    found = Counter[str]()
    for row in rows:
        found["entities"] += len(row["entities"])
        found["lookalikes"] += row["lookalikes"]
    card: dict[str, Any] = {"problems": dict(problems), "found": found, "engine": engine.label}
    card |= made_with() | sampling
    if spent := usage(checkpoints):
        card["usage"] = dict(spent)
    if args.cost:
        taken = {"seconds": seconds(checkpoints), "sentences": len(rows), "usage": dict(spent)}
        write_result(args.cost, taken | {"environment": machine()})
    write_rows(args.out, rows, PREDICTIONS, **card)
    remove_folder(checkpoints)


def rows_of(paths: Iterable[Path]) -> Iterable[dict[str, Any]]:
    """Yield the rows of rendered files."""
    return (row for path in paths for row in read_rows(path, CONVERSATIONS))


if __name__ == "__main__":
    run(main)
