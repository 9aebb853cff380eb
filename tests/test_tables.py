"""Tables: which runs feed them, what their cells hold, and what stands where nothing was run."""

import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile

import pandas as pd
import pytest
import yaml

from bionerflow.config.base import load, parse
from bionerflow.config.experiments import Experiment
from bionerflow.config.metrics import FAMILIES, FILLINGS, PRECISIONS, RECORDED
from bionerflow.config.tables import Grid, Tables
from bionerflow.evaluate import abstention
from bionerflow.evaluate.pool import MEASURES, measure
from bionerflow.tables.define import define
from bionerflow.tables.fill import long_form, measured
from bionerflow.tables.published import read_published
from bionerflow.tables.write import latex, markdown, notes, wide_form
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_json
from bionerflow.workflow.plan import Plan

ROOT = Path(__file__).parent.parent
TABLE = Grid(
    kind="grid",
    title="T & U",
    caption="50 %",
    rows=[{"corpus": "every"}],
    columns=[{"configuration": ["7best", "conv_term", "also"]}],
    where={"model": "every"},
    unit="fraction",
)
#: What a caption adds where a paper prints numbers.
THEIRS = ' Columns that begin with "published" are the paper\'s.'
PUBLISHED = pd.DataFrame(
    [["bc5cdr", "UIE", 0.89, None, "0.89", "Table 5"]],
    columns=["row", "column", "value", "sd", "text", "source"],
).astype({"sd": float})


def experiment(
    configurations=("7best", "conv_term"), models=("nano", "mini"), draws=(1, 2), also=()
):
    return Experiment(
        corpora=["flat", "bc5cdr"],
        models=list(models),
        draws=list(draws),
        configurations={name: {"formats": ["conv_term"]} for name in configurations},
        selectors={"llm_cls": {"base": "nano"}},
        also=list(also),
    )


def evaluations(**f1: float) -> dict:
    """Return evaluations whose F1 on `flat` is given by run, `.` written as `_`."""
    return {
        id: {
            ("flat", None): {
                "n": {"sentences": 30, "gold": 40, "predicted": 40, "correct": round(40 * value)},
                "strict": {"f1": {"low": value - 0.1, "high": value + 0.1}},
            }
        }
        for id, value in f1.items()
    }


def definition(**kwargs):
    titles = {"flat": "Flat (synthetic)", "bc5cdr": "BC5CDR"}
    return define("mfner/table5", TABLE, "demo", experiment(**kwargs), titles)


def filled(definition, evaluations, dev=None, published=PUBLISHED) -> pd.DataFrame:
    """Return the long form; `dev` is F1 on dev by run."""
    recorded = {run: {"dev_f1": f1} for run, f1 in (dev or {}).items()}
    return long_form(definition, measured(definition, evaluations, recorded), published)


def cell(long: pd.DataFrame, row: str, column: str) -> dict:
    found = long[(long["row"] == row) & (long["column"] == column)]
    assert len(found) == 1
    return found.iloc[0].to_dict()


def test_a_table_rests_on_the_configurations_that_the_experiment_has_and_its_also():
    asked = experiment(["conv_term", "curated"], ["mini"], [1], ["curated", "curated+llm_cls"])
    assert define("mfner/table5", TABLE, "demo", asked, {"flat": "Flat"}).ids() == [
        "demo.mini.conv_term.draw1",
        "demo.mini.curated.draw1",
        "demo.mini.curated.draw1+llm_cls",
    ]


