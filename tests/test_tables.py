"""Tables: which runs feed them, what their cells hold, and what stands where nothing was run."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bionerflow.errors import UserError
from bionerflow.files import write_json
from bionerflow.published import read_published
from bionerflow.settings import Experiment, load
from bionerflow.tables import latex, long_form, markdown, wide_form
from bionerflow.tables_settings import ByCorpus, Source, Tables, define, needed

ROOT = Path(__file__).parent.parent
TABLE = ByCorpus(kind="by_corpus", title="T & U", caption="50 %", columns=["7best", "conv_term"])
PUBLISHED = pd.DataFrame(
    [["bc5cdr", "UIE", 0.89, None, "Table 5"]],
    columns=["row", "column", "value", "sd", "source"],
).astype({"sd": float})


def experiment(
    configurations=("7best", "conv_term"), models=("nano", "mini"), draws=(1, 2), also=()
):
    return Experiment(
        corpora=["flat", "bc5cdr"],
        models=list(models),
        draws=list(draws),
        configurations={name: {"formats": ["conv_term"]} for name in configurations},
        also=list(also),
    )


def evaluations(**f1: float) -> dict:
    """Return evaluations whose F1 on `flat` is given by run, `.` written as `_`."""
    return {
        id: {
            ("flat", None): {
                "n": {"sentences": 30, "gold": 40},
                "strict": {"f1": {"value": value, "low": value - 0.1, "high": value + 0.1}},
            }
        }
        for id, value in f1.items()
    }


def definition(**kwargs):
    titles = {"flat": "Flat (synthetic)", "bc5cdr": "BC5CDR"}
    return define("mfner/table5", TABLE, "demo", experiment(**kwargs), titles)


def cell(long: pd.DataFrame, row: str, column: str) -> dict:
    found = long[(long["row"] == row) & (long["column"] == column)]
    assert len(found) == 1
    return found.iloc[0].to_dict()


def test_needed_are_the_configurations_that_the_experiment_has_and_its_also():
    asked = experiment(["conv_term", "curated"], ["mini"], [1], ["curated", "curated+llm_cls"])
    assert needed(TABLE, asked) == [
        Source("conv_term", "mini", 1, None),
        Source("curated", "mini", 1, None),
        Source("curated", "mini", 1, "llm_cls"),
    ]
    assert needed(TABLE, asked)[2].id("demo") == "demo.mini.curated.draw1+llm_cls"


def test_the_best_model_on_dev_is_shown_with_mean_and_deviation_over_draws():
    found = evaluations(
        **{
            "demo.mini.7best.draw1": 0.70,
            "demo.mini.7best.draw2": 0.80,
            "demo.nano.7best.draw1": 0.99,
            "demo.nano.7best.draw2": 0.99,
        }
    )
    dev = {"demo.mini.7best.draw1": 0.5, "demo.mini.7best.draw2": 0.7}
    dev |= {"demo.nano.7best.draw1": 0.55, "demo.nano.7best.draw2": 0.6}
    long = long_form(definition(), found, dev, PUBLISHED)
    shown = cell(long, "flat", "7best")
    assert shown["value"] == pytest.approx(0.75)
    assert shown["sd"] == pytest.approx(0.0707, abs=1e-4)
    assert shown["runs"] == "demo.mini.7best.draw1 demo.mini.7best.draw2"
    assert (shown["n_sentences"], shown["n_gold"]) == (60, 80)
    wide = wide_form(definition(), long)
    assert wide.to_csv(index=False) == (
        ",7best,conv_term,published UIE\nFlat (synthetic),0.75 ± 0.07,,\nBC5CDR,,,0.89\n"
    )
    assert cell(long, "bc5cdr", "7best")["reason"] == "no run of it has been evaluated"
    assert cell(long, "flat", "published UIE")["reason"] == "the paper prints no such number"


def test_one_draw_keeps_its_interval_and_a_lost_draw_is_named():
    found = evaluations(**{"demo.mini.7best.draw2": 0.5})
    shown = cell(long_form(definition(models=["mini"]), found, {}, PUBLISHED), "flat", "7best")
    assert (shown["low"], shown["high"]) == (0.4, 0.6)
    assert shown["reason"] == "without demo.mini.7best.draw1"


def test_a_configuration_that_was_left_out_is_empty_with_its_reason():
    long = long_form(definition(configurations=["conv_term"]), {}, {}, PUBLISHED)
    shown = cell(long, "flat", "7best")
    assert pd.isna(shown["value"])
    assert shown["reason"] == "the experiment has no configuration 7best"


def test_the_best_model_is_not_guessed_without_dev_scores():
    found = evaluations(**{"demo.mini.7best.draw1": 0.5, "demo.nano.7best.draw1": 0.5})
    with pytest.raises(UserError, match=r"No dev F1 is known for demo.mini.7best.draw1"):
        long_form(definition(), found, {"demo.nano.7best.draw1": 0.1}, PUBLISHED)


def test_changing_one_prediction_set_changes_its_cells_alone():
    found = evaluations(**{"demo.mini.7best.draw1": 0.5, "demo.mini.conv_term.draw1": 0.6})
    asked = definition(models=["mini"], draws=[1])
    before = long_form(asked, found, {}, PUBLISHED)
    found |= evaluations(**{"demo.mini.conv_term.draw1": 0.8})
    after = long_form(asked, found, {}, PUBLISHED)
    changed = before[before["value"].fillna(-1) != after["value"].fillna(-1)]
    assert changed[["row", "column"]].to_numpy().tolist() == [["flat", "conv_term"]]


def test_markdown_and_latex_are_escaped():
    long = long_form(definition(), {}, {}, PUBLISHED)
    wide = wide_form(definition(), long).rename(columns={"7best": "a|b_c"})
    assert r"|  | a\|b_c | conv_term | published UIE |" in markdown(definition(), wide)
    tex = latex(definition(), wide)
    assert r" & a|b\_c & conv\_term & published UIE \\" in tex
    assert r"\caption{T \& U. 50 \%}" in tex


def test_an_unknown_table_lists_those_that_exist():
    with pytest.raises(UserError, match=r"no table 'mfner/table99'.*mfner/table5"):
        load(Tables, ROOT / "config" / "tables.yaml").find("mfner/table99")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "resources" / "published").glob("*/*.csv")), ids=str
)
def test_published_numbers_are_readable_and_in_range(path):
    frame = read_published(path)
    assert len(frame) > 0
    assert frame["source"].str.len().gt(0).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,column,value\na,b,1\n", "columns must be"),
        ("row,column,value,sd,source\na,b,x,,s\n", "line 2: the value is not a number"),
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
    PUBLISHED.to_csv(tmp_path / "p.csv", index=False)
    script = [sys.executable, "-P", ROOT / "workflow" / "scripts" / "tables.py"]
    script += ["--definition", definition(models=["mini"], draws=[1]).dump()]
    script += ["--evaluations", tmp_path / "e.json", "--published", tmp_path / "p.csv"]
    script += ["--metrics", tmp_path / run / "metrics.json", "--out", tmp_path / "t" / "table5.csv"]
    subprocess.run(script, check=True)
    made = sorted(path.name for path in (tmp_path / "t").iterdir())
    assert made == ["table5.csv", "table5.long.csv", "table5.md", "table5.tex"]
    assert "Flat (synthetic),0.50,," in (tmp_path / "t" / "table5.csv").read_text()
