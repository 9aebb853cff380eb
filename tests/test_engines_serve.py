"""The engine openai against `transformers serve`, a real server, with a tiny model on loopback."""

import socket
import subprocess
import sys
import time

import httpx2
import pytest
from tiny import tiny_model

from bionerflow.config.engines import OpenAISettings
from bionerflow.data.schema import Turn
from bionerflow.inference.engines.base import Conversation
from bionerflow.inference.engines.openai import OpenAIEngine
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.models.loading import load_causal, load_tokenizer

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # `transformers serve` reads the answers of other families by templates of its own.
    return tiny_model(tmp_path_factory.mktemp("tiny"), "llama")


@pytest.fixture(scope="module")
def url(folder):
    for package in ("fastapi", "uvicorn", "openai"):
        pytest.importorskip(package, reason="pip install 'transformers[serving]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from transformers.cli.transformers import main; main()"
    serve = ["serve", str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    process = subprocess.Popen([sys.executable, "-c", code, *serve])
    try:
        yield _ready(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()


def _ready(url, process):
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx2.get(f"{url}/health", timeout=5)
            return f"{url}/v1"
        except httpx2.TransportError:
            time.sleep(0.5)
    pytest.fail("transformers serve did not start")


def test_a_real_server_answers_as_torch_does(folder, url, tmp_path):
    more = (Turn("user", "and more"), Turn("assistant", "?"))
    asked = [
        Conversation((Turn("user", text), Turn("assistant", "?"), *more))
        for text in ("BCL6 plays", "breast and ovarian cancer", "x")
    ]
    settings = OpenAISettings(
        url=url, model=str(folder), logprobs=False, concurrency=2, answers=str(tmp_path / "kept")
    )
    engine = OpenAIEngine(settings)
    found = engine.answer(asked, 8, 2)
    tokenizer = load_tokenizer(folder)
    own = TorchEngine(load_causal(folder), tokenizer).answer(asked, 8, 2)
    said = [tokenizer.decode(one[0].ids, skip_special_tokens=True) for one in own]
    assert [one[0].text for one in found] == said
    assert all(len(one) == 2 for one in found)
    assert engine.usage["completion_tokens"] > 0
    replayed = OpenAIEngine(settings.model_copy(update={"replay": True})).answer(asked, 8, 2)
    assert replayed == found
