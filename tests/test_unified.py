"""The paper `unified` in small: two languages, a model of GLM-4's shape, every table and figure."""

import json

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from flow import Flow, carry_out
from tiny import tiny_encoder
from zoo import BY_NAME, build

from bionerflow.utils.files import read_json
from bionerflow.workflow.jobs import planned

TABLES = [f"results/tables/unified/table{n}.csv" for n in range(1, 9)]
FIGURES = [f"results/figures/unified/figure{n}.png" for n in (4, 5, 6)]
pytestmark = pytest.mark.long
OPEN_QUESTIONS = ["results/tables/unified/unusable.csv", "results/tables/unified/parts.csv"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a copy of the repository in which the tables, figures and two open questions are made.

    The jobs are those that Snakemake plans, with their commands.
    """
    flow = Flow(tmp_path_factory.mktemp("unified"))
    glm = BY_NAME["GLM-4"]
    folder = build(glm, flow.folder / "glm")
    config = read_json(folder / "config.json") | {"max_position_embeddings": 16384}
    (folder / "config.json").write_text(json.dumps(config))
    tiny_encoder(flow.folder / "bert")
    models = {
        name: {"source": "local", "path": name, "licence": "none", "resources": {"cpus": 1}}
        for name in ("glm", "bert")
    }
    (flow.folder / "models.yaml").write_text(yaml.safe_dump({"models": models}))
    experiments = {"unified": str(ROOT / "tests/unified_small.yaml")}
    settings = {"name": "small", "primary_paper": "unified", "models": "models.yaml"}
    (flow.folder / "small.yaml").write_text(yaml.safe_dump(settings | {"experiments": experiments}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(flow.folder)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("BIONERFLOW_MIRROR", "")
        carry_out(planned([*TABLES, *FIGURES, *OPEN_QUESTIONS], "--configfile", "small.yaml"))
    return flow.folder


def test_every_table_and_figure_of_unified_is_built_from_a_model_of_glm_4_s_shape(small):
    for path in (*TABLES, *FIGURES, *OPEN_QUESTIONS):
        assert (small / path).stat().st_size > 0, path
    config = read_json(small / "results/models/local/glm/config.json")
    assert config["model_type"] == "glm"


def test_cells_of_runs_are_numbers_and_empty_ones_say_why(small):
    for path in TABLES[1:7]:  # the last one is about cases: a system that found nothing is empty
        long = pd.read_csv((small / path).with_suffix(".long.csv"))
        empty = long[long["value"].isna() & long["text"].isna()]
        assert empty["reason"].notna().all(), path
    joint = pd.read_csv(small / "results/tables/unified/table7.long.csv")
    measured = joint[joint["source"] == "measured"]
    assert measured.loc[measured["row"] == "joint", "value"].notna().any()
    assert "small.glm.joint.draw1" in set(measured["runs"])


def test_both_languages_are_in_one_training(small):
    kept = pd.read_parquet(small / "results/curate/small.glm.joint.draw1/train.parquet")
    assert set(kept["corpus"]) == {"sample_zh", "sample_nested"}
