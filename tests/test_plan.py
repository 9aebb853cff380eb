"""The plan behind the rules: what jobs ask of their machine, and how they share work out."""

import json
import math
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from questions import QUESTIONS

from bionerflow.config.runs import Run
from bionerflow.config.stages import SCORELESS
from bionerflow.data.shards import Share, share
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import Plan, costs

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
    plan = planned(experiments={"mfner": "config/experiments/demo.yaml"})
    run, most = "paper.smollm2-135m.conv_term.draw1", plan.models["smollm2-135m"].resources
    assert most.trained_per_second is None
    assert plan.to_train(run).runtime_min == most.runtime_min


def test_a_job_asks_for_the_smallest_type_of_gpu_that_holds_its_model(planned):
    plan = planned(gpu_models={80: "a100", 24: "a10"})
    assert plan.gpu_model(plan.to_train(SMALL)) == "a10"
    assert plan.gpu_model(plan.to_train(LARGE)) == "a100"
    assert plan.gpu_model(plan.resources("smollm2-135m")) is None
    assert planned().gpu_model(plan.to_train(LARGE)) is None
    with pytest.raises(UserError, match=r"No type of GPU in `gpu_models` has 40 GB: \{24: 'a10'\}"):
        planned(gpu_models={24: "a10"}).gpu_model(plan.to_train(LARGE))


# rulings on what the papers leave open


PUBLISHED = {
    "paper.qwen2.5-0.5b.all.draw1": {  # mfner, section 4
        "curate": {"train": 10_000, "dev": 200, "strategy": "all", "queries": "one"},
        "train": {"method": "full", "num_train_epochs": 4, "learning_rate": 1e-5, "warmup_steps": 0,
                  "lr_scheduler_type": "constant", "effective_batch_size": 2 * 8 * 4,
                  "validations_per_epoch": 4, "max_length": 4096},
        "predict": {"test": 300, "max_new_tokens": 128, "constrained": False, "shots": 0},
    },
    "paper.glm4-9b.joint.draw1": {  # unified, section III, and its released code
        "curate": {"train": None, "strategy": "all"},
        "train": {"method": "qlora", "num_train_epochs": 15, "learning_rate": 2e-4,
                  "effective_batch_size": 6, "validations_per_epoch": 0, "max_length": 4096,
                  "lora": {"r": 64, "lora_alpha": 16, "lora_dropout": 0.05}},
        "predict": {"test": None, "max_new_tokens": 1536, "thinking": 0, "constrained": False},
    },
    "paper.qwen3-8b.curated.draw1": {  # bioselecttune
        "curate": {"strategy": "top_ifd", "rho": 0.5, "negatives": "all", "mode": "superfiltering",
                   "scorer": "qwen3-0.6b", "ifd_at_least_one": "drop"},
        "train": {"method": "lora", "num_train_epochs": 3},
        "predict": {"test": None, "max_new_tokens": 128},
    },
}  # fmt: skip


@pytest.mark.parametrize("run", PUBLISHED)
def test_runs_have_the_papers_settings(planned, run):
    found = planned().run(run).model_dump()
    for stage, asked in PUBLISHED[run].items():
        its = found[stage] | ({"lora": {k: found[stage]["lora"][k] for k in asked["lora"]}}
                              if "lora" in asked else {})  # fmt: skip
        assert {key: its[key] for key in asked} == asked, stage


def test_every_run_of_mfner_is_drawn_three_times_on_its_eight_corpora(planned):
    runs = [run for run in planned().runs.values() if run.paper == "mfner"]
    assert {run.draw for run in runs} == {1, 2, 3}
    assert {tuple(run.corpora) for run in runs} == {
        ("anatem", "genia", "bc2gm", "bc4chemd", "bc5cdr", "ncbi_disease", "cadec", "pgxcorpus")
    }
    formats = {run.configuration: len(run.formats) for run in runs}
    assert (formats["all"], formats["7best"], formats["term_ner"]) == (12, 7, 2)