def test_the_best_model_on_dev_is_shown_with_mean_and_deviation_over_draws():
    found = evaluations(
        **{
            "demo.mini.7best.draw1": 0.70,
            "demo.mini.7best.draw2": 0.80,
            "demo.nano.7best.draw1": 0.95,
            "demo.nano.7best.draw2": 0.95,
        }
    )
    dev = {"demo.mini.7best.draw1": 0.5, "demo.mini.7best.draw2": 0.7}
    dev |= {"demo.nano.7best.draw1": 0.55, "demo.nano.7best.draw2": 0.6}
    long = filled(definition(), found, dev)
    shown = cell(long, "flat", "7best")
    assert shown["value"] == pytest.approx(0.75)
    assert shown["sd"] == pytest.approx(0.0707, abs=1e-4)
    assert shown["runs"] == "demo.mini.7best.draw1 demo.mini.7best.draw2"
    assert (shown["n_sentences"], shown["n_gold"]) == (60, 80)
    wide = wide_form(definition(), long)
    assert wide.to_csv(index=False) == (
        ",7best,conv_term,published UIE\nFlat (synthetic),0.75 ± 0.07,,\nBC5CDR,,,0.89\n"
    )
    assert cell(long, "bc5cdr", "7best")["reason"] == "no run was tested on it"
    assert cell(long, "flat", "published UIE")["reason"] == "the paper prints no such number"


def test_one_draw_keeps_its_interval_and_a_lost_draw_is_named():
    found = evaluations(**{"demo.mini.7best.draw2": 0.5})
    shown = cell(filled(definition(models=["mini"]), found), "flat", "7best")
    assert (shown["low"], shown["high"]) == (0.4, 0.6)
    assert shown["reason"] == "without demo.mini.7best.draw1"


def test_one_model_fills_the_whole_table_and_is_named_in_it():
    """mfner, Table 5: "our best model". The other one has the better dev F1 in a single column."""
    dev = {"demo.mini.7best.draw1": 0.9, "demo.mini.conv_term.draw1": 0.1}
    dev |= {"demo.nano.7best.draw1": 0.6, "demo.nano.conv_term.draw1": 0.6}
    found = evaluations(**dict.fromkeys(dev, 0.5) | {"demo.nano.7best.draw1": 0.25})
    asked = definition(draws=[1])
    long = filled(asked, found, dev)
    shown = long[long["source"].eq("measured") & long["row"].eq("flat")]
    assert shown["model"].tolist() == ["nano", "nano"]
    assert shown["text"].tolist() == ["0.25", "0.50"]
    assert notes(long.to_dict("records")) == f" Model: nano.{THEIRS}"
    assert notes(filled(asked, found, dev, published=None).to_dict("records")) == " Model: nano."
    del found["demo.nano.conv_term.draw1"]  # the other model does not take its place
    lost = cell(filled(asked, found, dev | {"demo.nano.7best.draw1": 0.95}), "flat", "conv_term")
    assert lost["text"] == ""
    assert lost["reason"] == "the table shows the model nano, which has no such run"


def test_numbers_of_secondary_sources_are_marked():
    published = PUBLISHED.assign(source="secondary, not verified (elsewhere)")
    long = filled(definition(), {}, published=published)
    shown = cell(long, "bc5cdr", "published UIE")
    assert (shown["text"], shown["reason"]) == ("0.89†", "secondary, not verified")
    assert notes(long.to_dict("records")) == f"{THEIRS} † From a secondary source, not verified."
    assert r"0.89$\dagger$" in latex("T", "C", wide_form(definition(), long))
    assert notes(filled(definition(), {}).to_dict("records")) == THEIRS
    frames = [
        read_published(ROOT / "resources" / "published" / "bioselecttune" / f"table{n}.csv")
        for n in (1, 2)
    ]
    printed = pd.concat(frames).set_index(["row", "column"])["source"]
    seen = printed.index[~printed.str.startswith("secondary, not verified")]
    assert seen.tolist() == [("ncbi_disease_once", "SFT Qwen3-8B")]


