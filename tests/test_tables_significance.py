"""The table of differences: p values corrected over the table, effect sizes, power."""

import pytest

from bionerflow.config.experiments import Experiment
from bionerflow.config.tables import TESTED, Significance
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.tables.define import define
from bionerflow.tables.significance import differences

RATS = Entity.at("species", [(0, 4)], "rats")
RIGHT = {"one": 20, "two": 26, "three": 40}


@pytest.fixture
def numbers(tmp_path):
    """Compare runs that are right in so many of 40 documents, by row and metric."""
    examples = [Example(f"{i}", f"d{i}", "en", "rats", (RATS,)) for i in range(40)]
    write_examples(tmp_path / "gold" / "genia" / "test.parquet", examples)
    paths = {}
    for name, right in RIGHT.items():
        paths[f"x.mini.{name}.draw1"] = tmp_path / f"{name}.parquet"
        rows = [
            {"corpus": "genia", "format": "symbolic", "id": str(i), "answers": [], "problems": []}
            | {"entities": [entity_row(RATS)] if i < right else []}
            for i in range(40)
        ]
        write_rows(tmp_path / f"{name}.parquet", rows, PREDICTIONS)
    table = Significance(
        kind="significance", title="T", caption="C", rows=[{"configuration": list(RIGHT)}],
        columns=[{"metric": list(TESTED)}], unit="percent",
    )  # fmt: skip
    sets = {name: {"formats": ["symbolic"]} for name in RIGHT}
    values = {"corpora": ["genia"], "models": ["mini"], "configurations": sets}
    experiment = Experiment.model_validate(values)
    definition = define("p/t", table, "x", experiment, {"genia": "GENIA"})
    found = differences(definition, paths, tmp_path / "gold")
    return {(number["row"], number["metric"]): number for number in found}


def test_each_metric_is_told(numbers):
    row = {metric: numbers["three − two", metric] for metric in TESTED}
    assert row["difference"]["text"] == "+21.21"
    assert row["interval"]["text"].startswith("[+")
    bounds = [row["difference"][bound] for bound in ("low", "value", "high")]
    assert bounds == sorted(bounds)
    assert [row["interval"][bound] for bound in ("low", "value", "high")] == bounds
    assert row["effect"]["text"].count(",") == 1
    assert 0 < row["detectable"]["value"] < row["difference"]["value"]
    assert row["detectable"]["text"] == f"{100 * row['detectable']['value']:.2f}"


def test_p_values_are_corrected_over_the_table(numbers):
    small, large = sorted(numbers[row, "p"]["value"] for row in ("two − one", "three − two"))
    corrected = sorted(numbers[row, "p_holm"]["value"] for row in ("two − one", "three − two"))
    assert corrected == pytest.approx([2 * small, max(large, 2 * small)])