def test_unified_takes_the_last_checkpoint_of_fifteen_epochs(planned):
    runs = [run for run in planned().runs.values() if run.paper == "unified"]
    trained = [run for run in runs if run.train.num_train_epochs]
    assert {r.configuration for r in runs if r not in trained} == {
        "zero_shot",
        "zero_shot_thinking",
    }
    assert {
        (r.train.num_train_epochs, r.train.validations_per_epoch, r.train.lr_scheduler_type)
        for r in trained
        if r.configuration != "joint_steps"
    } == {(15, 0, "linear")}
    assert {run.train.method for run in runs if run not in trained} == {"full"}
    assert {r.predict.max_new_tokens for r in runs} == {1536}


def test_unified_s_former_settings_stay_as_a_configuration(planned):
    plan = planned(experiments={"unified": "config/experiments/unified_dev.yaml"},
                   primary_paper="unified")  # fmt: skip
    run = plan.run("paper.glm4-9b.joint.draw1")
    assert (run.train.validations_per_epoch, run.predict.max_new_tokens) == (1, 512)
    assert run.train.lr_scheduler_type == "constant"
    assert all(plan.table("unified", f"table{n}").ids() for n in (2, 3, 4, 5, 7))
    selector, _ = plan.selector("llm_cls")
    assert (selector.num_train_epochs, selector.effective_batch_size) == (2, 32)


def test_reasoning_models_answer_behind_closed_thoughts_but_in_one_row(planned):
    """deepseek-r1-7b: fine-tuned and zero-shot with the thought closed, zero-shot with room."""
    plan = planned()
    runs = [run for run in plan.runs.values() if run.predict.thinking]
    assert [run.id for run in runs] == ["paper.deepseek-r1-7b.zero_shot_thinking.draw1"]
    assert (runs[0].predict.thinking, runs[0].train.num_train_epochs) == (2048, 0)
    rows = [cell.row for cell in plan.table("unified", "thinking").cells if cell.models]
    mine = [row.split()[1] for row in dict.fromkeys(rows) if row.startswith("deepseek-r1-7b")]
    assert mine == ["zero_shot", "zero_shot_thinking", "symbolic"]
    plain = runs[0].model_copy(
        update={"predict": runs[0].predict.model_copy(update={"thinking": 0})}
    )
    assert costs.tested(runs[0]) / costs.tested(plain) == (costs.ANSWER + 2048) / costs.ANSWER
    assert json.loads(plan.validating(runs[0].id))["thinking"] == 0


def test_five_samplings_are_compared_for_each_tagging_strategy(planned):
    plan = planned()
    files = plan.metrics("unified", "consistency")
    runs = [f"paper.glm4-9b.{name}.{corpus}.draw1" for name in ("json_index", "html", "symbolic")
            for corpus in ("cmeee_v2", "genia_train_dev")]  # fmt: skip
    assert files == [f"results/diagnostics/{run}.consistency.json" for run in runs]
    works = [plan.work(rule, {"run": runs[0]}) for rule in ("predict_sampled", "predict")]
    assert works[0] == works[1]
    assert works[0] is not None


def test_ifd_in_and_out_of_domain_needs_no_training(planned):
    plan = planned()
    run = "paper.qwen3-8b.curated.draw1"
    assert plan.metrics("bioselecttune", "ifd")[0] == f"results/curate/{run}/ifd.json"
    stems = plan.test_scores(run)
    assert [stem.split("/")[-1].split(".")[0] for stem in stems] == [
        "ncbi_disease_once", "bc5cdr_chem", "bc5cdr_disease", "bc2gm", "nlm_gene", "nlm_chem",
    ]  # fmt: skip
    assert {stem.rpartition("/")[0] for stem in stems} == {"results/ifd/qwen3-0.6b/test"}
    with pytest.raises(UserError, match=r"has no IFD: set curate\.scorer"):
        plan.test_scores("paper.qwen3-8b.sft.draw1")


