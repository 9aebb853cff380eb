"""Baselines in experiments: settings, runs, rules, tables."""

import pandas as pd
import pytest
from conftest import ROOT
from flow import Flow
from tiny import tiny_encoder, tiny_model

from bionerflow.config.base import parse
from bionerflow.config.experiments import Experiment, Overrides
from bionerflow.tables.sources import sources
from bionerflow.utils.errors import UserError
from bionerflow.workflow.check import plan_of

RESOURCES = {"cpus": 1, "memory_mb": 2000, "runtime_min": 10}
TINY = ("smollm2-135m", "minilm")
GOLD = "results/corpora/sample_flat/test.parquet"
RUN = "baselines.{}.{}.draw1"


@pytest.fixture(scope="module")
def plan():
    """Return the plan of config/baselines.yaml."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        yield plan_of(["config/baselines.yaml"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"system": "dictionary", "formats": ["json_entity"]}, r"needs `formats: \[multi_bio\]`"),
        ({"system": "predictions", "formats": ["multi_term"]}, "belong together"),
        ({"predictions": "a.jsonl", "formats": ["multi_term"]}, "belong together"),
        ({"system": "dictionery", "formats": ["multi_bio"]}, "system"),
    ],
)
def test_settings_that_a_system_cannot_have_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        parse(Overrides, settings, "experiment.yaml")


def test_a_system_is_tested_on_corpora_that_have_a_type_in_common(plan):
    assert plan.tested(RUN.format("dictionary.dictionary", "genia")) == ["genia"]
    tested = plan.tested(RUN.format("minilm.token_classification", "ncbi_disease"))
    assert tested == ["ncbi_disease", "bc5cdr_disease"]
    assert plan.tested(RUN.format("smollm2-135m.json_entity", "bc5cdr")) == ["bc5cdr"]


def test_all_systems_see_the_same_sentences(plan):
    runs = [run for run in plan.runs.values() if run.corpora == ["genia"] and run.draw == 2]
    assert {run.system for run in runs} == {"llm", "dictionary", "token_classification"}
    assert {(run.curate.train, run.predict.test) for run in runs} == {(1000, 500)}
    assert {run.id for run in runs if run.system != "llm"} <= set(plan.baselines())


def test_prompting_is_shown_beside_fine_tuning_on_the_same_sentences(plan):
    table = plan.table("baselines", "prompting")
    assert list(table.rows.values()) == ["no example", "five examples", "fine-tuned"]
    runs = [plan.run(id) for id in table.ids() if "genia" in id and id.endswith("draw1")]
    assert [(run.train.num_train_epochs, run.predict.shots) for run in runs] == [
        (0, 0), (0, 5), (1, 0),
    ]  # fmt: skip
    assert {(run.formats[0], run.predict.test) for run in runs} == {("json_entity", 500)}


def test_only_a_token_classifier_needs_an_encoder(plan):
    runs = [
        RUN.format(one, "genia") for one in ("dictionary.dictionary", "minilm.token_classification")
    ]
    assert [plan.encoders(run) for run in runs] == [[], ["results/models/package/minilm"]]
    assert plan.beside_engines().startswith("baselines.smollm2-135m.")


def test_costs_are_asked_for_by_the_tables_that_show_them(plan):
    files = plan.metrics("baselines", "cost")
    assert f"results/train/{RUN.format('dictionary.dictionary', 'genia')}/cost.json" in files
    assert not [file for file in plan.metrics("baselines", "cross_corpus") if "cost" in file]


def test_a_table_names_the_corpus_that_a_run_was_trained_on():
    experiment = Experiment(
        corpora=["a", "b"],
        models=["m"],
        configurations={"c": Overrides(formats=["f"], separately=True, unseen=["b"])},
    )
    chosen = {"configuration": "c", "trained_on": "a", "corpus": "b"}
    assert [one.id("x") for one in sources(chosen, experiment)] == ["x.m.c.a.draw1"]
    del chosen["trained_on"]
    assert [one.id("x") for one in sources(chosen, experiment)] == ["x.m.c.b.draw1"]


def few_sentences(experiment) -> None:
    """Let every stage see so little that it takes seconds."""
    experiment["base"]["curate"] = {"train": 12, "dev": 4}
    experiment["base"]["predict"] = {"test": 4, "max_new_tokens": 8}
    theirs = {"system": "predictions", "formats": ["multi_term"], "models": ["others"]}
    theirs |= {"predictions": "theirs.jsonl", "separately": True}
    experiment["configurations"]["theirs"] = theirs


def tiny_models(models) -> None:
    """Take folders of the user's for the models that are used."""
    for name in TINY:
        entry = {"source": "local", "path": f"my models/{name}", "licence": "mine"}
        models["models"][name] = {**entry, "resources": RESOURCES}


@pytest.mark.long
def test_what_prompting_is_worth_becomes_a_table(tmp_path):
    target = "results/tables/baselines/prompting.csv"
    flow = Flow(tmp_path, target, "--configfile", "config/demo-all.yaml")
    tiny_model(tmp_path / "my models" / "smollm2-135m", max_position_embeddings=4096)
    with (
        flow.edited("config/experiments/demo_baselines.yaml", few_sentences),
        flow.edited("config/models.yaml", tiny_models),
    ):
        done = flow.snakemake(timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(tmp_path / target, index_col=0)
    assert list(table.index) == ["no example", "five examples", "fine-tuned"]
    assert list(table.columns) == ["flat (synthetic)"]
    assert table.notna().all(axis=None)


@pytest.mark.long
def test_baselines_become_a_table_beside_a_language_model(tmp_path):
    targets = ["results/tables/baselines.csv", "results/figures/baselines/cost.png"]
    flow = Flow(tmp_path, GOLD, "--configfile", "config/demo-all.yaml")
    tiny_model(tmp_path / "my models" / "smollm2-135m", max_position_embeddings=4096)
    tiny_encoder(tmp_path / "my models" / "minilm")
    with (
        flow.edited("config/experiments/demo_baselines.yaml", few_sentences),
        flow.edited("config/models.yaml", tiny_models),
    ):
        flow.snakemake(timeout=900)
        gold = pd.read_parquet(tmp_path / GOLD)
        theirs = gold[["id"]].assign(corpus="sample_flat", entities=[[]] * len(gold))
        theirs.to_json(tmp_path / "theirs.jsonl", orient="records", lines=True)
        flow.arguments = [*targets, "--configfile", "config/demo-all.yaml"]
        done = flow.snakemake(timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        again = flow.snakemake()
    assert "Nothing to be done" in again.stdout + again.stderr
    table = pd.read_csv(tmp_path / "results/tables/baselines.csv", index_col=0)
    rows = table.loc[[row for row in table.index if "synthetic" in row]]
    assert len(rows) == 6
    assert rows["seconds per sentence"].notna().all()
