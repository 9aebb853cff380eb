"""GLiNER and GLiNER2, in an environment of their own, with random weights."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
from conftest import ROOT

from bionerflow.baselines.external import External
from bionerflow.formats.queries import Asked

pytestmark = pytest.mark.long  # installs both packages

TEXTS = {"a:0": "The patient had a mild stroke 😀.", "a:1": "BRCA1 与 gene", "a:2": ""}
TYPES = {"Disease": "a disease", "Drug": None}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Return the interpreter of an environment with both packages."""
    folder = tmp_path_factory.mktemp("gliner")
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    found = folder / "env" / "bin" / "python"
    torch = f"torch=={version('torch').split('+')[0]}"
    wanted = "tools/gliner.requirements.txt"
    for what in ([torch], [torch, "-r", wanted]):
        subprocess.run([found, "-m", "pip", "install", "--quiet", *what], cwd=ROOT, check=True)
    return found


@pytest.fixture(scope="module")
def models(python, tmp_path_factory):
    """Return the folder of both models with random weights."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([python, ROOT / "tests/random_gliner.py", folder], check=True)
    return folder


@pytest.mark.parametrize("package", ["gliner", "gliner2"])
def test_what_the_packages_find_can_be_scored(python, models, package, tmp_path):
    sentences, out = tmp_path / "sentences.jsonl", tmp_path / "found.jsonl"
    lines = [json.dumps({"id": id, "text": text}) for id, text in TEXTS.items()]
    sentences.write_text("\n".join(lines), "utf-8")
    command = [python, ROOT / "tools/gliner_predict.py", "--sentences", sentences]
    command += ["--corpus", "made", "--types", json.dumps(TYPES), "--package", package]
    command += ["--model", models / package, "--threshold", "0.4", "--out", out]
    subprocess.run(command, check=True)
    types = tuple(TYPES)
    queries = [Asked("made", "multi_bio", id, types, text, (), ()) for id, text in TEXTS.items()]
    found = list(External.read(out).answer(queries))
    assert found[0]
    assert not found[2]
    assert all(confidence > 0.4 for answer in found for _, confidence in answer)