def test_pretrained_models_have_rows_of_their_own_and_never_stand_for_a_paper_s(planned):
    plan = planned()
    table = plan.table("mfner", "base_models")
    assert len(table.rows) == 8  # two formats, two models, each pretrained and instruction-tuned
    assert all(cell.models for cell in table.cells)
    for paper in ("table2", "table3", "table5"):
        cells = plan.table("mfner", paper).cells
        assert not any("-base" in model for cell in cells if cell.models for model in cell.models)
    base, tuned = (plan.models[f"llama-3.2-1b{n}"] for n in ("-base", ""))
    assert base.chat_template_of == tuned.id
    assert not any("conv_term_base" in row for row in plan.table("mfner", "conventions").rows)


def test_unified_s_selectors_train_as_its_runs_do(planned):
    """15 epochs in batches of 6, one per corpus and one over the four."""
    plan = planned()
    for name in ("llm_cls", "llm_causal", "bert_cls"):
        settings, corpora = plan.selector(name)
        assert (settings.num_train_epochs, settings.effective_batch_size) == (15, 6)
        assert (settings.samples, settings.threshold, settings.marks) == (10_000, 0.5, "brackets")
        lora = settings.lora
        assert (lora.r, lora.lora_alpha, lora.lora_dropout) == (8, 32, 0.1)
        assert corpora == [
            "cmeee_v2", "genia_train_dev", "biored_train_dev", "bc5cdr_chem_train_dev",
        ]  # fmt: skip
        assert plan.selector(f"{name}.cmeee_v2")[1] == ["cmeee_v2"]
    with pytest.raises(UserError, match=r"unknown corpus 'genia'\. Did you mean"):
        plan.selector("llm_cls.genia")


def test_a_threshold_in_a_selector_s_name_shares_what_was_trained(planned):
    plan = planned()
    run, asked = "paper.glm4-9b.symbolic.cmeee_v2.draw1", "llm_cls.cmeee_v2@0.7"
    assert plan.threshold(run, asked) == "0.7"
    assert plan.threshold(run, "llm_cls") == "0.5"
    assert plan.fitted(asked) == "llm_cls.cmeee_v2"
    with pytest.raises(UserError, match=r"llm_cls@2.*threshold"):
        plan.threshold(run, "llm_cls@2")


def test_papers_train_on_the_splits_that_they_count(planned):
    plan = planned()
    joint = plan.run("paper.glm4-9b.joint.draw1").corpora
    assert joint == ["cmeee_v2", "genia_train_dev", "biored_train_dev", "bc5cdr_chem_train_dev"]
    files = {
        c: {f for p in plan.corpora[c].splits if p.into == "train" for f in p.files} for c in joint
    }
    assert files["biored_train_dev"] == {"Train.PubTator", "Dev.PubTator"}
    assert files["bc5cdr_chem_train_dev"] == {"train.tsv", "devel.tsv"}
    assert plan.corpora["genia_train_dev"].splits[0].into == {"train": 16692, "test": 1854}
    assert plan.run("paper.glm4-9b.supervised.draw1").corpora == ["ncbi_disease_train_dev"]
    assert "ncbi_disease_once" in plan.run("paper.qwen3-8b.sft.draw1").corpora
    assert (
        "5,507 training sentences, our cut gives 5,410"
        in plan.tables.counts["unified/table1"].caption
    )
    for paper in ("mfner", "unified"):  # sizes that are shown are those of the files that runs read
        runs = [run for run in plan.runs.values() if run.paper == paper]
        read = {corpus for run in runs for corpus in run.corpora + run.unseen}
        assert read <= set(plan.tables.counts[f"{paper}/table1"].rows)


def test_mfner_s_table_8_and_all_types_are_configurations(planned):
    plan = planned()
    eight = plan.run("paper.qwen2.5-0.5b.mfner_table8.draw1").train
    text = plan.run("paper.qwen2.5-0.5b.all.draw1").train
    assert (eight.num_train_epochs, eight.validations_per_epoch) == (15, 1)
    assert (text.num_train_epochs, text.validations_per_epoch) == (4, 4)
    queries = {run.configuration: run.curate.queries for run in plan.runs.values()}
    assert {name for name, how in queries.items() if how == "all"} == {"all_types"}


