"""The table of differences: p values corrected over the table, effect sizes, power."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bionerflow.config.experiments import Experiment
from bionerflow.config.metrics import FAMILIES
from bionerflow.config.tables import Grid
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate.compare import difference, documents
from bionerflow.tables.define import define
from bionerflow.tables.significance import differences

RATS = Entity.at("species", [(0, 4)], "rats")
RIGHT = {"one": 20, "two": 26, "three": 40}


def compared(
    folder: Path, right: Mapping[str, list[int]], draws: int = 1, corpora: tuple[str, ...] = ()
):
    """Compare neighbouring runs; return the numbers by row and metric, or corpus and metric.

    Args:
        folder: Where files go.
        right: In how many of 40 documents a run is right: draw by draw, of each draw by corpus.
        draws: Number of draws.
        corpora: The columns; none is one corpus that is not named.
    """
    places = corpora or ("genia",)
    examples = [Example(f"{i}", f"d{i}", "en", "rats", (RATS,)) for i in range(40)]
    for corpus in places:
        write_examples(folder / "gold" / corpus / "test.parquet", examples)
    for name, counts in right.items():
        for draw in range(draws):
            rows = [
                {"corpus": corpus, "format": "symbolic", "id": str(i), "answers": []}
                | {"problems": [], "entities": [entity_row(RATS)] if i < count else []}
                for corpus, count in zip(places, counts[draw * len(places) :], strict=False)
                for i in range(40)
            ]
            write_rows(folder / f"{name}{draw + 1}.parquet", rows, PREDICTIONS)
    columns = {"corpus": list(corpora)} if corpora else {}
    table = Grid(
        title="T",
        caption="C",
        rows=[{"configuration": list(right)}],
        columns=[{**columns, "metric": ["significance"]}],
    )
    sets = {name: {"formats": ["symbolic"]} for name in right}
    values = {"corpora": list(places), "models": ["mini"], "configurations": sets}
    values["draws"] = list(range(1, draws + 1))
    experiment = Experiment.model_validate(values)
    definition = define("p/t", table, "x", experiment, {name: name for name in places})
    paths = {
        f"x.mini.{name}.draw{n}": folder / f"{name}{n}.parquet"
        for name in right
        for n in range(1, draws + 1)
    }
    return differences(definition, paths, folder / "gold")


@pytest.fixture
def numbers(tmp_path):
    """Compare runs that are right in so many of 40 documents, by row and metric."""
    found = compared(tmp_path, {name: [count] for name, count in RIGHT.items()})
    return {(number["row"], number["metric"]): number for number in found}


def test_each_metric_is_told(numbers):
    row = {metric: numbers["three − two", metric] for metric in FAMILIES["significance"].labels}
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


#: Right answers by corpus (b, c), of the first draw and then the second.
TWO_DRAWS = {"one": [20, 20, 22, 20], "two": [26, 26, 25, 26], "three": [36, 34, 38, 37]}


def told(folder: Path, right: Mapping[str, list[int]]) -> dict[tuple[str, str, str], str]:
    """Return the texts of a table of two corpora and two draws by row, column and metric."""
    folder.mkdir()
    found = compared(folder, right, draws=2, corpora=("b", "c"))
    return {(cell["row"], cell["column"][:1], cell["metric"]): cell["text"] for cell in found}


def test_one_row_rests_on_its_own_draws_and_several_rows_of_a_corpus_share_theirs(tmp_path):
    single = told(tmp_path / "single", {name: TWO_DRAWS[name] for name in ("one", "two")})
    several = told(tmp_path / "several", TWO_DRAWS)
    one, two = ([tmp_path / f"single/{name}{n}.parquet" for n in (1, 2)] for name in ("one", "two"))
    counts = documents(two, one, tmp_path / "single/gold")
    own = difference(counts[counts["corpus"] == "b"])["intervals"]["f1"]
    text = f"[{100 * own['low']:+.2f}, {100 * own['high']:+.2f}]"
    assert single["two − one", "b", "interval"] == text
    for metric in ("interval", "p", "p_holm", "effect", "detectable"):
        assert several["two − one", "b", metric] != single["two − one", "b", metric]
    assert several["two − one", "b", "difference"] == single["two − one", "b", "difference"]
    elsewhere = told(tmp_path / "elsewhere", TWO_DRAWS | {"three": [36, 14, 38, 37]})
    assert elsewhere["three − two", "c", "p"] != several["three − two", "c", "p"]
    for metric in ("interval", "p", "effect", "detectable"):
        assert elsewhere["two − one", "b", metric] == several["two − one", "b", metric]
