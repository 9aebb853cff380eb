"""Convert a run's model for CTranslate2; use int8 only where it costs little F1 on dev."""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bionerflow.config.base import parse
from bionerflow.config.models import MODEL_FILES
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import CONVERSATIONS, read_rows
from bionerflow.evaluate.engines import may_use
from bionerflow.formats.queries import asked
from bionerflow.inference.engines.ctranslate2 import CTranslate2Engine, convert
from bionerflow.inference.engines.load import CHOICE
from bionerflow.utils.files import checksums, whole_folder, write_json, write_result
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, convert, and write what was chosen into the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="results/train/{run}/model")
    parser.add_argument("--queries", type=Path, nargs="*", default=[], help="dev, for int8")
    parser.add_argument("--settings", required=True, help="predict settings as JSON")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    settings = parse(PredictSettings, json.loads(args.settings), "predict")
    with whole_folder(args.out) as part, TemporaryDirectory(dir=part.parent) as work:
        folder = Path(work, "float32")
        convert(args.model, folder)
        choice: dict[str, Any] = {"compute_type": "float32"}
        if settings.ctranslate2.compute_type == "int8":
            choice = chosen(folder, args, settings)
            print(f"ctranslate2: {choice['reason']}", file=sys.stderr)
        if choice["compute_type"] == "int8":
            folder = Path(work, "int8")
            convert(args.model, folder, "int8")
        part.rmdir()
        folder.rename(part)
        choice["model"] = checksums(args.model, MODEL_FILES)
        write_json(part / CHOICE, choice)
    write_result(args.out.with_name(f"{args.out.name}.json"), choice)


def chosen(folder: Path, args: argparse.Namespace, settings: PredictSettings) -> dict[str, Any]:
    """Compare int8 with float32 on dev sentences; return what is used, and why."""
    rows = [row for path in args.queries for row in read_rows(path, CONVERSATIONS)]
    fast, exact = (CTranslate2Engine(folder, kind, args.threads) for kind in ("int8", "float32"))
    documents = [f"{row['corpus']}\t{row['doc_id']}" for row in rows]
    found = may_use(fast, exact, list(asked(rows)), documents, settings)
    kind = "int8" if found["used"] else "float32"
    said = "not known"
    if found["value"] is not None:
        value, low, high = (f"{100 * found[key]:+.2f}" for key in ("value", "low", "high"))
        said = f"{value} points of F1 ({low} to {high})"
    reason = f"{kind} is used: int8 less float32 on {found['documents']} dev documents is {said}"
    return {"compute_type": kind, "reason": reason, "dev": found}


if __name__ == "__main__":
    run(main)
