"""What others can load: a run's folder by the code of its card, corpora and predictions as data."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import ROOT
from tiny import tiny_model

from bionerflow.config.stages import TrainSettings
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    gold_row,
    write_examples,
    write_rows,
)
from bionerflow.models.loading import load_tokenizer, save
from bionerflow.train.card import card
from bionerflow.train.finetune import adapted
from bionerflow.utils.files import write_json, write_text

ABOUT = {
    "run": "own.tiny.conv_term.draw1",
    "system": "llm",
    "model": {"name": "tiny", "licence": "trained here", "base": "../base"},
    "corpora": [{"name": "own", "title": "own", "language": "en", "licence": "own"}],
    "formats": ["conv_term"],
}
COST = {"hours": 0.1, "kwh": 0.01, "co2e_g": 0.5}
ENVIRONMENT = {"processes": 1, "gpu": None, "processor": "any", "versions": {"torch": "2"}}


def metrics(settings: TrainSettings) -> dict:
    return {
        "settings": settings.model_dump(mode="json"), "seed": 1, "conversations": 3,
        "tokens_per_epoch": 100, "too_long": 0, "dev_f1": None, "memory_mb": 100,
        "environment": ENVIRONMENT,
    }  # fmt: skip


@pytest.fixture(scope="module", params=["full", "lora"])
def run(request, tmp_path_factory) -> Path:
    """A run's folder as the workflow leaves it, beside its base model."""
    folder = tmp_path_factory.mktemp(request.param)
    base = tiny_model(folder / "base")
    settings = TrainSettings(method=request.param)
    save(adapted(base, settings), load_tokenizer(base), folder / "run" / "model")
    write_json(folder / "run" / "metrics.json", metrics(settings))
    write_text(folder / "run" / "README.md", card(ABOUT, metrics(settings), COST, []))
    return folder / "run"


class Hub(BaseHTTPRequestHandler):
    """What the client asks of the Hub for an upload of small files; they lie in `folder`."""

    folder: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "/preupload/" in self.path:
            paths = [file["path"] for file in json.loads(body)["files"]]
            modes = [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]
            self.answer({"files": modes})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    path = self.folder / line["value"]["path"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(base64.b64decode(line["value"]["content"]))
            self.answer({"commitUrl": "/o/r/commit/1", "commitOid": "1", "success": True})
        else:
            self.answer({"url": f"{os.environ.get('HF_ENDPOINT', '')}/o/r", "id": "o/r"})

    def do_GET(self) -> None:
        self.answer({"id": "o/r", "sha": "0", "siblings": [], "private": True})

    def answer(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(tmp_path) -> Iterator[tuple[str, Path]]:
    """An address that takes uploads, and the folder that it keeps them in."""
    handler = type("Here", (Hub,), {"folder": tmp_path / "hub"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "hub"
    server.shutdown()


def upload_command() -> list[str]:
    """Return the document's command, without the names."""
    text = (ROOT / "docs/training.md").read_text("utf-8")
    (line,) = re.findall(r"^hf upload ORGANISATION/RUN (.*)$", text, re.MULTILINE)
    return line.split()


def test_a_run_is_pushed_and_loaded_by_the_code_of_its_card(run, hub):
    address, uploaded = hub
    hf = Path(sys.executable).with_name("hf")
    options = [option.replace("results/train/RUN", str(run)) for option in upload_command()]
    pushed = subprocess.run(
        [hf, "upload", "o/r", *options],
        env=os.environ | {"HF_ENDPOINT": address, "HF_TOKEN": "hf_none", "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    files = {path.relative_to(run) for path in run.rglob("*") if path.is_file()}
    assert {path.relative_to(uploaded) for path in uploaded.rglob("*") if path.is_file()} == files
    (uploaded.parent / "base").symlink_to(run.parent / "base")
    shown = (uploaded / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", shown, re.DOTALL)
    asking = """
inputs = tokenizer.apply_chat_template(
    [{"role": "user", "content": "BCL6 plays a role."}], add_generation_prompt=True,
    return_tensors="pt", return_dict=True,
)
print(model.generate(**inputs, max_new_tokens=3).shape[1] > inputs["input_ids"].shape[1])
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code + asking], cwd=uploaded,
        env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert loaded.stdout == "True\n", loaded.stderr


LOADING = """
import json, sys
from datasets import load_dataset
rows = load_dataset("parquet", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
print(json.dumps([rows.column_names, rows[:]]))
"""


def loaded(path: Path) -> tuple[list[str], dict[str, list]]:
    """Load a file as anyone would, without network and without this project."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOADING, str(path), str(path.parent / "cache")],
        cwd=path.parent, env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names, columns = json.loads(done.stdout)
    return names, columns


TEXT = "🧬 left and right breast cancer"
SPLIT = replace(Entity.at("Disease", [(2, 6), (17, 30)], TEXT), identifiers=("D1",))


def test_a_corpus_is_loaded_by_datasets(tmp_path):
    examples = [Example("1:0", "1", "en", TEXT, (SPLIT,)), Example("1:1", "1", "en", "x", ())]
    write_examples(tmp_path / "train.parquet", examples)
    names, columns = loaded(tmp_path / "train.parquet")
    assert names == ["id", "doc_id", "language", "text", "entities"]
    assert columns["text"] == [TEXT, "x"]
    assert columns["entities"] == [[gold_row(SPLIT)], []]


def test_predictions_are_loaded_by_datasets(tmp_path):
    found = {**entity_row(SPLIT), "confidence": 0.5, "probability": None}
    row = {"corpus": "own", "format": "multi_term", "id": "1:0", "prompt": "0", "answers": ["a"],
           "entities": [found], "problems": [{"kind": "malformed", "detail": "b"}],
           "lookalikes": 1}  # fmt: skip
    write_rows(tmp_path / "predicted.parquet", [row], PREDICTIONS)
    names, columns = loaded(tmp_path / "predicted.parquet")
    assert names == PREDICTIONS.names
    assert columns == {name: [value] for name, value in row.items()}
