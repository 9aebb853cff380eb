"""What rules look up of engines: a run's training does not depend on what answers later."""

from test_plan import planned  # noqa: F401 (a fixture)


def asked(**predict):
    def edit(experiment):
        experiment["base"].setdefault("predict", {}).update(predict)

    return edit


def edited(plan):
    """Return a run of the experiment that `planned` edits."""
    return next(id for id, run in plan.runs.items() if run.paper == "bioselecttune")


def test_an_engine_changes_prediction_and_not_training(planned):  # noqa: F811
    own = planned()
    other = planned(asked(engine="ctranslate2", shots=2, ctranslate2={"compute_type": "int8"}))
    run = edited(other)
    assert own.validating(run) == other.validating(run)
    assert own.run_card(run) == other.run_card(run)
    assert own.answering(run) != other.answering(run)
    assert (own.converted(run), own.examples(run)) == ([], [])
    assert other.converted(run) == [f"results/models/ct2/{run}"]
    assert other.examples(run) == [
        stem.replace("/test.", "/train.") for stem in other.rendered(run, "test")
    ]
    assert '"int8"' in other.converting(run)


def test_vllm_has_an_interpreter_of_its_own(planned):  # noqa: F811
    plan = planned(asked(engine="vllm", vllm={"python": "environments/vllm/bin/python"}))
    run = edited(plan)
    assert plan.interpreter(run) == "environments/vllm/bin/python"
    assert planned().interpreter(run) == "python"


def test_the_table_of_engines_is_of_the_primary_papers_first_run(planned):  # noqa: F811
    plan = planned()
    assert plan.runs[plan.beside_engines()].paper == plan.config.primary_paper
