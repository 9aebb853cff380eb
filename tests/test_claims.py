"""What the papers claim: verdicts, the control of selectors, the parts of the runs."""

from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from flow import Flow

from bionerflow.config.experiments import Experiment
from bionerflow.config.tables import Claims
from bionerflow.data.measured import keep
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    read_card,
    read_rows,
    write_examples,
    write_rows,
)
from bionerflow.select.filter import filter_by_confidence
from bionerflow.tables.define import CLAIMED, define
from bionerflow.tables.fill import long_form
from bionerflow.tables.significance import NOT_MEASURED, differences, verdict
from bionerflow.tables.write import wide_form
from bionerflow.utils.errors import UserError
from bionerflow.workflow.jobs import behind, planned
from bionerflow.workflow.plan import Plan

RATS = Entity.at("species", [(0, 4)], "rats")
WRONG = Entity.at("species", [(0, 2)], "rats")
DOCUMENTS = 60


# verdicts


@pytest.mark.parametrize(
    ("difference", "p", "expected"),
    [
        (0.1, 0.049, "supported"),
        (-0.1, 0.049, "contradicted"),
        (0.1, 0.05, "not decided"),
        (-0.1, 0.9, "not decided"),
        (0.0, 0.01, "not decided"),
        (None, 0.01, "not decided"),
        (0.1, None, "not decided"),
    ],
)
def test_a_verdict_needs_the_corrected_p_and_the_claimed_sign(difference, p, expected):
    assert verdict(difference, p) == expected


def predicted(path: Path, right: int, spare: int = 0) -> Path:
    """Write predictions that are right in so many documents, with spare ones in so many."""
    rows = [
        {"corpus": "genia", "format": "symbolic", "id": str(i), "answers": [], "problems": []}
        | {"entities": [entity_row(RATS)] * (i < right) + [entity_row(WRONG)] * (i < spare)}
        for i in range(DOCUMENTS)
    ]
    write_rows(path, rows, PREDICTIONS)
    return path


#: In how many documents each run is right, draw by draw; the experiment has two draws.
RIGHT = {
    "good": (50, 52), "near": (43, 44), "poor": (20, 21), "close": (51, 51), "wild": (30, 42),
    "later": (5,),
}  # fmt: skip
ROWS = [("good", "poor"), ("poor", "good"), ("close", "good"), ("good", "later"), ("good", "none")]


def filled(folder: Path, *rows: tuple[str, str]):
    """Return a table of claims that the first run of a pair is better, and its numbers."""
    examples = [Example(f"{i}", f"d{i}", "en", "rats", (RATS,)) for i in range(DOCUMENTS)]
    write_examples(folder / "gold/genia/test.parquet", examples)
    paths = {
        f"x.mini.{name}.draw{n}": predicted(folder / f"{name}{n}.parquet", count)
        for name, counts in RIGHT.items()
        for n, count in enumerate(counts, 1)
    }
    sides = [{"higher": x, "lower": y} for x, y in rows]
    return claimed(folder, paths, RIGHT, [1, 2], *sides)


def claimed(folder: Path, paths, names, draws, *claims):
    """Return a table of these claims, each named after its place, and its numbers."""
    sets = {name: {"formats": ["symbolic"]} for name in names}
    values = {"corpora": ["genia"], "models": ["mini"], "draws": draws, "configurations": sets}
    rows = {str(n): {"claim": "C", "paper": "mfner", **claim} for n, claim in enumerate(claims)}
    table = Claims(kind="claims", title="T", caption="C", rows=rows)
    definition = define("p/t", table, "x", Experiment.model_validate(values), {"genia": "GENIA"})
    numbers = differences(definition, paths, folder / "gold")
    return definition, {(number["row"], number["metric"]): number for number in numbers}