def test_every_run_of_a_table_pools_the_same_corpora():
    """Those all runs were trained on: the run that was tested on more has no more in its cell."""
    asked = Experiment(
        corpora=["flat", "bc5cdr"],
        models=["mini"],
        configurations={
            "sft": {"formats": ["json_entity"]},
            "curated": {"formats": ["json_entity"], "unseen": ["elsewhere"]},
        },
    ).with_unseen()
    grid = Grid(
        title="", caption="", rows=[{"configuration": "every"}], columns=[{}], unit="fraction"
    )
    found = define("t", grid, "demo", asked, dict.fromkeys(asked.corpora, ""))
    assert {one.corpora for one in found.cells} == {("flat", "bc5cdr")}
    both = {"n": {"sentences": 2, "gold": 2, "predicted": 2, "correct": 2}, "strict": {}}
    unseen = {"n": {"sentences": 2, "gold": 2, "predicted": 0, "correct": 0}, "strict": {}}
    scores = {
        f"demo.mini.{name}.draw1": {(corpus, None): both for corpus in ("flat", "bc5cdr")}
        for name in ("sft", "curated")
    }
    scores["demo.mini.curated.draw1"] |= {("elsewhere", None): unseen, (None, None): unseen}
    assert [(n["text"], n["n_gold"]) for n in measured(found, scores, {})] == [("1.00", 4)] * 2
    apart = {
        name: {"formats": ["html"], "corpora": [c]}
        for name, c in zip("ab", ("flat", "bc5cdr"), strict=True)
    }
    changed = asked.model_validate({**asked.model_dump(), "configurations": apart})
    none = define("t", grid, "demo", changed, dict.fromkeys(asked.corpora, ""))
    assert all("none in common" in one.reason for one in none.cells)


def test_selectors_of_single_corpora_filter_the_runs_on_them():
    """unified: one selector per corpus for "single", one over all for "joint"."""
    asked = load(Experiment, ROOT / "config" / "experiments" / "unified.yaml")
    cells = defined("unified/table3", asked).cells
    ids = {id for one in cells for ids in one.models.values() for id in ids if "llm_cls" in id}
    assert ids == {
        f"x.glm4-9b.symbolic.{corpus}.draw1+llm_cls.{corpus}"
        for corpus in ("cmeee_v2", "genia_train_dev")
    }
    joint = {
        c.models["glm4-9b"][0]
        for c in defined("unified/table5", asked).cells
        if c.column == "+LLM-CLS"
    }
    assert joint == {"x.glm4-9b.joint.draw1+llm_cls"}


def test_a_configuration_that_was_left_out_is_empty_with_its_reason():
    long = filled(definition(configurations=["conv_term"]), {})
    shown = cell(long, "flat", "7best")
    assert pd.isna(shown["value"])
    assert shown["reason"] == "the experiment has no 7best"


def test_a_column_that_can_have_no_number_is_left_out_and_told_in_the_long_form():
    asked = definition(configurations=("conv_term",), models=("nano",), draws=(1,))
    long = filled(asked, evaluations(**{"demo.nano.conv_term.draw1": 0.5}))
    assert cell(long, "flat", "7best")["reason"] == "the experiment has no 7best"
    assert list(wide_form(asked, long).columns) == ["", "conv_term", "published UIE"]
    nothing_printed = long[long["row"] == "flat"]
    assert list(wide_form(asked, nothing_printed).columns) == ["", "conv_term"]
    not_run = filled(asked, {})
    assert "conv_term" in wide_form(asked, not_run).columns


def test_the_best_model_is_not_guessed_without_dev_scores():
    found = evaluations(**{"demo.mini.7best.draw1": 0.5, "demo.nano.7best.draw1": 0.5})
    with pytest.raises(UserError, match=r"No dev F1 is known for demo.mini.7best.draw1"):
        filled(definition(), found, {"demo.nano.7best.draw1": 0.1})


def test_changing_one_prediction_set_changes_its_cells_alone():
    found = evaluations(**{"demo.mini.7best.draw1": 0.5, "demo.mini.conv_term.draw1": 0.6})
    asked = definition(models=["mini"], draws=[1])
    before = filled(asked, found)
    found |= evaluations(**{"demo.mini.conv_term.draw1": 0.8})
    after = filled(asked, found)
    changed = before[before["value"].fillna(-1) != after["value"].fillna(-1)]
    assert changed[["row", "column"]].to_numpy().tolist() == [["flat", "conv_term"]]


