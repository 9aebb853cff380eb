"""What a reader may rely on: a stage's files carry its name, and no file is tied to a machine."""

import re
import subprocess

import pytest
from conftest import ROOT

STAGES = ["corpora", "render", "ifd", "curate", "train", "predict", "select", "evaluate", "tables"]
MACHINE_PATH = re.compile(r"(?<![\w.}*])/(?:home|root|Users|work|opt|mnt|farm)/\w")


@pytest.fixture(scope="module")
def committed() -> list[str]:
    """Return the paths of the files under version control, links left out."""
    listing = subprocess.run(
        ["git", "ls-files", "--stage"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("this is not a git checkout")
    rows = [line.split("\t") for line in listing.stdout.splitlines()]
    return [path for mode, path in rows if not mode.startswith("120000")]


@pytest.mark.parametrize("stage", STAGES)
def test_everything_of_a_stage_carries_its_name(stage):
    assert (ROOT / f"workflow/rules/{stage}.smk").is_file()
    assert (ROOT / f"workflow/scripts/{stage}.py").is_file()
    library = ROOT / "src/bionerflow"
    home = {"render": "formats/render.py", "predict": "inference/predict.py"}
    assert (library / home.get(stage, f"{stage}/__init__.py")).is_file()
    assert list((ROOT / "tests").glob(f"test_{stage}*.py"))


def test_the_snakefile_includes_every_stage():
    included = re.findall(r"workflow/rules/(\w+)\.smk", (ROOT / "Snakefile").read_text())
    assert set(STAGES) <= set(included)


def test_profile_is_found_by_its_short_name():
    assert (ROOT / "slurm" / "profile.yaml").samefile(ROOT / "profiles/slurm/profile.yaml")


def test_no_committed_file_names_a_path_of_one_machine(committed):
    assert "README.md" in committed
    found = [
        f"{path}: {match.group()}"
        for path in committed
        if (ROOT / path).is_file()
        for match in MACHINE_PATH.finditer((ROOT / path).read_text("utf-8", errors="replace"))
    ]
    assert found == []


def test_no_result_corpus_or_model_is_committed(committed):
    binary = (".parquet", ".safetensors", ".bin", ".pt", ".gz", ".zip", ".tar")
    assert [path for path in committed if path.startswith("results/")] == []
    shipped = "resources/adapters/"  # their size and hashes: tests/test_shipped.py
    found = [path for path in committed if path.endswith(binary)]
    assert [path for path in found if not path.startswith(shipped)] == []
