"""Two prediction sets compared: same sentences, same formats, and a p value that means it."""

from pathlib import Path

import pytest

from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate.compare import compare
from bionerflow.utils.errors import UserError
from bionerflow.utils.script import run

RATS = Entity.at("species", [(0, 4)], "rats")


def test_runs_of_one_format_each_are_compared_and_draws_are_added_up(tmp_path, gold):
    ones = [predictions(tmp_path / f"1{draw}.parquet", {"a": 20}) for draw in "ab"]
    twos = [predictions(tmp_path / f"2{draw}.parquet", {"a": 15}, format="g") for draw in "ab"]
    one, _ = compare(ones[:1], twos[:1], gold)
    both, _ = compare(ones, twos, gold)
    assert (one["documents"], both["documents"]) == (20, 20)
    assert (one["gold"], both["gold"]) == (20, 40)
    assert one["difference"] == both["difference"] == pytest.approx(1 - 30 / 35, abs=1e-6)
    assert (one["draws"], both["draws"]) == (1, 2)
    with pytest.raises(UserError, match="different numbers of draws"):
        compare(ones, twos[:1], gold)


def test_a_missing_file_is_named_in_one_line(tmp_path, gold):
    missing = tmp_path / "no.parquet"
    with pytest.raises(SystemExit, match=f"^error: There is no file {missing}: make it first"):
        run(lambda: compare([missing], [missing], gold))


def predictions(path: Path, found: dict[str, int], format: str = "f", documents: int = 20) -> Path:
    """Write predictions that are right in the first `found[corpus]` of the documents."""
    rows = [
        {"corpus": corpus, "format": format, "id": f"{i}:0", "answers": [], "problems": []}
        | {"entities": [entity_row(RATS)] if i < right else []}
        for corpus, right in found.items()
        for i in range(documents)
    ]
    write_rows(path, rows, PREDICTIONS)
    return path


@pytest.fixture
def gold(tmp_path):
    for corpus in "ab":
        examples = [Example(f"{i}:0", str(i), "en", "rats", (RATS,)) for i in range(20)]
        write_examples(tmp_path / "gold" / corpus / "test.parquet", examples)
    return tmp_path / "gold"


def test_difference_and_p_by_corpus_and_in_all(tmp_path, gold):
    first = predictions(tmp_path / "1.parquet", {"a": 20, "b": 10})
    second = predictions(tmp_path / "2.parquet", {"a": 10, "b": 10})
    a, b, both = compare([first], [second], gold)
    assert (a["corpus"], a["documents"], a["difference"]) == (
        "a",
        20,
        pytest.approx(1 / 3, abs=1e-6),
    )
    assert a["p"] < 0.01
    assert (b["corpus"], b["difference"], b["p"]) == ("b", 0, 1)
    assert (both["corpus"], both["documents"]) == (None, 40)
    assert both["difference"] == pytest.approx(60 / 70 - 40 / 60, abs=1e-6)


def test_each_metric_differs_by_an_interval_of_documents_drawn_as_pairs(tmp_path, gold):
    first = predictions(tmp_path / "1.parquet", {"a": 20})
    second = predictions(tmp_path / "2.parquet", {"a": 10})
    found = compare([first], [second], gold)[0]["intervals"]
    assert found["precision"] == {"value": 0, "low": 0, "high": 0}
    assert found["recall"]["value"] == 0.5
    assert 0.2 < found["recall"]["low"] < 0.4 < 0.6 < found["recall"]["high"] < 0.8
    none = predictions(tmp_path / "3.parquet", {"a": 0})
    assert compare([first], [none], gold)[0]["intervals"]["precision"]["value"] is None


def test_what_is_not_comparable_is_refused(tmp_path, gold):
    first = predictions(tmp_path / "1.parquet", {"a": 20})
    other = predictions(tmp_path / "2.parquet", {"b": 20})
    fewer = predictions(tmp_path / "3.parquet", {"a": 19}, documents=19)
    with pytest.raises(UserError, match="no format in common"):
        compare([first], [other], gold)
    with pytest.raises(UserError, match="different sentences"):
        compare([first], [fewer], gold)


def test_draws_that_differ_widen_the_interval_and_p_is_corrected_over_corpora(tmp_path, gold):
    second = [predictions(tmp_path / f"2{n}.parquet", {"a": 10, "b": 10}) for n in range(3)]
    right = {"alike": (16, 16, 16), "apart": (12, 16, 20)}
    found = {}
    for name, numbers in right.items():
        first = [
            predictions(tmp_path / f"{name}{n}.parquet", {"a": a, "b": 19})
            for n, a in enumerate(numbers)
        ]
        found[name] = compare(first, second, gold)
    alike, apart = (records[0] for records in found.values())
    assert apart["difference"] == pytest.approx(alike["difference"], abs=1e-6)
    assert apart["p"] > alike["p"]
    assert apart["detectable"] > alike["detectable"]
    assert apart["intervals"]["f1"]["low"] < 0 < alike["intervals"]["f1"]["low"]
    a, b, pooled = found["alike"]
    assert b["p_holm"] == pytest.approx(2 * b["p"], abs=1e-6)
    assert a["p_holm"] == max(a["p"], b["p_holm"])
    assert a["effect"]["low"] < a["effect"]["value"] < a["effect"]["high"]
    assert "p_holm" not in pooled


def test_equal_runs_have_no_effect_size(tmp_path, gold):
    run = predictions(tmp_path / "1.parquet", {"a": 12})
    found = compare([run], [run], gold)[0]
    assert (found["p"], found["difference"], found["detectable"]) == (1, 0, 0)
    assert found["effect"] == {"value": None, "low": None, "high": None}