def test_markdown_and_latex_are_escaped():
    long = filled(definition(), {})
    wide = wide_form(definition(), long).rename(columns={"7best": "a|b_c"})
    assert r"|  | a\|b_c | conv_term | published UIE |" in markdown("T & U", "50 %", wide)
    tex = latex("T & U", "50 %", wide)
    assert r" & a\textbar{}b\_c & conv\_term & published UIE \\" in tex
    assert r"\caption{T \& U. 50 \%}" in tex


def test_an_unknown_table_lists_those_that_exist():
    with pytest.raises(UserError, match=r"no table 'mfner/table99'.*mfner/table5"):
        load(Tables, ROOT / "config" / "tables.yaml").find("mfner/table99")


#: How many numbers a table prints, counted on the page by hand.
COUNTS = {
    "bioselecttune/table1": 12, "bioselecttune/table2": 2,
    "mfner/table1": 8 * 4 + 4, "mfner/table2": 7 * 6, "mfner/table3": 3 * 6 + 4 + 7 * 2,
    "mfner/table4": 4 * 2, "mfner/table5": 6 * 7 + 2 * 3, "mfner/table6": 3 * 6,
    "mfner/table7": (7 + 7 + 2 + 4) * 4, "mfner/table8": 12, "mfner/table9": 7 * 6,
    "unified/table1": 6 * 6, "unified/table2": 3 * 6, "unified/table3": 4 * 6,
    "unified/table4": 3 * 4, "unified/table5": 4 * 3, "unified/table6": 9 * 4 + 3 * 2,
    "unified/table7": 4 * 6, "unified/table8": 1 + 4 * 2 + 1 + 4,
}  # fmt: skip
#: What their numbers and deviations add up to, by a second reading of the papers' texts.
SUMS = {
    "bioselecttune/table1": 1019.27, "bioselecttune/table2": 171.03,
    "mfner/table1": 167841, "mfner/table2": 31.79, "mfner/table3": 23.65, "mfner/table4": 6.14,
    "mfner/table5": 35.38, "mfner/table6": 14.27, "mfner/table7": 29.46, "mfner/table8": 165.00001,
    "mfner/table9": 3751.18, "unified/table1": 232256, "unified/table2": 1358.94,
    "unified/table3": 1882.75, "unified/table4": 1211, "unified/table5": 1025.32,
    "unified/table6": 3173.30, "unified/table7": 1141.63, "unified/table8": 0,
}  # fmt: skip
WORDS = {"mfner/table1", "mfner/table8", "mfner/table9", "unified/table1", "unified/table4",
         "unified/table8"}  # fmt: skip
DISCONTINUOUS = {"cadec", "pgxcorpus"}
GRIDS = load(Tables, ROOT / "config" / "tables.yaml").tables


def defined(name, asked):
    titles = dict.fromkeys(asked.corpora, "title")
    return define(name, GRIDS[name], "x", asked, titles)


@pytest.mark.parametrize("name", [name for name in GRIDS if name in COUNTS])
def test_published_rows_have_their_place_and_columns_meet_measured_ones(name):
    """Rows match by key; a column that the paper prints is measured under the same label."""
    asked = load(Experiment, ROOT / "config" / "experiments" / "mfner.yaml")
    table = defined(name, asked)
    printed = read_published(ROOT / "resources" / "published" / f"{name}.csv")
    assert set(printed["row"]) <= set(table.rows)
    assert set(printed["column"]) & set(table.columns)


def test_table_4_has_the_paper_s_rows_and_no_discontinuous_corpora():
    """mfner, section 5.1."""
    asked = load(Experiment, ROOT / "config" / "experiments" / "mfner.yaml")
    table = defined("mfner/table4", asked)
    printed = read_published(ROOT / "resources" / "published" / "mfner" / "table4.csv")
    assert list(table.rows) == list(dict.fromkeys(printed["row"]))
    assert {c.corpora for c in table.cells} == {
        tuple(c for c in asked.corpora if c not in DISCONTINUOUS)
    }
    none = asked.model_copy(update={"corpora": sorted(DISCONTINUOUS)})
    assert {c.models == {} for c in defined("mfner/table4", none).cells} == {True}


