"""Every table that compares has corrected p values, effect sizes with intervals, and power."""

import pytest
from conftest import ROOT

from bionerflow.annotate.corrections.experiment import Setup, tables
from bionerflow.config.base import load
from bionerflow.config.experiments import Experiment
from bionerflow.config.metrics import FAMILIES
from bionerflow.config.tables import DIFFERENCES, Grid, Tables
from bionerflow.tables.define import CLAIMED, define

#: What stands beside each comparison (docs/evaluation.md).
NEEDED = {"difference", "interval", "p_holm", "effect", "detectable"}
DEFINED = load(Tables, ROOT / "config" / "tables.yaml").tables
EXPERIMENT = Experiment.model_validate(
    {
        "corpora": ["genia"],
        "models": ["mini"],
        "configurations": {name: {"formats": ["symbolic"]} for name in ("one", "two", "three")},
    }
)


def compares(table: object) -> bool:
    """Tell whether a table is one of differences."""
    return isinstance(table, Grid) and table.filling == "significance"


def shown(table: Grid) -> set[str]:
    """Return the metrics that a table of differences shows."""
    axes = [*table.rows, *table.columns]
    return {name for axis in axes for name in axis.get("metric", [])}


def test_all_that_is_needed_is_told():
    assert set(FAMILIES["significance"].labels) >= NEEDED
    assert set(CLAIMED) >= NEEDED


@pytest.mark.parametrize("name", [n for n, t in DEFINED.items() if compares(t)])
def test_shipped_tables_of_differences_are_complete(name):
    assert shown(DEFINED[name]) >= NEEDED


def test_each_paper_and_the_baselines_have_one():
    papers = {name.partition("/")[0] for name in DEFINED} - {"claims"}
    tested = {n.partition("/")[0] for n, t in DEFINED.items() if compares(t)}
    assert papers - tested == set()


def test_corrections_are_compared_as_completely():
    setup = Setup({}, "notes", EXPERIMENT, {})
    written = tables(setup, ["one", "one-v2"], "genia", "genia-v2", None)
    its = Tables.model_validate(written).tables["notes/corrections_significance"]
    assert shown(its) >= NEEDED


def test_an_experiment_of_ones_own_has_a_table_of_differences():
    table = Tables.model_validate({"tables": {}}).find(f"mine/{DIFFERENCES}")
    assert shown(table) >= NEEDED
    definition = define("mine/differences", table, "x", EXPERIMENT, {"genia": "GENIA"})
    assert list(definition.rows.values()) == ["two mini − one mini", "three mini − two mini"]
    assert definition.columns[0] == "ΔF1"
    assert definition.cells[0].models == {"mini": ["x.mini.two.draw1"]}
    assert definition.cells[0].against == ["x.mini.one.draw1"]
