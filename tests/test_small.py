"""The whole way on real corpora, shorter than config/small.yaml but through the same stages."""

from typing import Any

import pandas as pd
import pytest
from flow import Flow
from tiny import tiny_encoder, tiny_model

from bionerflow.utils.files import read_json

CORPORA = ["ncbi_disease", "genia", "pgxcorpus", "cmeee_v2_dev"]
RESOURCES = {"cpus": 1, "memory_mb": 2000, "runtime_min": 10}
TINY = {"smollm2-135m": tiny_model, "minilm": tiny_encoder}


def few_sentences(experiment: dict[str, Any]) -> None:
    """Let every stage see so little that it takes seconds."""
    experiment["base"]["curate"] = {"train": 12, "dev": 4}
    experiment["base"]["predict"] = {"test": 4, "max_new_tokens": 8}
    for configuration in experiment["configurations"].values():
        configuration.get("predict", {}).clear()
        configuration.get("curate", {}).pop("train", None)
    for selector in experiment["selectors"].values():
        selector["samples"] = 20


def tiny_models(models: dict[str, Any]) -> None:
    """Take folders of the user's for the models that are used."""
    for name in TINY:
        entry = {"source": "local", "path": f"my models/{name}", "licence": "mine"}
        models["models"][name] = {**entry, "resources": RESOURCES}


@pytest.mark.long
def test_real_files_become_a_table(corpora_mirror, tmp_path):
    config = ("--configfile", "config/small.yaml", "--config", f"mirror={corpora_mirror}")
    flow = Flow(tmp_path, "results/tables/table5.csv", *config)
    for name, write in TINY.items():
        write(tmp_path / "my models" / name)
    with (
        flow.edited("config/experiments/small.yaml", few_sentences),
        flow.edited("config/models.yaml", tiny_models),
    ):
        done = flow.snakemake(timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        again = flow.snakemake()
    assert "Nothing to be done" in again.stdout + again.stderr
    table = pd.read_csv(tmp_path / "results/tables/table5.csv", index_col=0)
    measured = table[[column for column in table if "published" not in column]]
    assert measured.notna().any(axis=1).sum() >= len(CORPORA)
    for corpus in CORPORA:
        report = read_json(tmp_path / f"results/corpora/{corpus}/report.json")
        assert report["splits"]["test"]["sentences"] > 100, corpus