def test_table_7_says_which_gaps_are_a_format_s_own():
    asked = load(Experiment, ROOT / "config" / "experiments" / "mfner.yaml")
    cells = defined("mfner/table7", asked).cells
    own = {(c.format, c.metric) for c in cells if c.reason}
    assert own == {(name, "delta_discontinuous") for name in ("multi_tag", "single_tag")}
    assert all(c.models for c in cells)


def test_what_is_to_be_known_of_a_number_stands_beside_it():
    grid = Grid(
        kind="grid", title="", caption="", rows=[{"format": ["multi_tag"]}],
        columns=[{"metric": ["delta_discontinuous"]}],
    )  # fmt: skip
    kinds = {"plain": {"correct": 3, "gold": 4}, "discontinuous": {"correct": 0, "gold": 2}}
    record = {"n": {"sentences": 4, "gold": 6}, "kinds": kinds, "strict": {}}
    asked = experiment(configurations=["7best"], models=["mini"], draws=[1])
    found = define("t", grid, "demo", asked, {"flat": "Flat"})
    [number] = measured(found, {"demo.mini.7best.draw1": {(None, "multi_tag"): record}}, {})
    assert number["value"] == 0.75
    assert number["reason"] == (
        "multi_tag cannot write discontinuous entities: the gap is the format's own"
    )


def test_a_grid_selects_by_what_its_axes_vary():
    grid = Grid(
        kind="grid", title="", caption="",
        rows=[
            {"configuration": ["7best"], "format": ["multi_tag", "html"]},
            {"configuration": ["only"], "format": ["conv_term"]},
        ],
        columns=[{"model": "every", "metric": ["recall", "delta_nested"]}],
        where={"corpus": ["flat", "elsewhere"]},
    )  # fmt: skip
    asked = experiment(models=["mini"], draws=[1])
    found = define("t", grid, "demo", asked, {"flat": "Flat"})
    assert list(found.rows) == ["7best multi_tag", "7best html", "only conv_term"]
    assert found.columns == ["mini R", "mini Δ Nested"]
    last = found.cells[-1]
    assert (last.row, last.column) == ("only conv_term", "mini Δ Nested")
    assert last.models == {"mini": ["demo.mini.conv_term.draw1"]}
    assert (last.corpora, last.format, last.metric) == (("flat",), "conv_term", "delta_nested")
    assert found.ids() == ["demo.mini.7best.draw1", "demo.mini.conv_term.draw1"]


OWN = """
labels: {mini: Mini, recall: none}
tables:
  mfner/mine:
    title: My grid
    caption: Recall.
    rows: {configuration: every}
    columns: {model: every, metric: [recall]}
    labels: {recall: Recall}
"""


def test_an_own_file_of_tables_may_say_little(tmp_path):
    """No kind, no tables of corpora, one group of rows; labels of all tables, then its own."""
    (tmp_path / "t.yaml").write_text(OWN)
    tables = load(Tables, tmp_path / "t.yaml")
    assert set(tables.ours) == {"leakage", "format_capacity"}
    assert tables.titled("leakage").title
    asked = experiment(models=["mini"], draws=[1])
    found = define("mfner/mine", tables.find("mfner/mine"), "demo", asked, {"flat": "Flat"})
    assert (list(found.rows), found.columns) == (["7best", "conv_term"], ["Mini Recall"])
    (tmp_path / "t.yaml").write_text(OWN.replace("rows: {configuration", "rows: {set"))
    with pytest.raises(UserError, match=r"t.yaml.*mine.*rows.*'set' is called 'configuration'"):
        load(Tables, tmp_path / "t.yaml")


def test_an_own_table_is_planned(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text("utf-8"))
    shipped = yaml.safe_load((ROOT / "config" / "config.yaml").read_text("utf-8"))
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(OWN)
        file.flush()
        plan = Plan(shipped | config | {"tables": file.name})
    assert plan.every_table() == ["mfner/mine", "format_capacity", "leakage"]
    assert plan.evaluations("mfner", "mine")


