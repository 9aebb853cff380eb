"""What the papers leave open, in the demo's size: every table is made, with random weights."""

import json

import pandas as pd
import pytest
import yaml
from flow import Flow, carry_out
from questions import QUESTIONS, TARGETS
from tiny import tiny_encoder, tiny_model

from bionerflow.utils.files import read_json
from bionerflow.workflow.jobs import planned

pytestmark = pytest.mark.long
DECODERS, ENCODER = ("smollm2-135m", "smollm2-135m-layers"), "minilm"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a copy of the repository in which config/demo-all.yaml has made the tables.

    The jobs are those that Snakemake plans, with their commands; models have random weights.
    """
    flow = Flow(tmp_path_factory.mktemp("questions"))
    for name in DECODERS:
        folder = tiny_model(flow.folder / name)
        config = read_json(folder / "config.json") | {"max_position_embeddings": 32768}
        (folder / "config.json").write_text(json.dumps(config))
    tiny_encoder(flow.folder / ENCODER)
    with flow.edited("config/models.yaml", random_weights):
        for paper in QUESTIONS:
            smaller(flow.folder / f"config/experiments/demo_{paper}.yaml")
        build(flow.folder)
    return flow.folder


def build(folder):
    """Carry out all jobs of the targets, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("BIONERFLOW_MIRROR", "")
        carry_out(planned(TARGETS, "--configfile", "config/demo-all.yaml"))


def random_weights(models):
    """Put models of the test's own in the place of the demo's."""
    for name in (*DECODERS, ENCODER):
        its = {"source": "local", "path": name, "licence": "none", "resources": {"cpus": 1}}
        models["models"][name] = its


def smaller(file):
    """Let an experiment train and test on few sentences; random weights learn nothing from more."""
    experiment = yaml.safe_load(file.read_text())
    changes = {
        "curate": {"train": 12, "dev": 2},
        "train": {"max_length": 8192},  # its tokens are hardly more than letters
        "predict": {"test": 3, "max_new_tokens": 12},
    }
    for settings in (experiment["base"], *experiment["configurations"].values()):
        for group, values in changes.items():
            settings[group] = {**settings.get(group, {}), **values}
    for selector in experiment.get("selectors", {}).values():
        selector["samples"] = 16
    file.write_text(yaml.safe_dump(experiment))


@pytest.mark.parametrize("target", TARGETS)
def test_every_open_question_has_numbers_in_the_demo_s_size(made, target):
    long = pd.read_csv((made / target).with_suffix(".long.csv"), keep_default_na=False)
    measured = long[long["source"] == "measured"]
    if "shifts" in target:  # random weights find nothing that overlaps a mention
        assert (measured["reason"] == "not defined: nothing to divide by").all()
    else:
        assert (measured["value"] != "").any()
    empty = measured[(measured["value"] == "") & (measured["text"] == "")]
    assert (empty["reason"] != "").all()


def test_controls_take_as_many_steps_as_all_sentences(made):
    def steps(name):
        return read_json(made / f"results/train/demo_all.smollm2-135m.{name}.draw1/metrics.json")[
            "steps"
        ]

    assert steps("curated_steps") == steps("sft")
    assert steps("alone_50_steps.sample_flat") == steps("alone.sample_flat")


def test_negatives_have_scores_where_end_marks_are_scored(made):
    card = read_json(made / "results/ifd/smollm2-135m/sample_flat.json_entity.chat.json")
    assert card["reasons"]["scored"] > 0
    assert "one_token_answer" not in card["reasons"]


def test_five_samplings_of_a_run_are_five_files_that_differ(made):
    folder = made / "results/predict/sampled"
    files = sorted(folder.glob("*.symbolic.sample_nested.draw1.*.parquet"))
    assert len(files) == 5
    answers = {str(pd.read_parquet(file)["answers"].tolist()) for file in files}
    assert len(answers) == 5
    greedy = pd.read_parquet(made / "results/predict" / f"{files[0].name[:-10]}.parquet")
    assert str(greedy["answers"].tolist()) not in answers
