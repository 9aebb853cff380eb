"""`bionerflow trace`: from a cell back to raw files, and the same number made anew."""

import csv
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from flow import Flow, carry_out
from tiny import tiny_model

from bionerflow.cli import main
from bionerflow.utils.environment import made_with
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_result
from bionerflow.workflow import trace
from bionerflow.workflow.jobs import planned

TABLE = "results/tables/mfner/table5.csv"
RUN = "demo.smollm2-135m.conv_term.draw1"
DEMO = ["config/demo.yaml"]
CONFIG = ["--configfile", "small.yaml"]


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Flow:
    """Return a copy of the repository in which nothing was made, and work in it."""
    (tmp_path / "copy").mkdir()
    flow = Flow(tmp_path / "copy")
    monkeypatch.chdir(flow.folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("BIONERFLOW_MIRROR", "")
    return flow


def made(row: str, text: str) -> None:
    """Write the long form of a table with one number."""
    columns = ["row", "column", "source", "metric", "value", "sd", "low", "high", "text",
               "n_sentences", "n_gold", "model", "runs", "reason"]  # fmt: skip
    file = Path(TABLE).with_suffix(".long.csv")
    file.parent.mkdir(parents=True)
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        number = {"row": row, "column": "conv_term", "metric": "f1", "value": "0.5", "text": text}
        writer.writerow(number | {"model": "smollm2-135m", "runs": RUN})


def test_the_way_back_names_commands_models_and_raw_files(copy, capsys):
    made("sample_flat", "0.500")
    main(["trace", "table5", "sample_flat", "conv_term", "--configfile", *DEMO])
    said = capsys.readouterr().out
    assert "column 'conv_term': 0.500" in said
    rules = re.findall(r"^\d+\. (\w+)", said, re.MULTILINE)
    assert rules[-1] == "evaluate"
    assert {"sample", "package_model", "corpora", "render", "curate", "train", "predict"} <= set(
        rules
    )
    assert f"-> results/evaluate/{RUN}.json" in said
    assert said.index("train.py") < said.index("predict.py") < said.index("evaluate.py")
    assert "results/raw/sample_flat: generated, seed 1" in said
    assert "results/models/package/smollm2-135m" in said
    assert f"{RUN}: not at hand" in said
    assert "multi_triple" not in said  # a run of the same table, not of this cell


def test_what_is_not_there_is_said_with_the_nearest_that_is(copy):
    with pytest.raises(UserError, match=r"There is no results/tables/mfner/table5.long.csv yet"):
        trace.find("table5", "sample_flat", "conv_term", DEMO)
    with pytest.raises(UserError, match=r"has no row 'sample_flt'.*sample_flat"):
        trace.find("table5", "sample_flt", "conv_term", DEMO)
    with pytest.raises(UserError, match=r"has no column 'conv_trm'.*conv_term"):
        trace.find("mfner/table5", "sample_flat", "conv_trm", DEMO)


def test_nothing_is_repeated_in_a_folder_that_has_files(copy, tmp_path):
    made("sample_flat", "0.500")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "mine.txt").write_text("")
    found = trace.find("table5", "sample_flat", "conv_term", DEMO)
    with pytest.raises(UserError, match="is not empty: name a new folder"):
        trace.repeat(found, tmp_path / "again", [])


def evaluated(folder: Path, correct: int) -> None:
    """Write a run's scores into a folder."""
    counts = {"correct": correct, "gold": 4, "predicted": 4, "sentences": 2}
    bounds = dict.fromkeys(("value", "low", "high"), correct / 4)
    record = {"n": counts, "strict": {"f1": bounds}}
    scores = [{"corpus": "sample_flat", "format": None} | record]
    write_result(folder / f"results/evaluate/{RUN}.json", {"predictions": RUN, "scores": scores})


@pytest.mark.parametrize(
    ("correct", "said"),
    [(2, "0.50 (0.5), equal to the digit"), (3, "0.75 (0.75), DIFFERS from 0.50 (0.5)")],
)
def test_a_repetition_is_compared_to_the_digit(copy, tmp_path, monkeypatch, correct, said):
    made("sample_flat", "0.50")
    found = trace.find("table5", "sample_flat", "conv_term", DEMO)
    calls = []

    def run(command, cwd, check):
        """Stand in for Snakemake: write what it would have made."""
        assert not (cwd / "results").exists()
        assert (cwd / "config/demo.yaml").is_file()
        calls.append(command)
        evaluated(cwd, correct)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(trace.subprocess, "run", run)
    got = trace.repeat(found, tmp_path / "again", ["--configfile", *DEMO])
    assert got.endswith(said)
    assert f"results/evaluate/{RUN}.json" in calls[0]


def test_a_counted_table_has_no_runs_to_go_back_to(copy):
    with pytest.raises(UserError, match=r"mfner/table1 is counted from corpora, without a run"):
        trace.find("mfner/table1", "genia", "train", DEMO)


@pytest.mark.long
def test_five_cells_are_traced_and_one_is_equal_when_it_is_made_anew(copy, tmp_path, capsys):
    tiny_model(copy.folder / "tiny", max_position_embeddings=8192)
    entry = {"source": "local", "path": "tiny", "licence": "none", "resources": {"cpus": 1}}
    Path("models.yaml").write_text(yaml.safe_dump({"models": {"tiny": entry}}))
    experiment = {
        "corpora": ["sample_flat", "sample_nested"],
        "models": ["tiny"],
        "base": {
            "curate": {"train": 8, "dev": 2},
            "train": {
                "num_train_epochs": 1,
                "learning_rate": 1e-3,
                "effective_batch_size": 4,
                "max_length": 8192,
            },
            "predict": {"test": 20, "max_new_tokens": 16},
        },
        "configurations": {"conv_term": {"formats": ["conv_term"]}},
    }
    Path("experiment.yaml").write_text(yaml.safe_dump(experiment))
    config = {"name": "small", "primary_paper": "mfner", "models": "models.yaml"}
    config["experiments"] = {"mfner": "experiment.yaml"}
    Path("small.yaml").write_text(yaml.safe_dump(config))
    carry_out(planned([TABLE, "results/tables/mfner/table2.csv"], *CONFIG))
    long = pd.read_csv("results/tables/mfner/table2.long.csv", keep_default_na=False)
    cells = [("table5", corpus, "conv_term") for corpus in experiment["corpora"]]
    cells += [
        ("table2", row, column)
        for row, column, source, runs in zip(
            long["row"], long["column"], long["source"], long["runs"], strict=True
        )
        if source == "measured" and runs
    ]
    assert len(cells) >= 5
    for cell in cells[:5]:
        main(["trace", *cell, *CONFIG])
        said = capsys.readouterr().out
        assert "local_model tiny" in said
        assert re.search(r"^corpus_hash: sample_\w+/test:[0-9a-f]{12}", said, re.MULTILINE)
        assert f"\ncommit: {made_with()['commit']}\n" in said
        assert f"\nenvironment_hash: {made_with()['environment_hash']}\n" in said
        assert "\nengine: torch " in said
    main(["trace", *cells[0], *CONFIG, "--repeat", str(tmp_path / "again")])
    assert "equal to the digit" in capsys.readouterr().out