WRONG = {
    "columns: {metric: [accuracy]}": "unknown metric 'accuracy'. Did you mean 'accuracy_9'",
    "where: {metric: accuracy}": "unknown metric 'accuracy'",
    "columns: {metric: [f1, significance]}": "metrics of grid and significance cannot",
    "columns: {metric: [p90_f1, p]}": "metrics of abstention and significance cannot share a table",
    "columns: {metric: [f1]}\nwhere: {metric: p}": "grid and significance cannot share",
    "where: {model: [first, second]}": "`model` needs one name",
    "where: {metric: scores}": "`metric` needs one name",
    "rows: {configuration: all}": "`all` is called `every`; a configuration of that name is .*all",
    "columns: {model: all}": "`all` is called `every`",
    "also: true": "unknown key 'also'",
}


@pytest.mark.parametrize("said", WRONG)
def test_a_wrong_entry_is_told_in_words(said):
    entry = {"title": "T", "caption": "C", "rows": {"corpus": "every"}, "columns": {}}
    with pytest.raises(UserError, match=WRONG[said]):
        parse(Grid, entry | yaml.safe_load(said), "tables.yaml")


def axes(said):
    """Return the rows of an entry that says this of them."""
    return Grid(title="T", caption="C", rows=yaml.safe_load(said), columns={}).rows


def test_a_family_stands_for_its_metrics():
    assert axes("{metric: [f1, gaps]}") == axes("{metric: [f1, delta_nested, delta_discontinuous]}")
    assert axes("{corpus: [a], metric: [risk]}")[0]["metric"][:2] == ["aurc", "risk_10"]
    grid = Grid(title="T", caption="C", rows={}, columns={"metric": ["p90"]})
    assert (grid.filling, grid.columns[0]["metric"][-1]) == ("abstention", "p90_f1")
    families = set(FAMILIES)
    assert not families & set(FILLINGS)  # a name is that of a family or of a metric
    assert len(FILLINGS) == sum(len(family.labels) for family in FAMILIES.values())


def test_a_cell_without_a_model_is_of_the_first_that_its_configuration_is_asked_of():
    asked = Experiment(
        corpora=["flat"], models=["mini", "nano"],
        configurations={
            "one": {"formats": ["html"]}, "two": {"formats": ["html"], "models": ["base", "nano"]},
        },
    )  # fmt: skip

    def models(**entry):
        grid = Grid(title="", caption="", rows={"configuration": "every"}, columns={}, **entry)
        found = define("t", grid, "x", asked, {"flat": "Flat"})
        return {cell.row: list(cell.models) for cell in found.cells}

    assert models() == {"one": ["mini"], "two": ["base"]}
    assert models(where={"model": "first"}) == {"one": ["mini"]}
    assert models(where={"model": "every"}) == {"one": ["mini", "nano"], "two": ["nano", "base"]}


def record(correct, gold, predicted, nested=(0, 0)):
    return {
        "n": {"correct": correct, "gold": gold, "predicted": predicted},
        "kinds": {
            "plain": {"correct": correct - nested[0], "gold": gold - nested[1]},
            "nested": {"correct": nested[0], "gold": nested[1]},
        },
        "errors": {"span": 3, "type": 2},
    }