def test_known_differences_have_their_verdicts(tmp_path):
    definition, found = filled(tmp_path, *ROWS)
    wide = wide_form(definition, long_form(definition, list(found.values()), None))
    assert list(wide.columns) == ["", *CLAIMED.values()]
    assert list(wide["Verdict"]) == [
        "supported", "contradicted", "not decided", NOT_MEASURED, "",
    ]  # fmt: skip
    assert set(wide["Paper"]) == {"mfner"}
    assert list(wide["Compared"]) == [f"{one} − {two}, f1" for one, two in ROWS]
    correct = [sum(RIGHT[name]) for name in ("good", "poor")]
    f1 = [2 * n / (n + 2 * DOCUMENTS) for n in correct]
    assert wide["Difference"].iloc[0] == f"{100 * (f1[0] - f1[1]):+.2f}"
    assert wide["Difference"].iloc[1] == wide["Difference"].iloc[0].replace("+", "-")
    assert list(wide["Difference"])[3:] == ["", ""]
    assert found["2", "interval"]["low"] < 0 < found["2", "interval"]["high"]


def test_the_long_form_names_the_runs_and_says_what_is_missing(tmp_path):
    _, found = filled(tmp_path, *ROWS)
    runs = [f"x.mini.{name}.draw{n}" for name in ("good", "poor") for n in (1, 2)]
    assert found["0", "verdict"]["runs"].split() == runs
    assert found["3", "verdict"]["reason"] == f"{NOT_MEASURED}: x.mini.later.draw2"
    assert found["4", "verdict"]["reason"] == "the experiment has no none"


def test_p_and_intervals_are_corrected_for_all_rows_measured_or_not(tmp_path):
    _, alone = filled(tmp_path, ("good", "near"))
    _, among = filled(tmp_path, ("good", "near"), *[("good", "later")] * 3, ("good", "none"))
    assert 1e-5 < alone["0", "p_holm"]["value"] < 0.1
    assert among["0", "p_holm"]["value"] == pytest.approx(5 * alone["0", "p_holm"]["value"], 0.01)
    assert among["0", "interval"]["low"] < alone["0", "interval"]["low"]
    assert among["0", "detectable"]["value"] > alone["0", "detectable"]["value"]


#: What a test tells of a difference besides its value.
RESTS_ON_DRAWS = ("interval", "p_holm", "effect", "detectable")


def test_rows_of_one_score_share_how_much_draws_vary(tmp_path):
    _, alone = filled(tmp_path, ("good", "wild"), ("good", "later"))
    _, among = filled(tmp_path, ("good", "wild"), ("close", "near"))
    assert among["0", "difference"]["value"] == alone["0", "difference"]["value"]
    for metric in RESTS_ON_DRAWS:
        numbers = [found["0", metric] for found in (alone, among)]
        assert any(numbers[0][key] != numbers[1][key] for key in ("value", "high")), metric
    reach = [
        found["0", "interval"]["high"] - found["0", "difference"]["value"]
        for found in (alone, among)
    ]
    assert reach[1] < reach[0] / 2
    shared = {"higher": "close", "lower": "near"}
    first = {"higher": "good", "lower": "wild"}
    paths = {
        f"x.mini.{name}.draw{n}": tmp_path / f"{name}{n}.parquet"
        for name in ("good", "wild", "close", "near")
        for n in (1, 2)
    }
    _, other = claimed(tmp_path, paths, RIGHT, [1, 2], first, {"score": "precision", **shared})
    for metric in RESTS_ON_DRAWS:
        assert other["0", metric] == alone["0", metric]


def test_a_claim_about_precision_is_tested_on_precision(tmp_path):
    examples = [Example(f"{i}", f"d{i}", "en", "rats", (RATS,)) for i in range(DOCUMENTS)]
    write_examples(tmp_path / "gold/genia/test.parquet", examples)
    paths = {
        "x.mini.strict.draw1": predicted(tmp_path / "strict.parquet", 20),
        "x.mini.loose.draw1": predicted(tmp_path / "loose.parquet", 50, spare=40),
    }
    sides = {"higher": "strict", "lower": "loose"}
    claims = [{"score": score, **sides} for score in ("precision", "recall")]
    _, found = claimed(tmp_path, paths, ["strict", "loose"], [1], *claims)
    assert found["0", "verdict"]["text"] == "supported"
    assert found["0", "difference"]["value"] == pytest.approx(1 - 50 / 90)
    assert found["1", "verdict"]["text"] == "contradicted"


