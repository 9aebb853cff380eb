"""A model in a folder of the user's, in the real workflow: planned, linked, exchanged."""

import os
import shutil

import pytest
import yaml
from flow import Flow, outputs
from tiny import tiny_model

RUN = "mine.plain.short.draw1"
FOLDER = "my models/plain"
RESOURCES = {"cpus": 1, "memory_mb": 2000, "runtime_min": 10}
FILES = {
    "config": {"name": "mine", "models": "my models/models.yaml"},
    "grid": {
        "corpora": ["sample_flat"],
        "models": ["plain"],
        "draws": [1],
        "base": {
            "curate": {"train": 40, "dev": 10},
            "train": {"num_train_epochs": 1},
            "predict": {"test": 5},
        },
        "configurations": {"short": {"formats": ["conv_term", "symbolic"]}},
    },
    "models": {
        "models": {
            "plain": {"source": "local", "path": FOLDER, "licence": "mine", "resources": RESOURCES}
        }
    },
}


@pytest.fixture
def flow(tmp_path) -> Flow:
    """Return a copy of the repository, with a space in its path, and a model in a folder."""
    (tmp_path / "a copy").mkdir()
    flow = Flow(tmp_path / "a copy", "--configfile=my models/config.yaml")
    tiny_model(flow.folder / FOLDER)
    files = FILES | {"config": FILES["config"] | {"experiments": {"mfner": "my models/grid.yaml"}}}
    for name, value in files.items():
        (flow.folder / "my models" / f"{name}.yaml").write_text(yaml.safe_dump(value))
    return flow


def test_a_folder_alone_is_a_base_model_and_exchanged_weights_train_anew(flow):
    target = f"results/train/{RUN}/metrics.json"
    jobs = flow.jobs(target)
    assert "results/models/local/plain" in {
        i for job in jobs if job.rule == "train" for i in job.inputs
    }
    done = flow.snakemake("results/models/local/plain.json")
    assert done.returncode == 0, done.stdout + done.stderr
    flow.finish([job for job in jobs if job.rule != "local_model"])
    assert flow.jobs(target) == []
    weights = flow.folder / FOLDER / "model.safetensors"
    os.utime(weights)
    assert flow.jobs(target) == []
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, (1, 1))  # older than all that was made of them
    made = outputs(flow.jobs(target))
    assert {"results/models/local/plain.json", target} <= made
    assert not any(path.startswith("results/curate") for path in made)


@pytest.mark.parametrize(
    ("lacks", "message"),
    [
        ("", "models.plain: there is no folder my models/plain: put the model there"),
        ("chat_template.jinja", "models.plain: the tokenizer in my models/plain has no chat"),
    ],
)
def test_what_the_folder_lacks_is_said_while_planning(flow, lacks, message):
    path = flow.folder / FOLDER / lacks
    path.unlink() if lacks else shutil.rmtree(path)
    done = flow.snakemake("-n", f"results/train/{RUN}/metrics.json")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert message in said
    assert "Traceback (most recent call last)" not in said