def test_every_curated_subset_has_a_control_of_equal_steps(planned):
    """bioselecttune: as many sentences of the same corpora, with as many steps as all take."""

    def kept(run):
        return run.model, run.draw, run.corpora, run.curate.rho, run.curate.negatives_rho

    runs = [run for run in planned().runs.values() if run.paper == "bioselecttune"]
    mine = [run for run in runs if run.model == "qwen3-8b"]
    curated = [run for run in mine if {run.curate.strategy, run.curate.negatives} - set(SCORELESS)]
    controls = [kept(run) for run in mine if run.train.equal_steps]
    assert {run.configuration for run in curated if kept(run) not in controls} == set()
    by_id = {run.id: run for run in mine}
    for run in (run for run in mine if run.train.equal_steps):
        plain = by_id[run.id.replace("_steps", "")]
        assert run.curate == plain.curate
        assert run.train == plain.train.model_copy(update={"equal_steps": True})
    assert {len(run.corpora) for run in mine if run.train.equal_steps} == {1, 4}


@pytest.mark.parametrize("scale", ["paper", "demo"])
def test_a_joint_run_has_a_control_of_the_steps_of_single_ones(planned, scale):
    """Those that these have on average: the sentences of all corpora, by the number of these."""
    experiments = {"unified": "config/experiments/demo_unified.yaml"}
    plan = (
        planned() if scale == "paper" else planned(experiments=experiments, primary_paper="unified")
    )
    runs = {run.configuration: run for run in plan.runs.values() if run.paper == "unified"}
    joint, control, single = (runs[name] for name in ("joint", "joint_steps", "symbolic"))
    assert joint.train.num_train_epochs == single.train.num_train_epochs
    assert control.corpora == joint.corpora
    assert control.curate == joint.curate
    epochs = control.train.num_train_epochs * len(control.corpora)
    assert control.train.model_copy(update={"num_train_epochs": epochs}) == single.train


def test_equal_steps_rest_on_what_curation_counted_and_cost_what_all_sentences_do(planned):
    plan = planned()
    all_, curated, steps = (plan.run(f"paper.qwen3-8b.{n}.draw1")
                            for n in ("sft", "curated", "curated_steps"))  # fmt: skip
    assert plan.counted(steps.id) == [f"results/curate/{steps.id}/kept.json"]
    assert plan.counted(curated.id) == []
    assert costs.trained(steps) == costs.trained(all_)
    assert costs.trained(curated) == costs.trained(all_) * (costs.POSITIVE * 0.5 + 0.5)
    with pytest.raises(ValueError, match=r"equal_steps is for system: llm, not for dictionary"):
        Run.model_validate(steps.model_dump() | {"system": "dictionary"})


def test_negatives_are_ranked_by_an_ifd_that_they_have(planned):
    """`[]` alone is one token: only with its end mark (`chat`) has it a perplexity."""
    runs = [run for run in planned().runs.values() if run.curate.negatives != "all"]
    assert {run.curate.negatives for run in runs} == {"top_ifd", "random"}
    assert {run.curate.mode for run in runs} == {"chat"}
    assert len({run.curate.negatives_rho for run in runs}) == 1


def test_no_model_is_pinned_to_a_revision_that_was_not_seen(planned):
    """Whoever pins one adds it here, and says where it was seen."""
    seen: dict[str, str] = {}
    models = planned().models.items()
    assert {name: one.revision for name, one in models if getattr(one, "revision", None)} == seen


@pytest.mark.parametrize("scale", ["paper", "demo"])
def test_open_questions_have_their_runs(planned, scale):
    experiments = {paper: f"config/experiments/demo_{paper}.yaml" for paper in QUESTIONS}
    plan = planned() if scale == "paper" else planned(experiments=experiments)
    for paper, tables in QUESTIONS.items():
        for table in tables:
            cells = plan.table(paper, table).cells
            filled = [cell for cell in cells if cell.models]
            assert len(filled) >= (len(cells) if scale == "paper" else 1), table
            ids = {id for cell in filled for its in cell.models.values() for id in its}
            assert {id.partition("+")[0] for id in ids} <= set(plan.runs)


