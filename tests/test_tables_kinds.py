"""Tables that are no grids of scores, and figures: differences, cases, what runs recorded."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bionerflow.config.experiments import Experiment
from bionerflow.config.tables import Cases, Grid
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.tables.cases import cases
from bionerflow.tables.define import Definition, define
from bionerflow.tables.figures import NOTHING, draw
from bionerflow.tables.fill import long_form, measured, read_metrics
from bionerflow.tables.significance import differences
from bionerflow.utils.files import write_json
from bionerflow.utils.plotting import save

TEXT = "DR enhancer B domain"
ENHANCER, DOMAIN = (Entity.at("DNA", [span], TEXT) for span in ((0, 11), (12, 20)))
WHOLE = Entity.at("RNA", [(0, 20)], TEXT)
TITLED = {"title": "T", "caption": "C"}


def experiment(**changes) -> Experiment:
    sets = {name: {"formats": ["symbolic"]} for name in ("one", "two", "three")}
    values = {"corpora": ["genia"], "models": ["mini"], "configurations": sets}
    return Experiment.model_validate(values | changes)


def defined(table: Grid | Cases, **changes) -> Definition:
    return define("p/t", table, "x", experiment(**changes), {"genia": "GENIA"})


@pytest.fixture
def predictions(tmp_path) -> dict[str, Path]:
    """Predict ten documents: `one` misses what `two` finds, `three` is of other sentences."""
    examples = [Example(f"{i}", f"d{i}", "en", TEXT, (ENHANCER, DOMAIN)) for i in range(10)]
    write_examples(tmp_path / "gold" / "genia" / "test.parquet", examples)
    found = {"one": [WHOLE, ENHANCER], "two": [ENHANCER, DOMAIN], "three": [DOMAIN]}
    paths = {}
    for name, entities in found.items():
        id = f"x.mini.{name}.draw1"
        rows = [
            {"corpus": "genia", "format": "symbolic", "id": str(i), "answers": [], "problems": []}
            | {"entities": [entity_row(entity) for entity in entities]}
            for i in range(5 if name == "three" else 10)
        ]
        write_rows(tmp_path / f"{id}.parquet", rows, PREDICTIONS)
        paths[id] = tmp_path / f"{id}.parquet"
    return paths


def by_place(numbers) -> dict:
    return {(number["row"], number["column"]): number for number in numbers}


def test_neighbouring_rows_are_tested_and_what_is_not_comparable_says_why(predictions, tmp_path):
    table = Grid(
        **TITLED,
        rows=[{"configuration": ["one", "two", "three", "four"]}],
        columns=[{"metric": ["difference", "p"]}],
    )
    definition = defined(table)
    assert list(definition.rows) == ["two − one", "three − two", "four − three"]
    found = by_place(differences(definition, predictions, tmp_path / "gold"))
    assert found["two − one", "ΔF1"]["text"] == "+50.00"
    assert found["two − one", "p"]["value"] < 0.01
    assert found["two − one", "p"]["runs"] == "x.mini.two.draw1 x.mini.one.draw1"
    assert "different sentences" in found["three − two", "p"]["reason"]
    assert found["four − three", "p"]["reason"] == "the experiment has no four"
    assert "value" not in found["four − three", "p"]


def test_cases_are_looked_up_in_the_test_sample(predictions, tmp_path):
    table = Cases(
        kind="cases", **TITLED, corpus="genia", configurations=["one", "elsewhere", "two"],
        rows={"Ex.1": ["dr enhancer", "B domain"], "Ex.2": ["somewhere else"]},
    )  # fmt: skip
    definition = defined(table)
    assert definition.columns == ["Entity 1", "Entity 2"]
    lines = ["Input Text", "GS", "one", "elsewhere", "two"]
    assert list(definition.rows)[:5] == [f"Ex.1 {line}" for line in lines]
    found = by_place(cases(definition, predictions, tmp_path / "gold"))
    assert {row for row, _ in found} == set(definition.rows)
    said = {place: number.get("text", number.get("reason")) for place, number in found.items()}
    assert said["Ex.1 Input Text", "Entity 1"] == TEXT
    assert ("Ex.1 Input Text", "Entity 2") not in said
    assert said["Ex.1 GS", "Entity 2"] == "B domain (DNA)"
    assert said["Ex.1 one", "Entity 2"] == f"{TEXT} (RNA)"
    assert said["Ex.1 one", "Entity 1"] == f"{TEXT} (RNA); DR enhancer (DNA)"
    assert said["Ex.1 two", "Entity 1"] == "DR enhancer (DNA)"
    assert found["Ex.1 two", "Entity 1"]["runs"] == "x.mini.two.draw1"
    assert said["Ex.1 elsewhere", "Entity 1"] == "the experiment has no such run"
    assert said["Ex.2 one", "Entity 1"] == "no sentence that was tested on has it"
    assert said["Own 1 GS", "Entity 1"] == "B domain (DNA)"
    assert said["Own 2 GS", "Entity 1"] == "no sentence that was tested on has it"


def test_what_runs_recorded_is_shown_as_they_recorded_it():
    table = Grid(
        kind="grid", **TITLED,
        rows=[{"metric": ["run.seconds", "run.settings.num_train_epochs", "run.kwh"]}],
        columns=[{}, {"configuration": ["one"]}],
    )  # fmt: skip
    recorded = {
        f"x.mini.{name}.draw{draw}": {"seconds": 3600.4, "settings": {"num_train_epochs": epochs}}
        for name, epochs in (("one", 4.0), ("two", 15.0))
        for draw in (1, 2)
    }
    recorded["x.mini.one.draw1"]["seconds"] = 3722.0
    found = by_place(measured(defined(table, draws=[1, 2]), {}, recorded))
    assert found["run.settings.num_train_epochs", "value"]["text"] == "4, 15"
    assert found["run.settings.num_train_epochs", "one"]["text"] == "4"
    assert found["run.seconds", "one"]["text"] == "01:01:01"
    assert found["run.seconds", "one"]["runs"] == "x.mini.one.draw1 x.mini.one.draw2"
    assert found["run.kwh", "one"]["reason"] == "no run recorded run.kwh"


def test_what_runs_recorded_is_found_in_files_of_their_folder_or_of_their_name(tmp_path):
    run = "x.mini.one.draw1"
    write_json(tmp_path / run / "metrics.json", {"seconds": 1.0})
    write_json(tmp_path / run / "cost.json", {"wh": 2.0})
    write_json(tmp_path / f"diagnostics/{run}.consistency.json", {"unanimous": 0.5})
    found = read_metrics(sorted(tmp_path.rglob("*.json")))
    expected = {"seconds": 1.0, "cost": {"wh": 2.0}, "consistency": {"unanimous": 0.5}}
    assert found == {run: expected}


def test_a_place_of_what_runs_recorded_may_be_that_of_the_cell_s_corpus():
    table = Grid(
        **TITLED, rows=[{"corpus": ["genia", "elsewhere"]}],
        columns=[{"metric": ["run.ifd.{corpus}.q50"]}], where={"configuration": "one"},
    )  # fmt: skip
    recorded = {"x.mini.one.draw1": {"ifd": {"genia": {"q50": 0.25}, "": {"q50": 9.0}}}}
    found = by_place(measured(defined(table, draws=[1]), {}, recorded))
    assert found["genia", "median"]["text"] == "0.25"
    assert found["elsewhere", "median"]["reason"] == "the experiment has no such corpus"


def test_every_names_what_goes_together():
    """`every` model of a configuration is one that it is asked of."""
    asked = Experiment(
        corpora=["flat"], models=["mini"],
        configurations={
            "one": {"formats": ["conv_term"]},
            "two": {"formats": ["conv_term"], "models": ["base"]},
        },
    )  # fmt: skip
    rows = {"configuration": "every", "model": "every"}
    both = Grid(**TITLED, rows=rows, columns={"corpus": "every"})
    assert list(define("x/y", both, "x", asked, {"flat": "Flat"}).rows) == ["one mini", "two base"]
    first = Grid(**TITLED, rows={"configuration": "every"}, columns={}, where={"model": "first"})
    assert list(define("x/y", first, "x", asked, {"flat": "Flat"}).rows) == ["one"]


def test_a_model_s_place_and_a_stand_in_are_the_experiment_s():
    table = Grid(
        **TITLED, rows=[{"corpus": ["genia", "biored"]}],
        columns=[{"configuration": ["one"]}],
        where={"model": "second"}, labels={"genia": "GENIA"},
    )  # fmt: skip
    asked = experiment(models=["mini", "nano"], stand_ins={"genia": "sample"})
    found = define("p/t", table, "x", asked, {"sample": "sample (synthetic)"})
    assert found.rows == {"sample": "sample (synthetic)", "biored": "biored"}
    assert found.cells[0].models == {"nano": ["x.nano.one.draw1"]}
    assert found.cells[1].reason == "the experiment has no such corpus"


def test_a_configuration_may_have_models_of_its_own():
    table = Grid(
        **TITLED, rows=[{"model": "every"}], columns=[{"configuration": ["one", "two"]}]
    )  # fmt: skip
    sets = {"one": {"formats": ["symbolic"]}, "two": {"formats": ["symbolic"], "models": ["nano"]}}
    found = defined(table, configurations=sets)
    assert [cell.models for cell in found.cells] == [
        {"mini": ["x.mini.one.draw1"]}, {}, {}, {"nano": ["x.nano.two.draw1"]},
    ]  # fmt: skip
    assert found.cells[1].reason == "the experiment has no two of the model mini"


def test_rows_keep_their_order_on_the_way_to_the_script():
    table = Grid(kind="grid", **TITLED, rows=[{"configuration": ["two", "one"]}], columns=[{}])
    passed = Definition.model_validate_json(defined(table).dump())
    assert list(passed.rows) == ["two", "one"]


def test_the_row_of_changes_compares_the_row_above_it_with_the_first():
    table = Grid(
        kind="grid",
        **TITLED,
        rows=[{"configuration": ["one", "two", "Δ"]}],
        columns=[{"metric": ["span"]}],
    )
    record = {"n": {"sentences": 1, "gold": 1}, "strict": {}}
    found = {
        f"x.mini.{name}.draw1": {(None, None): record | {"errors": {"span": count}}}
        for name, count in (("one", 8), ("two", 6))
    }
    numbers = by_place(measured(defined(table), found, {}))
    assert numbers["Δ", "Span"]["text"] == "-25 %"
    assert numbers["Δ", "Span"]["runs"] == "x.mini.one.draw1 x.mini.two.draw1"
    assert measured(defined(table), {}, {})[-1]["reason"] == "no run was tested on it"


@pytest.mark.parametrize("style", ["bars", "lines", "shares", "reliability"])
def test_every_style_draws_what_was_measured_and_leaves_out_what_was_not(tmp_path, style):
    table = Grid(
        kind="grid", **TITLED, rows=[{"configuration": ["one", "two"]}],
        columns=[{"metric": ["accuracy_1", "accuracy_2"]}], figure=style, unit="fraction",
        labels={"accuracy_1": "first tenth", "accuracy_2": "second tenth"},
    )  # fmt: skip
    definition = defined(table)
    numbers = measured(definition, {}, {})

    def drawn():
        return draw(definition, long_form(definition, numbers, None).to_dict("records"))

    empty = drawn()
    assert [text.get_text() for text in empty.axes[0].texts] == [NOTHING]
    numbers[0] |= {"value": 0.25}
    numbers[1] |= {"value": 0.75}
    figure = drawn()
    save(figure, tmp_path / style)
    assert (tmp_path / f"{style}.png").read_bytes().startswith(b"\x89PNG")
    svg = (tmp_path / f"{style}.svg").read_bytes()
    save(drawn(), tmp_path / style)
    assert (tmp_path / f"{style}.svg").read_bytes() == svg
    panel = figure.axes[0]
    heights = [bar.get_height() for bar in panel.patches if pd.notna(bar.get_height())]
    lines = [y for line in panel.lines for y in line.get_ydata() if pd.notna(y)]
    assert {0.25, 0.75} <= set(heights + lines) or {25, 75} <= set(heights)


@pytest.mark.parametrize("wrong", [1, 0])
def test_a_row_whose_sum_is_zero_has_no_shares(wrong):
    table = Grid(
        kind="grid", **TITLED, rows=[{"configuration": ["one", "two"]}],
        columns=[{"metric": ["span", "type"]}], figure="shares",
    )  # fmt: skip
    definition = defined(table)
    numbers = measured(definition, {}, {})
    for number, value in zip(numbers, (0, 0, wrong, 0), strict=True):
        number["value"] = value
    with np.errstate(all="raise"):
        figure = draw(definition, long_form(definition, numbers, None).to_dict("records"))
    panel = figure.axes[0]
    assert [bar.get_height() for bar in panel.patches if pd.notna(bar.get_height())] == (
        [100, 0] if wrong else []
    )
    assert (NOTHING in [text.get_text() for text in panel.texts]) == (not wrong)
