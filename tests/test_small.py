"""The whole way on real corpora, shorter than config/small.yaml but through the same stages."""

from typing import Any

import pandas as pd
from flow import Flow

from bionerflow.files import read_json

CORPORA = ["ncbi_disease", "genia", "pgxcorpus", "cmeee_v2_dev"]


def few_sentences(experiment: dict[str, Any]) -> None:
    """Let every stage see so little that it takes seconds."""
    experiment["base"]["curate"] = {"train": 12, "dev": 4}
    experiment["base"]["predict"] = {"test": 4, "max_new_tokens": 8}
    for configuration in experiment["configurations"].values():
        configuration.get("train", {}).pop("epochs", None)
        configuration.get("predict", {}).clear()
        configuration.get("curate", {}).pop("limits", None)
    experiment["configurations"]["curated"]["curate"]["train"] = 12
    experiment["configurations"]["7best"]["formats"] = ["conv_term", "multi_tag"]
    experiment["selectors"]["llm_cls"]["samples"] = 20


def small_models(models: dict[str, Any]) -> None:
    """Train the tiny family on a handful of sentences."""
    for model in models["models"].values():
        model["sentences"] = 40
        model["resources"]["cpus"] = 1


def test_real_files_become_a_table(corpora_mirror, tmp_path):
    config = ("--configfile", "config/small.yaml", "--config", f"mirror={corpora_mirror}")
    flow = Flow(tmp_path, "results/tables/table5.csv", *config)
    with (
        flow.edited("config/experiments/small.yaml", few_sentences),
        flow.edited("config/models.small.yaml", small_models),
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