def test_pooled_numbers_are_micro():
    both = [record(1, 2, 4), record(9, 10, 10, nested=(1, 2))]
    assert measure(both, "recall") == pytest.approx(10 / 12)
    assert measure(both, "f1") == pytest.approx(20 / 26)
    assert measure(both, "delta_nested") == pytest.approx(9 / 10 - 1 / 2)
    assert measure(both[:1], "delta_nested") is None
    nothing = [record(0, 10, 3, nested=(0, 2))]
    assert measure(nothing, "delta_nested") is None  # no gap where nothing was found
    assert measure(nothing, "recall") == 0
    faults = {"n": {"sentences": 8}, "problems": {"unparsable": 2}}
    assert measure([faults, faults], "unparsable") == 0.25
    depths = {
        "strata": {"depth": {"0": {"correct": 3, "gold": 4}, "2+": {"correct": 0, "gold": 0}}}
    }
    assert measure([depths, depths], "recall_depth_0") == 0.75
    assert measure([depths], "recall_depth_2+") is None
    shifts = {"shifts": dict.fromkeys(map(str, range(-5, 6)), 0) | {"-2": 3, "1": 1}}
    assert measure([shifts], "shift_-2") == 0.75
    assert measure(both, "span") == 6
    assert measure(both, "type") == 4  # the class of errors, not SemEval's convention of that name


def test_every_metric_has_one_measure():
    scores = {name for name, how in FILLINGS.items() if how == "grid"}
    assert set(MEASURES) == {name for name in scores if not name.startswith(RECORDED)}
    assert [percent / 100 for percent in PRECISIONS] == list(abstention.PRECISIONS)


@pytest.mark.parametrize("name", [*GRIDS, *COUNTS])
def test_what_tables_say_is_ascii_in_latex(name):
    """Other characters stop pdflatex where no package is loaded for them."""
    asked = load(Experiment, ROOT / "config" / "experiments" / f"{name.partition('/')[0]}.yaml")
    said = [*GRIDS[name].labels.values(), GRIDS[name].caption] if name in GRIDS else []
    if name in GRIDS:
        found = defined(name, asked.with_unseen())
        said += [*found.rows.values(), *found.columns]
    if name in COUNTS:
        said += list(read_published(ROOT / "resources" / "published" / f"{name}.csv")["text"])
    assert latex("T", "C", pd.DataFrame({"": said})).isascii()


@pytest.mark.parametrize("name", COUNTS)
def test_published_tables_are_whole(name):
    frame = read_published(ROOT / "resources" / "published" / f"{name}.csv")
    assert len(frame) == COUNTS[name]
    assert frame[["value", "sd"]].sum().sum() == pytest.approx(SUMS[name], abs=1e-6)
    assert frame["source"].str.len().gt(0).all()
    if name not in WORDS:
        assert frame["value"].between(0, 1 if name.startswith("mfner") else 100).all()


def test_no_published_file_is_left_uncounted():
    folder = ROOT / "resources" / "published"
    assert {f"{p.parent.name}/{p.stem}" for p in folder.glob("*/*.csv")} == set(COUNTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,column,value\na,b,1\n", "columns must be"),
        ("row,column,value,sd,source\na,b,,,s\n", "line 2: there is no value"),
        ("row,column,value,sd,source\na,b,1,,s\na,b,2,,s\n", r"\(a, b\) is entered twice"),
    ],
)
def test_faults_in_published_files_are_named(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_published(path)


def test_the_script_writes_four_forms(tmp_path):
    run = "demo.mini.7best.draw1"
    scores = evaluations(**{run: 0.5})[run]["flat", None] | {"corpus": "flat", "format": None}
    write_json(tmp_path / "e.json", {"predictions": run, "scores": [scores]})
    write_json(tmp_path / run / "metrics.json", {"dev_f1": 0.4})
    PUBLISHED.drop(columns="text").to_csv(tmp_path / "p.csv", index=False)
    script = [sys.executable, "-P", ROOT / "workflow" / "scripts" / "tables.py"]
    script += ["--definition", definition(models=["mini"], draws=[1]).dump()]
    script += ["--evaluations", tmp_path / "e.json", "--published", tmp_path / "p.csv"]
    script += ["--metrics", tmp_path / run / "metrics.json", "--out", tmp_path / "t" / "table5.csv"]
    subprocess.run(script, check=True)
    made = sorted(path.name for path in (tmp_path / "t").iterdir())
    assert made == ["table5.csv", "table5.long.csv", "table5.md", "table5.tex"]
    assert "Flat (synthetic),0.50,," in (tmp_path / "t" / "table5.csv").read_text()
