"""Risk against coverage and thresholds of confidence, in tables: chosen on dev, told of test."""

from statistics import fmean, stdev

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from test_tables_made import scripted
from test_tables_significance import RATS

from bionerflow.config.experiments import Experiment
from bionerflow.config.metrics import THRESHOLDS
from bionerflow.config.tables import Grid
from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate import evaluate
from bionerflow.evaluate.pool import measure
from bionerflow.tables.define import define
from bionerflow.tables.figures import draw
from bionerflow.workflow.plan import Plan

TEXT = "rats"
WRONG = Entity.at("species", [(0, 3)], TEXT)
RUNS = ("x.mini.one.draw1", "x.mini.one.draw2")
#: By draw and split: a sentence's confidence, and whether its one prediction is right.
ANSWERS = {
    (0, "dev"): [(0.9, True), (0.8, True), (0.4, False), (0.3, False), (0.2, False)],
    (0, "test"): [(0.9, True), (0.85, False), (0.8, True), (0.7, True), (0.1, False)],
    (1, "dev"): [(0.9, False), (0.8, True), (0.4, True), (0.3, False), (0.2, False)],
    (1, "test"): [(0.9, True), (0.4, True), (0.35, False), (0.3, True), (0.1, False)],
}
#: An experiment that has the runs of mfner's tables of confidence.
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8")) | {
    "name": "demo",
    "experiments": {
        "mfner": {
            "corpora": ["sample_flat"],
            "models": ["smollm2-135m"],
            "configurations": {"7best": {"formats": ["conv_term"]}},
        }
    },
}


def write(folder, name, split, answers):
    """Write a prediction file: in each sentence one mention, right or wrong."""
    rows = [
        {"corpus": "genia", "format": "symbolic", "id": f"{split}{n}", "answers": []}
        | {"problems": [], "entities": [entity_row(RATS if right else WRONG)]}
        for n, (_, right) in enumerate(answers)
    ]
    for row, (confidence, _) in zip(rows, answers, strict=True):
        row["entities"][0]["confidence"] = confidence
    write_rows(folder / f"{name}.parquet", rows, PREDICTIONS, engine="torch 2")


@pytest.fixture
def results(tmp_path):
    for split in ("dev", "test"):
        examples = [Example(f"{split}{n}", f"{n}", "en", TEXT, (RATS,)) for n in range(5)]
        write_examples(tmp_path / f"gold/genia/{split}.parquet", examples)
        for n, run in enumerate(RUNS):
            write(tmp_path / split, run, split, ANSWERS[n, split])
    return tmp_path


def long(results, configurations=("one",), dev=RUNS):
    """Return the long form of the table, as the workflow's script writes it."""
    table = Grid(
        title="T", caption="C",
        rows=[{"configuration": list(configurations)}], columns=[{"metric": list(THRESHOLDS)}],
    )  # fmt: skip
    asked = {
        "corpora": ["genia"],
        "models": ["mini"],
        "draws": [1, 2],
        "configurations": {name: {"formats": ["symbolic"]} for name in ("one",)},
    }
    experiment = Experiment.model_validate(asked)
    definition = define("p/t", table, "x", experiment, {"genia": "GENIA"})
    scripted("tables.py", "--definition", definition.dump(), "--gold", results / "gold",
             "--predictions", *(results / f"test/{run}.parquet" for run in RUNS),
             "--dev", *(results / f"dev/{run}.parquet" for run in dev),
             "--out", results / "t.csv")  # fmt: skip
    frame = pd.read_csv(results / "t.long.csv", dtype=str, keep_default_na=False)
    return frame.set_index(["row", "metric"])


