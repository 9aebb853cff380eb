"""The plan behind the rules: what jobs ask of their machine, and how they share work out."""

import json
import math
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from bionerflow.errors import UserError
from bionerflow.plan import Plan, costs
from bionerflow.shares import Share, share

SMALL, LARGE = "paper.qwen2.5-0.5b.conv_term.draw1", "paper.glm4-9b.symbolic.genia_train_dev.draw1"


@pytest.fixture
def planned(monkeypatch, tmp_path):
    """Return a function that plans the papers with other settings, and a bioselecttune edited."""
    monkeypatch.chdir(ROOT)

    def plan(edit=lambda experiment: None, **config) -> Plan:
        shipped = yaml.safe_load(Path("config/config.yaml").read_text("utf-8"))
        papers = {p: f"config/experiments/{p}.yaml" for p in ("mfner", "unified", "bioselecttune")}
        experiment = yaml.safe_load(Path(papers["bioselecttune"]).read_text("utf-8"))
        edit(experiment)
        edited = tmp_path / "bioselecttune.yaml"
        edited.write_text(yaml.safe_dump(experiment), "utf-8")
        experiments = papers | {"bioselecttune": str(edited)}
        return Plan(shipped | {"experiments": experiments} | config)

    return plan


# what jobs ask of their machine


def test_a_small_model_does_not_ask_for_what_a_large_one_needs(planned):
    plan = planned()
    small, large = plan.to_train(SMALL), plan.to_train(LARGE)
    assert small.gpu_memory_gb < large.gpu_memory_gb
    assert small.memory_mb < large.memory_mb
    tokens = 8 * 10_000 * 4 * costs.CONVERSATION
    assert costs.trained(plan.run(SMALL)) == tokens
    answers = 8 * 200 * 4 * 4 * costs.ANSWER  # each corpus's dev, four times an epoch
    rates = plan.models["qwen2.5-0.5b"].resources
    seconds = tokens / rates.trained_per_second + answers / rates.written_per_second
    assert small.runtime_min == 20 + math.ceil(2 * seconds / 60)
    assert plan.to_answer(SMALL).runtime_min < small.runtime_min < large.runtime_min


def test_no_job_asks_for_more_time_than_its_model_s_entry_says(planned):
    plan = planned()
    most = {name: model.resources.runtime_min for name, model in plan.models.items()}
    asked = [(plan.run(id).model, plan.to_train(id).runtime_min) for id in plan.runs]
    assert all(minutes <= most[model] for model, minutes in asked)
    assert ("glm4-9b", most["glm4-9b"]) in asked


def test_where_no_rate_is_known_a_job_asks_for_the_time_of_the_entry(planned):
    plan = planned(
        models="config/models.small.yaml", experiments={"mfner": "config/experiments/demo.yaml"}
    )
    run = "paper.mini.conv_term.draw1"
    assert plan.to_train(run).runtime_min == plan.models["mini"].resources.runtime_min == 120


def test_a_job_asks_for_the_smallest_type_of_gpu_that_holds_its_model(planned):
    plan = planned(gpu_models={80: "a100", 24: "a10"})
    assert plan.gpu_model(plan.to_train(SMALL)) == "a10"
    assert plan.gpu_model(plan.to_train(LARGE)) == "a100"
    assert plan.gpu_model(plan.resources("mini")) is None
    assert planned().gpu_model(plan.to_train(LARGE)) is None
    with pytest.raises(UserError, match=r"No type of GPU in `gpu_models` has 40 GB: \{24: 'a10'\}"):
        planned(gpu_models={24: "a10"}).gpu_model(plan.to_train(LARGE))


# work that is shared out


def test_shares_follow_each_other_and_differ_by_one_part_at_most():
    for parts, jobs in ((10, 3), (3, 10), (0, 2), (7, 1)):
        shares = [Share(number + 1, jobs).of(parts) for number in range(jobs)]
        assert [part for its in shares for part in its] == list(range(parts))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert share("2of8") == Share(2, 8)
    for wrong in ("9of8", "0of8", "2/8", "-1of2", ""):
        with pytest.raises(UserError, match="write 2of8 for the second of eight"):
            share(wrong)


def test_jobs_share_out_scores_and_predictions_and_are_no_setting_of_what_they_make(planned):
    run = "paper.qwen3-4b.curated.draw1"

    def several(experiment):
        experiment["configurations"]["curated"]["curate"]["jobs"] = 2
        experiment["configurations"]["curated"]["predict"] = {"jobs": 3}

    one, plan = planned(), planned(several)
    predictions = f"results/predict/{run}"
    scores = "results/ifd/qwen3-0.6b/bc2gm.json_entity.superfiltering"
    assert one.shared_out() == {}
    assert plan.shares_of(predictions) == [f"{predictions}.parts/{n}of3" for n in (1, 2, 3)]
    assert plan.shares_of(scores) == [f"{scores}.parts/{n}of2" for n in (1, 2)]
    for look_up in (Plan.curating, Plan.answering, Plan.validating, Plan.run_card):
        assert look_up(plan, run) == look_up(one, run)
    assert json.loads(plan.answering(run))["jobs"] == 1
    assert plan.to_answer(run).runtime_min < one.to_answer(run).runtime_min
