"""Let every engine answer the same sentences with the same model, each in a process of its own."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from bionerflow.config.base import parse
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import CONVERSATIONS, read_rows
from bionerflow.evaluate.engines import f1
from bionerflow.formats.queries import Asked, asked
from bionerflow.inference.engines.load import CHOICE, load_engine
from bionerflow.inference.predict import counted, sample
from bionerflow.utils.environment import peak_memory_mb
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, write_json
from bionerflow.utils.script import run

COLUMNS = [
    "engine", "version", "sentences", "seconds", "sentences_per_second", "memory_mb", "f1",
    "answers_differ", "reason",
]  # fmt: skip
#: What is measured, the first one being what others differ from: keys of the predict settings.
MEASURED: dict[str, dict[str, Any]] = {
    "torch": {"engine": "torch"},
    "ctranslate2 float32": {"engine": "ctranslate2", "ctranslate2": {"compute_type": "float32"}},
    "ctranslate2 int8": {"engine": "ctranslate2", "ctranslate2": {"compute_type": "int8"}},
    "vllm": {"engine": "vllm"},
    "openai": {"engine": "openai"},
}


def main() -> None:
    """Read the arguments, measure one engine or write the table of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="results/train/{run}/model")
    parser.add_argument("--queries", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", required=True, help="predict settings as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--one", choices=MEASURED, help="measure this one, and write JSON")
    parser.add_argument("--converted", type=Path, help="the model as CTranslate2 reads it")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    (measure_one if args.one else measure_all)(args)


def measure_one(args: argparse.Namespace) -> None:
    """Answer with one engine, and write rates, counts and answers."""
    import torch

    torch.set_num_threads(args.threads)
    given = json.loads(args.settings)
    settings = parse(PredictSettings, given | MEASURED[args.one], "predict")
    rows = (row for path in args.queries for row in read_rows(path, CONVERSATIONS))
    queries = sample(asked(rows), settings, args.seed)
    engine = load_engine(args.model, settings, args.converted, args.threads)
    begun = time.monotonic()
    found = list(counted(engine, queries, settings))
    seconds = time.monotonic() - begun
    record = {
        "version": engine.version,
        "sentences": _sentences(queries),
        "seconds": round(seconds, 3),
        "memory_mb": peak_memory_mb(),
        "f1": f1([counts for _, counts in found]),
        "answers": [[answer.text for answer in answers] for answers, _ in found],
    }
    write_json(args.out, record)


def _sentences(queries: list[Asked]) -> int:
    return len({(query.corpus, query.id) for query in queries})


def measure_all(args: argparse.Namespace) -> None:
    """Measure each engine, and write the table; an engine that cannot answer says why."""
    records = {name: _measured(name, args) for name in MEASURED}
    exact = records["torch"].get("answers")
    rows = [_row(name, record, exact) for name, record in records.items()]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(args.out, index=False, lineterminator="\n")


def _measured(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return what a process of its own measures, or the reason why it cannot."""
    given = json.loads(args.settings)
    if name == "openai" and not given.get("openai"):
        return {"reason": "the run names no endpoint (predict.openai)"}
    python = given["vllm"]["python"] if name == "vllm" else sys.executable
    with TemporaryDirectory() as work:
        out = Path(work, "record.json")
        try:
            converted = _converted(name, args.model, Path(work, "model"))
        except UserError as error:
            return {"reason": str(error)}
        command = [python, "-P", __file__, *sys.argv[1:], *converted, "--one", name]
        done = subprocess.run(  # noqa: S603 (no shell)
            [*command, "--out", str(out)], stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            return {"reason": said[-1].removeprefix("error: ")}
        return read_json(out)


def _converted(name: str, model: Path, out: Path) -> list[str]:
    """Convert the model for CTranslate2, outside of the process whose memory is measured."""
    settings = MEASURED[name]
    if "ctranslate2" not in settings:
        return []
    from bionerflow.inference.engines.ctranslate2 import convert

    compute_type = settings["ctranslate2"]["compute_type"]
    convert(model, out, compute_type)
    write_json(out / CHOICE, {"compute_type": compute_type})
    return ["--converted", str(out)]


def _row(name: str, record: dict[str, Any], exact: list[list[str]] | None) -> dict[str, Any]:
    row = {"engine": name, **record}
    if record.get("seconds"):
        row["sentences_per_second"] = round(record["sentences"] / record["seconds"], 2)
    if exact and "answers" in record:
        pairs = zip(exact, record["answers"], strict=True)
        row["answers_differ"] = sum(one != other for one, other in pairs)
    return row


if __name__ == "__main__":
    run(main)
