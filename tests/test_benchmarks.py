"""The benchmarks in their smallest form, with what they need a GPU for on the CPU."""

import csv
import subprocess
import sys

import pytest
from conftest import ROOT

from bionerflow.data.schema import CONVERSATIONS, Entity, Example, write_examples, write_rows
from bionerflow.formats import FORMATS
from bionerflow.formats.prompts import Asking
from bionerflow.formats.render import render

FILES = {"train.json_entity": "json_entity", "train.conv_term": "conv_term"}
FILES |= {"test.multi_term": "multi_term"}
WAYS = {"ifd": 2, "training": 8, "prediction": 3, "selector": 3}
ASKING = Asking("Made", "en", ("gene",), {})


def examples():
    for n in range(8):
        text = f"gene{n} and receptor {n} act in cells ."
        yield Example(f"{n}:0", str(n), "en", text, (Entity.at("gene", [(0, 5)], text),))


@pytest.mark.long
def test_what_is_to_run_on_a_gpu_runs(tmp_path):
    write_examples(tmp_path / "train.parquet", examples())
    for file, format in FILES.items():
        rows = render(examples(), "made", ASKING, FORMATS[format])
        write_rows(tmp_path / f"{file}.parquet", rows, CONVERSATIONS)
    out, folder = tmp_path / "gpu.csv", str(tmp_path)
    arguments = ["--gpu", "--smallest", "--rendered", folder, "--examples", folder]
    subprocess.run(
        [sys.executable, "benchmarks/suite.py", *arguments, "--out", str(out)], cwd=ROOT, check=True
    )
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    ways = {name: [r for r in rows if r["benchmark"] == name] for name in WAYS}
    assert {name: len(found) for name, found in ways.items()} == WAYS
    assert all(float(row["wall_s"]) > 0 for row in rows)
    assert {row["same"] for row in ways["prediction"]} == {"4"}
    assert all(float(row["largest_relative_error"]) < 1e-4 for row in ways["ifd"])
    assert all(float(row["largest_difference"]) < 1e-4 for row in ways["selector"])


def test_growth_is_measured_and_drawn(tmp_path):
    out, picture = tmp_path / "growth.csv", tmp_path / "growth"
    arguments = ["--smallest", "--only", "render", "evaluate", "--out", str(out)]
    for command in (["growth.py", *arguments], ["draw.py", str(out), str(picture)]):
        subprocess.run(
            [sys.executable, f"benchmarks/{command[0]}", *command[1:]], cwd=ROOT, check=True
        )
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(row["stage"], row["size"]) for row in rows] == [
        ("render", "2000"),
        ("evaluate", "10000"),
    ]
    assert all(float(row["cpu_s"]) > 0 and int(row["memory_mb"]) > 0 for row in rows)
    drawn = picture.with_suffix(".svg").read_text("utf-8")
    assert all(row["stage"] in drawn for row in rows)
    assert picture.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
