"""Selectors in the workflow: unified's tables and figures, the ceiling, the threshold's curve."""

from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from flow import Flow

from bionerflow.select.figure import precision_recall
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import Plan

TABLES = [f"results/tables/unified/table{n}.csv" for n in range(2, 9)]
FIGURES = [f"results/figures/unified/figure{n}.png" for n in (4, 5, 6)]
FOUR = ("cmeee_v2", "genia_train_dev", "biored_train_dev", "bc5cdr_chem_train_dev")
JOINT = "paper.glm4-9b.joint.draw1"


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.chdir(ROOT)
    return Plan(yaml.safe_load(Path("config/config.yaml").read_text("utf-8")))


def test_unified_is_planned_at_paper_scale(tmp_path):
    jobs = Flow(tmp_path).jobs(*TABLES, *FIGURES)
    made = {output for job in jobs for output in job.outputs}
    assert {*TABLES, *FIGURES} < made
    assert {job.outputs for job in jobs if job.rule == "fit_selector"} == {
        frozenset(f"results/select/{name}/{part}" for part in ("model", "metrics.json"))
        for name in (
            "llm_cls",
            *(f"llm_cls.{corpus}" for corpus in FOUR),
            *(f"{kind}.{corpus}" for kind in ("llm_causal", "bert_cls") for corpus in FOUR[:2]),
        )
    }
    assert f"results/select/{JOINT}+llm_cls.parquet" in made
    ceiling = {job for job in jobs if job.rule == "filter_by_gold"}
    assert f"results/select/{JOINT}+oracle.parquet" in {o for job in ceiling for o in job.outputs}
    assert not any("results/models" in file for job in ceiling for file in job.inputs)


def test_the_ceiling_of_filtering_is_a_row_and_a_column(plan):
    cells = plan.table("unified", "table3").cells
    row = [cell for cell in cells if cell.row == "symbolic+oracle"]
    assert {id for cell in row for ids in cell.models.values() for id in ids} == {
        f"paper.glm4-9b.symbolic.{corpus}.draw1+oracle" for corpus in FOUR[:2]
    }
    column = [cell for cell in plan.table("unified", "table5").cells if cell.column == "+oracle"]
    assert [cell.models for cell in column] == [{"glm4-9b": [f"{JOINT}+oracle"]}] * 4


def test_no_selector_may_take_the_oracle_s_name(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    experiment = yaml.safe_load(Path("config/experiments/unified.yaml").read_text("utf-8"))
    experiment["selectors"]["oracle"] = {"base": "glm4-9b"}
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(experiment), "utf-8")
    config = yaml.safe_load(Path("config/config.yaml").read_text("utf-8"))
    with pytest.raises(UserError, match="'oracle' is gold itself: name the selector otherwise"):
        Plan(config | {"experiments": {"mfner": str(tmp_path / "e.yaml")}})


def test_a_selector_of_other_types_is_refused_before_anything_is_run(plan, monkeypatch):
    assert plan.threshold(JOINT, "llm_cls") == "0.5"  # unseen corpora have types of their own
    monkeypatch.setattr(plan, "judged_types", lambda selector: ["gene"])
    with pytest.raises(UserError, match=f"'llm_cls' is trained for gene; the run '{JOINT}' writes"):
        plan.threshold(JOINT, "llm_cls")


def test_the_curve_is_drawn_with_three_thresholds_marked(tmp_path):
    curve = [
        {"threshold": n / 100, "precision": 0.5 + n / 250, "recall": 0.9 - n / 200, "f1": 0.5}
        for n in range(100)
    ]
    empty = {"threshold": 1.0, "precision": None, "recall": 0.0, "f1": 0.0}
    line, *points = precision_recall({"threshold": 0.3, "curve": [*curve, empty]}).axes[0].lines
    assert len(line.get_xdata()) == 100
    assert [point.get_label() for point in points] == [
        "0 (nothing is filtered)", "0.5", "0.30 (best F1)",
    ]  # fmt: skip
    places = [number for point in points for number in point.get_xydata()[0]]
    assert places == pytest.approx([0.9, 0.5, 0.65, 0.7, 0.75, 0.62])