# the control of selectors


def test_as_many_are_kept_as_by_the_selector_the_most_confident(tmp_path):
    def rows(*confidences):
        return [
            {"corpus": "c", "format": "html", "id": str(n), "answers": [], "problems": []}
            | {"entities": [entity_row(RATS) | {"confidence": x} for x in its]}
            for n, its in enumerate(confidences)
        ]

    run, selected, out = (tmp_path / f"{name}.parquet" for name in ("run", "selected", "out"))
    write_rows(run, rows([0.25, 0.75], [], [0.5, 0.5]), PREDICTIONS)
    write_rows(selected, rows([0.25], [], [0.5]), PREDICTIONS)
    filter_by_confidence(run, selected, out)
    kept = [[e["confidence"] for e in row["entities"]] for row in read_rows(out, PREDICTIONS)]
    assert kept == [[0.75], [], [0.5]]
    assert (read_card(out)["kept"], read_card(out)["dropped"]) == (2, 2)
    write_rows(run, rows([None]), PREDICTIONS)
    with pytest.raises(UserError, match="without a confidence: predict with an engine"):
        filter_by_confidence(run, selected, out)


# the parts of the runs

IFD = "results/ifd/smollm2-135m/ncbi_disease.json_entity.superfiltering.parquet"
PARTS = {
    "terms": 6, "spans": 6, "mixed": 6, "mixed_each": 8, "single": 4, "joint": 8,
    "strategies": 6, "strategies_valid": 6, "selectors": 2, "learning": 10, "curation": 6,
    "weak_models": 6, "negatives": 8,
}  # fmt: skip


def config() -> dict[str, object]:
    files = [Path("config", name) for name in ("config.yaml", "claims.yaml")]
    shipped, laid_over = (yaml.safe_load(file.read_text("utf-8")) for file in files)
    return shipped | laid_over


def test_every_part_plans(tmp_path, monkeypatch):
    flow = Flow(tmp_path)
    monkeypatch.chdir(flow.folder)
    targets = {part: f"results/tables/claims/{part}.csv" for part in PARTS}
    others = ["results/tables/claims.csv", IFD]
    jobs = planned([*targets.values(), *others], "--configfile", "config/claims.yaml")
    trainings = {
        part: sum(job.rule == "train" for job in behind([target], jobs))
        for part, target in targets.items()
    }
    assert trainings == PARTS
    weaker = [job.wildcards["scorer"] for job in jobs if job.rule == "ifd"]
    assert sorted(weaker) == ["smollm2-135m", "smollm2-135m-layers"]
    (made,) = (job for job in jobs if job.outputs >= {"results/tables/claims/claims.csv"})
    assert not any(file.startswith(("results/predict", "results/select")) for file in made.inputs)


def test_every_run_of_the_experiment_is_in_a_part_and_every_claim_in_the_parts(monkeypatch):
    monkeypatch.chdir(ROOT)
    plan = Plan(config())
    parts = {id for part in PARTS for id in plan.table("claims", part).ids()}
    assert {id.partition("+")[0] for id in parts} == set(plan.runs)
    assert set(plan.table("claims", "claims").ids()) <= parts


def test_the_table_takes_what_was_made_and_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    plan = Plan(config())
    monkeypatch.chdir(tmp_path)
    assert plan.looked_into("claims", "claims") == []
    one, two = (f"claims.smollm2-135m.{name}.draw1" for name in ("conv_term", "multi_tag"))
    made = predicted(tmp_path / "results/predict" / f"{one}.parquet", 1)
    keep(made, tmp_path / "resources/measured" / f"{two}.jsonl", {})
    files = [f"results/predict/{one}", f"results/measured/{two}"]
    assert sorted(plan.looked_into("claims", "claims")) == sorted(files)
