"""`bionerflow check`: what must be brought, what it costs, and that planning stays cheap."""

import json
import logging
from pathlib import Path

import pytest
from conftest import ROOT
from flow import Flow
from questions import QUESTIONS, TARGETS
from work import counted_calls

from bionerflow.cli import main
from bionerflow.config.models import Resources
from bionerflow.config.workflow import FootprintSettings
from bionerflow.workflow import check
from bionerflow.workflow.jobs import Job, behind, planned
from bionerflow.workflow.plan import Plan
from bionerflow.workflow.plan.forecast import energy

TABLE = "results/tables/table5.csv"
RUN = "paper.qwen2.5-0.5b.conv_term.draw1"


@pytest.fixture
def fresh(tmp_path, monkeypatch) -> Flow:
    """Return a copy of the repository in which nothing was made, and work in it."""
    (tmp_path / "copy").mkdir()
    flow = Flow(tmp_path / "copy")
    monkeypatch.chdir(flow.folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("BIONERFLOW_MIRROR", "")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    return flow


@pytest.fixture
def plan(monkeypatch) -> Plan:
    """Return the plan of the papers."""
    monkeypatch.chdir(ROOT)
    return check.plan_of([])


def job(rule: str, inputs: str = "", outputs: str = "", **wildcards: str) -> Job:
    return Job(rule, wildcards, frozenset(inputs.split()), frozenset(outputs.split()), "")


# what must be brought


def test_a_table_that_lacks_a_corpus_stops_before_anything_is_fetched(fresh):
    done = fresh.snakemake(TABLE)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "cadec: bring CADEC.v2.zip from https://data.csiro.au" in said
    assert "exclude: [cadec]" in said
    assert not (fresh.folder / "results/raw").exists()
    assert "Finished jobid" not in said


def test_check_names_what_to_bring_gated_models_and_costs(fresh, capsys):
    main(["check", TABLE])
    said = capsys.readouterr().out
    assert "- cadec: bring CADEC.v2.zip" in said
    assert "exclude: [cadec]" in said
    assert "Llama-3.2-1B-Instruct, 2.5 GB, unpinned; gated: accept its licence" in said
    assert "no token is set" in said
    assert "| mfner/table5 | 133 | 12 |" in said
    assert not (fresh.folder / "results/raw").exists()


def test_models_to_fetch_are_listed_by_name_with_whose_template_they_take(plan):
    names = ["qwen2.5-0.5b", "llama-3.2-1b-base"]
    *_, first, last = check.to_fetch(plan, [("prefetch", {"model": name}) for name in names])
    assert "meta-llama/Llama-3.2-1B, 2.5 GB, unpinned, chat template of meta-llama/" in first
    assert last == "- qwen2.5-0.5b: Qwen/Qwen2.5-0.5B-Instruct, 1.0 GB, unpinned"


def test_a_corpus_that_is_left_out_is_not_fetched_and_its_row_says_so(fresh):
    Path("mine.yaml").write_text("exclude: [cadec]\n")
    jobs = planned([TABLE], "--configfile", "mine.yaml")
    plan = check.plan_of(["mine.yaml"])
    assert not any("cadec" in output for job in jobs for output in job.outputs)
    assert plan.to_bring(job.wildcards["corpus"] for job in jobs if job.rule == "download") == []
    table = plan.table("mfner", "table5")
    assert table.rows["cadec"] == "CADEC (left out)"
    assert list(table.rows) == list(check.plan_of([]).table("mfner", "table5").rows)
    cells = [cell for cell in table.cells if cell.row == "cadec"]
    assert cells
    assert {cell.reason for cell in cells} == {"the configuration leaves out cadec (`exclude`)"}
    assert not any(cell.models for cell in cells)


def test_a_mirror_or_a_copy_of_the_user_s_needs_no_bringing(plan, tmp_path):
    assert plan.at_hand.by_hand("cadec") == ["CADEC.v2.zip"]
    cadec = plan.corpora["cadec"]
    local = cadec.files["CADEC.v2.zip"].model_copy(update={"local": str(tmp_path / "c.zip")})
    plan.corpora["cadec"] = cadec.model_copy(update={"files": {"CADEC.v2.zip": local}})
    assert plan.at_hand.by_hand("cadec") == ["CADEC.v2.zip"]  # it is named, but not there
    (tmp_path / "c.zip").write_text("")
    assert plan.at_hand.by_hand("cadec") == []


# what it costs


def test_a_training_costs_what_its_rates_and_the_formula_say(plan):
    asks = plan.models["qwen2.5-0.5b"].resources
    cost = plan.forecast([("train", {"run": RUN}), ("render", {})])
    tokens, written = 8 * 10_000 * 4 * 290, 8 * 200 * 4 * 4 * 40
    hours = (tokens / asks.trained_per_second + written / asks.written_per_second) / 3600
    watts = asks.cpus * 12 + 300 + 0.3725 * asks.memory_mb / 1024
    assert (cost.jobs, cost.runs, cost.unknown) == (2, 1, 0)
    assert cost.gpu_hours == pytest.approx(hours)
    assert cost.kwh == pytest.approx(hours * watts * 1.67 / 1000)
    assert cost.co2e_g == pytest.approx(cost.kwh * 51.28)


def test_a_zero_shot_run_is_no_training_and_has_no_checkpoints(plan):
    run = {"run": "paper.glm4-9b.zero_shot.draw1"}
    assert plan.forecast([("train", run)]).runs == 0
    lasting, passing = plan.disk_gb([("train", run)])
    assert (lasting, passing) == (pytest.approx(2 * 9.4), 0)  # in bfloat16
    jobs = [("train", {"run": RUN}), ("fit_selector", {"selector": "llm_cls"})]
    assert plan.forecast(jobs).runs == 2
    assert plan.disk_gb(jobs)[1] > 0


def test_several_gpus_are_counted_each_and_the_processor_once():
    asks = Resources(gpus=2, cpus=8, memory_mb=1024)
    two = energy(3600, asks, FootprintSettings())
    assert two["kwh"] == pytest.approx((8 * 12 + 2 * 300 + 0.3725) * 1.67 / 1000)


def test_a_model_without_rates_is_not_counted_as_free(plan):
    model = plan.models["smollm2-135m"]
    plan.models["qwen2.5-0.5b"] = model
    cost = plan.forecast([("train", {"run": RUN})])
    assert (cost.unknown, cost.gpu_hours, cost.kwh) == (1, 0, 0)
    assert "qwen2.5-0.5b: no rates, at most 180 min per job" in str(cost)


def test_finished_runs_stand_beside_their_forecast_and_give_the_rates(plan, tmp_path, monkeypatch):
    folder = tmp_path / "results/train" / RUN
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({"tokens": 5_000_000, "seconds": 1000.0}))
    (folder / "footprint.json").write_text(json.dumps({"kwh": 0.25}))
    monkeypatch.chdir(tmp_path)
    before = plan.models["qwen2.5-0.5b"].resources.trained_per_second
    assert before == 20_000
    assert plan.rates("qwen2.5-0.5b").trained_per_second == 5_000
    assert plan.rates("llama-3.2-1b").trained_per_second == 12_000
    table = "results/tables/mfner/table5.csv"
    every = [job("train", "", "m", run=RUN), job("train", "", "n", run=RUN[:-1] + "2"),
             job("table", "m n", table)]  # fmt: skip
    ahead = plan.training(RUN).seconds(plan.models["qwen2.5-0.5b"].resources) / 3600
    row = check.facts(plan, every)[-1].split(" | ")
    assert row[:4] == ["| mfner/table5", "1 of 2", f"{ahead:,.2f}", "0.28"]
    assert row[5] == "0.250 |"