def test_thresholds_are_chosen_on_dev_and_told_of_test(results):
    found = long(results).loc["one"]
    # best F1 on dev: the first draw keeps 2 of 5 there (from 0.8 on), the second 3 (from 0.4 on)
    assert float(found.loc["best_f1_threshold", "value"]) == pytest.approx(fmean([0.8, 0.4]))
    coverage, precision, recall = [3 / 5, 2 / 5], [2 / 3, 1.0], [2 / 5, 2 / 5]
    f1 = [2 * p * r / (p + r) for p, r in zip(precision, recall, strict=True)]
    for measured, values in (
        ("coverage", coverage), ("precision", precision), ("recall", recall), ("f1", f1),
    ):  # fmt: skip
        number = found.loc[f"best_f1_{measured}"]
        assert float(number["value"]) == pytest.approx(fmean(values), abs=1e-6)
        shown = f"{100 * fmean(values):.2f} ± {100 * stdev(values):.2f}"
        assert number["text"] == shown
    number = found.loc["p90_f1"]  # the second draw never has a precision of 0.9 on dev
    assert float(number["value"]) == pytest.approx(f1[0], abs=1e-6)
    assert number["reason"] == "not defined in 1 of 2 draws"
    assert found.loc["best_f1_threshold", "text"] == f"0.600 ± {stdev([0.8, 0.4]):.3f}"
    assert number["engine"] == "torch 2"
    assert number["corpus_hash"].startswith("genia/test:")


def test_another_test_set_does_not_change_the_threshold(results):
    before = long(results).loc[("one", "best_f1_threshold"), "value"]
    for run in RUNS:
        write(results / "test", run, "test", [(0.5, False)] * 5)
    after = long(results).loc["one"]
    assert after.loc["best_f1_threshold", "value"] == before
    assert float(after.loc["best_f1_f1", "value"]) == 0


def test_what_was_not_predicted_on_dev_is_left_out_and_said(results):
    found = long(results, dev=RUNS[:1]).loc["one"]
    assert found.loc["best_f1_threshold", ["text", "runs"]].tolist() == ["0.800", RUNS[0]]
    found = long(results, dev=()).loc["one"]
    assert found.loc["best_f1_f1", "reason"] == "not predicted on both dev and test"
    found = long(results, ("none",)).loc["none"]
    assert found.loc["best_f1_f1", "reason"] == "the experiment has no none"


def test_risks_are_those_of_the_predictions_of_most_confidence(results):
    write_rows(results / "train.parquet", [], CONVERSATIONS)
    path = results / f"test/{RUNS[0]}.parquet"
    record = evaluate(path, results / "gold", results / "train.parquet")["scores"][-1]
    risks = [0, 1 / 2, 1 / 3, 1 / 4, 2 / 5]  # of one, two, … of the five
    assert measure([record], "aurc") == pytest.approx(fmean(risks), abs=1e-6)
    for percent, risk in ((20, risks[0]), (40, risks[1]), (50, risks[2]), (100, risks[-1])):
        assert measure([record], f"risk_{percent}") == pytest.approx(risk, abs=1e-6)
    assert measure([record, record], "risk_50") is None
    write(results / "test", "none", "test", [(None, True)] * 5)
    its = evaluate(results / "test/none.parquet", results / "gold", results / "train.parquet")
    assert measure([its["scores"][-1]], "risk_50") is None


def test_the_curve_is_drawn_over_the_coverage():
    definition = Plan(CONFIG).table("mfner", "risk")
    numbers = [
        {"row": "7best", "column": column, "source": "measured", "value": str(n / 100), "sd": ""}
        for n, column in enumerate(definition.columns)
    ]
    [panel] = draw(definition, numbers).axes
    across, up = panel.lines[0].get_data()
    assert list(across) == [10.0 * n for n in range(1, 11)]
    assert list(up) == pytest.approx([n / 100 for n in range(1, 11)])


def test_a_table_of_thresholds_rests_on_dev_predictions():
    plan = Plan(CONFIG)
    run = "demo.smollm2-135m.7best.draw1"
    assert plan.tuned_on("mfner", "abstention") == [f"results/predict/dev/{run}"]
    assert plan.looked_into("mfner", "abstention") == [f"results/predict/{run}"]
    gold = [f"results/corpora/sample_flat/{split}" for split in ("test", "dev")]
    assert plan.looked_up("mfner", "abstention") == gold
    assert plan.tuned_on("mfner", "table5") == []