SHIFTS = [f"shift_{n}" for n in range(-5, 6)]
FAULTS = ["unparsable", "unknown_type", "not_in_text", "truncated"]
PARTS = [f"recall_depth_{n}" for n in ("0", "1", "2+")]
PARTS += [f"recall_tokens_{n}" for n in ("1", "2", "3", "4", "5+")]
QUANTILES = [f"run.ifd.{{corpus}}.{q}" for q in ("q10", "q25", "q50", "q75", "q90", "at_least_one")]
STRATEGIES = ["json_index", "html", "symbolic"]
SUBSETS = ["curated_25", "curated", "curated_75", "negatives_75"]
BY_CHANCE = ["random_25", "random_50", "random_75", "negatives_random_75"]
STEPS = [f"{name}_steps" for name in SUBSETS]
#: What tables of open questions have at least: in their rows or columns, and as metrics.
ASKED = {
    "unified/unusable": (STRATEGIES, FAULTS),
    "unified/consistency": (STRATEGIES, ["run.consistency.pairwise_f1"]),
    "unified/thresholds": (
        [f"symbolic+{kind}@{threshold}" for kind in ("llm_cls", "llm_causal", "bert_cls")
         for threshold in (0.3, 0.5, 0.7, 0.9)], ["precision", "recall", "f1"],
    ),
    "unified/supervised": (["zero_shot", "joint", "supervised"], ["f1"]),
    "unified/steps": (["symbolic", "joint_steps", "joint"], ["f1"]),
    "unified/thinking": (["zero_shot", "zero_shot_thinking", "symbolic"], ["f1"]),
    "bioselecttune/questions": (
        ["sft", "curated_chat", "by_llama", *SUBSETS, *BY_CHANCE, *STEPS], ["run.dev_f1", "f1"],
    ),
    "bioselecttune/share_on_dev": (
        ["alone", *(f"alone_{rho}{steps}" for rho in (25, 50, 75) for steps in ("", "_steps"))],
        ["run.dev_f1", "f1"],
    ),
    "bioselecttune/figure3_control": (BY_CHANCE[:3], ["f1"]),
    "bioselecttune/ifd": (["curated"], QUANTILES),
    "mfner/shifts": (["all"], SHIFTS),
    "mfner/wrong_types": (["all", "7best", "multi_triple"], FAULTS[:3]),
    "mfner/parts": (["all"], PARTS),
    "unified/parts": (STRATEGIES, PARTS),
    "mfner/base_models": (["conv_term", "conv_term_base", "multi_triple", "multi_triple_base"],
                          ["f1"]),
    "mfner/questions": (["all", "mfner_table8", "single_term", "all_types"], ["f1"]),
}  # fmt: skip


def test_open_questions_ask_for_all_that_was_asked(planned):
    plan = planned()
    assert ASKED.keys() == {f"{paper}/{name}" for paper in QUESTIONS for name in QUESTIONS[paper]}
    for name, (configurations, metrics) in ASKED.items():
        cells = plan.table(*name.split("/")).cells
        ids = {id for cell in cells for its in cell.models.values() for id in its}
        shown = {plan.run(id.partition("+")[0]).configuration + _selector(id) for id in ids}
        assert set(configurations) <= shown, name
        assert set(metrics) <= {cell.metric for cell in cells}, name
    corpora = {c for cell in plan.table("unified", "supervised").cells for c in cell.corpora}
    assert corpora == {"ncbi_disease_train_dev"}
    unseen = {c for cell in plan.table("bioselecttune", "ifd").cells for c in cell.corpora}
    assert {"nlm_gene", "nlm_chem"} < unseen
    assert {c for x in plan.table("mfner", "wrong_types").cells for c in x.corpora} == {"anatem"}


def _selector(id):
    """Return the selector in a prediction set's id, and its threshold, without its corpus."""
    kind, _, rest = id.partition("+")[2].partition(".")
    threshold = rest.partition("@")[2]
    return (f"+{kind}" if kind else "") + (f"@{threshold}" if threshold else "")


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