def test_a_profile_and_configurations_are_handed_to_snakemake():
    assert check.options_of([], None) == []
    assert check.options_of(["a.yaml", "b.yaml"], "slurm") == [
        "--configfile", "a.yaml", "b.yaml", "--profile", "slurm",
    ]  # fmt: skip


def test_what_is_behind_a_file_is_found_through_all_its_makers():
    jobs = [job("a", "x", "1 2"), job("b", "1", "3"), job("c", "2", "4"), job("d", "3 y", "5")]
    assert [its.rule for its in behind(["5"], jobs)] == ["a", "b", "d"]
    assert behind(["y"], jobs) == []


# all of it


def test_planning_all_three_papers_is_cheap_and_docs_scale_md_is_in_step(fresh):
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("snakemake").addHandler(handler)
    try:
        with counted_calls() as calls:
            jobs = planned(check.ALL)
    finally:
        logging.getLogger("snakemake").removeHandler(handler)
    assert calls() < 30_000 * len(jobs)
    assert len(jobs) > 1000
    for corpus in ("cadec", "cmeee_v2"):  # a dry run, too, says what is to be brought
        assert any(line.startswith(f"{corpus}: bring ") for line in said)
        assert f"To do without, add to the configuration: exclude: [{corpus}]" in said
    assert set(TARGETS) <= {output for job in jobs for output in job.outputs}
    page = (ROOT / check.PAGE).read_text("utf-8")
    mended = check.with_scale(page, check.scale(check.plan_of([]), jobs))
    assert page == mended, "call `python -m bionerflow.workflow.check` in a fresh checkout"


def test_the_page_says_of_every_open_question_what_an_answer_looks_like():
    page = (ROOT / "docs/papers.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.split("\n## What the papers leave open")[1].split("\n## ")[0].splitlines()
        if line.startswith("| `")
    ]
    told = {target.strip("`"): row for row in rows for target in row[0].split(", ")}
    asked = {f"{paper}/{name}" for paper, names in QUESTIONS.items() for name in names}
    assert told.keys() == asked
    assert all(len(row) == 3 and all(row) for row in rows)


def test_every_open_question_s_target_plans_in_the_demo_s_size(fresh):
    jobs = planned(TARGETS, "--configfile", "config/demo-all.yaml")
    made = {output for job in jobs for output in job.outputs}
    assert set(TARGETS) <= made
    assert {job.wildcards["model"] for job in jobs if "model" in job.wildcards} <= {
        "smollm2-135m", "smollm2-135m-layers", "minilm",
    }  # fmt: skip
