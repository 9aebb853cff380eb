"""Scores of parts, of documents, of what is left out, of samplings, and ranks by two schemes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate import abstention, evaluate
from bionerflow.evaluate.consistency import consistency
from bionerflow.evaluate.document_level import macro
from bionerflow.evaluate.schemes import schemes
from bionerflow.evaluate.strata import PARTS, labels
from bionerflow.utils.errors import UserError

TEXT = "human IL-2 gene and IL-2 of rats"
GENE, HUMAN_IL2, IL2, AGAIN, RATS = (
    Entity.at(type, [span], TEXT)
    for type, span in (
        ("gene", (0, 15)), ("gene", (0, 10)), ("protein", (6, 10)), ("protein", (20, 24)),
        ("species", (28, 32)),
    )
)  # fmt: skip


@pytest.fixture
def gold(tmp_path):
    examples = [
        Example("1:0", "1", "en", TEXT, (GENE, HUMAN_IL2, IL2, AGAIN, RATS)),
        Example("1:1", "1", "en", TEXT, (RATS,)),
        Example("2:0", "2", "en", TEXT, (AGAIN,)),
    ]
    write_examples(tmp_path / "gold" / "c" / "test.parquet", examples)
    return tmp_path / "gold"


def predict(path, found: dict[str, list[Entity]], confidence: float | None = None):
    rows = [
        {"corpus": "c", "format": "f", "id": id, "answers": [], "problems": []}
        | {"entities": [entity_row(one) | {"confidence": confidence} for one in entities]}
        for id, entities in found.items()
    ]
    write_rows(path, rows, PREDICTIONS)
    return path


def record(tmp_path, gold, found, train=()):
    entities = [entity_row(Entity("x", (), text)) for text in train]
    write_rows(tmp_path / "train.parquet", [{"entities": entities}], CONVERSATIONS)
    path = predict(tmp_path / "run.parquet", found)
    return evaluate(path, gold, tmp_path / "train.parquet")["scores"][0]


def test_recall_by_frequency_length_and_depth(tmp_path, gold):
    found = {"1:0": [IL2, AGAIN, RATS], "1:1": [], "2:0": [AGAIN]}
    train = ["il-2", "IL-2", "Rats", *["human IL-2"] * 30]
    score = record(tmp_path, gold, found, train)
    counts = {
        name: {label: (one["correct"], one["gold"]) for label, one in parts.items()}
        for name, parts in score["strata"].items()
    }
    nothing = (0, 0)
    assert counts["frequency"] == {
        "0": (0, 1), "1": (1, 2), "2-5": (3, 3), "6-20": nothing, "21+": (0, 1)
    }  # fmt: skip
    assert counts["tokens"] == {"1": (1, 2), "2": nothing, "3": (3, 3), "4": (0, 1), "5+": (0, 1)}
    assert counts["depth"] == {"0": (3, 5), "1": (0, 1), "2+": (1, 1)}
    assert score["strata"]["depth"]["0"]["recall"] == 0.6
    assert score["strata"]["tokens"]["2"]["recall"] is None
    assert score["seen"]["gold"] == 6


@pytest.mark.parametrize("name", PARTS)
def test_parts_have_a_label_each(name):
    assert len(set(labels(PARTS[name]))) == len(PARTS[name])


def test_a_name_counts_once_per_document_and_type(tmp_path, gold):
    """Gold: four names in document 1 (IL-2 and rats stand there twice), one in document 2."""
    wrong = Entity.at("gene", [(20, 24)], TEXT)
    score = record(tmp_path, gold, {"1:0": [AGAIN, wrong], "1:1": [AGAIN, RATS], "2:0": []})
    micro = score["document_level"]["micro"]
    assert [micro[name] for name in ("correct", "gold", "predicted")] == [2, 5, 3]
    average = score["document_level"]["macro"]
    assert average["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert average["recall"] == pytest.approx((2 / 4 + 0) / 2)
    assert average["f1"] == pytest.approx((4 / 7 + 0) / 2, abs=1e-6)


def test_macro_scores_leave_out_documents_in_which_they_are_not_defined():
    assert macro(np.array([[1, 1, 2], [0, 0, 0], [0, 3, 0]])) == {
        "precision": 0.5, "recall": 0.5, "f1": pytest.approx((2 / 3 + 0) / 2)
    }  # fmt: skip
    assert all(np.isnan(value) for value in macro(np.zeros((2, 3), int)).values())


rated = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6)


@given(rated)
@settings(max_examples=60, deadline=None)
def test_risks_are_those_of_all_orders_of_ties(rows):
    rng = np.random.default_rng(0)
    orders = []
    for _ in range(2000):
        shuffled = [rows[i] for i in rng.permutation(len(rows))]
        wrong = [1 - right for _, right in sorted(shuffled, key=lambda row: -row[0])]
        orders.append(np.cumsum(wrong) / np.arange(1, len(rows) + 1))
    confidence, correct = np.array(rows, float).T
    assert abstention.risks(confidence, correct) == pytest.approx(np.mean(orders, axis=0), abs=0.06)


def frame(*rows: tuple[float, bool]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["confidence", "correct"])


def test_the_area_is_the_mean_risk_and_the_best_order_has_no_excess():
    found = abstention.record(frame((0.9, True), (0.8, True), (0.7, False), (0.6, True)))
    assert found["aurc"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4, abs=1e-6)
    assert found["excess"] == pytest.approx(1 / 3 / 4, abs=1e-6)
    assert (found["n"], found["risks"][-1]) == (4, 0.25)
    assert abstention.record(frame((0.9, True), (0.1, False)))["excess"] == 0
    assert abstention.record(frame((np.nan, True)))["aurc"] is None


def test_thresholds_are_chosen_on_dev_and_told_of_test():
    dev = frame((0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.2, False))
    test = frame((0.95, True), (0.65, False), (0.3, True))
    best, *_, high = abstention.chosen_on_dev((dev, 4), (test, 2), precisions=(0.7, 1.0))
    assert (best["threshold"], best["dev"]["f1"]) == (0.6, 0.75)
    assert best["test"] == {"coverage": 0.666667, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert high["threshold"] == 0.8
    assert high["test"]["precision"] == 1
    assert abstention.threshold_for(dev, 0.7) == 0.6
    assert abstention.threshold_for(frame((0.9, False)), 0.5) is None
    assert abstention.chosen_on_dev((frame(), 0), (test, 2))[0]["threshold"] is None


def test_samplings_agree_as_far_as_they_find_the_same(tmp_path, gold):
    answers = [
        {"1:0": [IL2, RATS], "1:1": [RATS], "2:0": []},
        {"1:0": [IL2, RATS], "1:1": [], "2:0": []},
        {"1:0": [IL2, GENE], "1:1": [RATS], "2:0": []},
    ]
    paths = [predict(tmp_path / f"{n}.parquet", found) for n, found in enumerate(answers)]
    found = consistency(paths, gold)
    assert found["pairwise_f1"] == pytest.approx((4 / 5 + 4 / 6 + 2 / 5) / 3, abs=1e-6)
    assert (found["mentions"], found["unanimous"]) == (4, 0.25)
    assert found["same_sentences"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["abstention"]["n"] == 4
    silent = [predict(tmp_path / f"no{n}.parquet", {"2:0": []}) for n in range(2)]
    nothing = consistency(silent, gold)
    assert (nothing["pairwise_f1"], nothing["unanimous"]) == (1, None)
    with pytest.raises(UserError, match="two prediction files"):
        consistency(paths[:1], gold)
    with pytest.raises(UserError, match="different sentences"):
        consistency([paths[0], silent[0]], gold)


def evaluation(strict: float, lenient: float, gold: int = 9) -> dict:
    record = {"n": {"sentences": 5, "gold": gold}, "strict": {"f1": {"value": strict}}}
    return {("c", None): record | {"relaxed": {"f1": lenient}}}


def test_ranks_change_between_the_strictest_and_the_most_lenient_scheme():
    sets = {"a": (0.8, 0.81), "b": (0.7, 0.9), "c": (0.6, 0.7), "d": (0.6, 0.95)}
    evaluations = {name: evaluation(*scores) for name, scores in sets.items()}
    found = schemes(evaluations | {"other": evaluation(0.9, 0.9, gold=8)})
    assert found["predictions"].tolist() == ["a", "b", "c", "d"]
    assert found["rank_strict"].tolist() == [1, 2, 3, 3]
    assert found["change"].tolist() == [-2, 0, -1, 2]
    tau = stats.kendalltau([1, 2, 3, 3], [3, 2, 4, 1]).statistic
    assert found["kendall_tau"].unique() == pytest.approx([tau], abs=1e-4)
    assert schemes({"a": evaluation(0.5, 0.5)}).empty
