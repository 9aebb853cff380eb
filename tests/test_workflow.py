"""The workflow itself, on the real Snakefile: its graph, what a change re-runs, and bad input."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from flow import PARTS, Flow, Job, and_following, outputs
from tiny import tiny_model

from bionerflow.config.base import load
from bionerflow.config.corpora import load_corpora
from bionerflow.config.tables import Tables
from bionerflow.formats import FORMATS
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import Plan
from bionerflow.workflow.plan.base import formats

RUN = "demo.smollm2-135m.curated.draw1"
ANNOTATING = "demo.smollm2-135m.conv_term.draw1"
SHARED = "demo.smollm2-135m.shared.draw1"
HUB = "demo.qwen2.5-0.5b.hub.draw1"
OWN = "demo.own.local.draw1"
TARGETS = [
    "results/tables/table5.csv",
    "results/report.html",
    *(f"results/evaluate/{run}.json" for run in (f"{RUN}+oracle", SHARED, HUB, OWN)),
    f"results/train/{RUN}/README.md",
    f"results/figures/curated/{RUN}.svg",
    f"results/figures/{RUN}+on_dev/threshold.svg",
    *(f"results/tables/{name}.csv" for name in ("format_capacity", "leakage", "mfner/table1")),
    *(f"results/annotations/own.{form}" for form in ("html", "brat")),
    "results/diagnostics/sample_flat.html",
    f"results/diagnostics/{OWN}.consistency.json",
    f"results/curate/{RUN}/ifd.json",
]
EXPERIMENT = "config/experiments/demo.yaml"
DEFINED = load(Tables, ROOT / "config" / "tables.yaml")
TABLES = ", ".join(sorted([*DEFINED.tables, *DEFINED.counts, *DEFINED.ours]))
UNWANTED = """
import os, sys
def watch(event, arguments):
    module = event == "import" and arguments[0].partition(".")[0]
    if module in ("torch", "transformers", "datasets") or event.startswith("socket.connect"):
        os.write(2, f"unwanted: {event} {arguments[0]}".encode())
        os._exit(99)
sys.addaudithook(watch)
"""

PEAK = """
import atexit, pathlib, re, sys
def say():  # ru_maxrss would have pytest's own peak in it
    status = pathlib.Path("/proc/self/status").read_text()
    print("peak", re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], file=sys.stderr)
atexit.register(say)
"""


@pytest.fixture
def fresh(tmp_path) -> Flow:
    """Return a copy of the repository in which nothing was made."""
    (tmp_path / "copy").mkdir()
    return Flow(tmp_path / "copy")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Flow, list[Job]]:
    """Return a copy in which all is done, and the jobs that this took.

    It is the demo with what it leaves out, so that every rule has jobs: corpora and a model that
    are fetched, a model in a folder of the user's, a threshold tuned on dev, the ceiling of
    filtering, work that jobs share out, texts to annotate, answers drawn by chance, and tables and
    figures of single runs.
    """
    flow = Flow(tmp_path_factory.mktemp("flow"), *TARGETS, "--configfile", "config/demo.yaml")
    experiment = yaml.safe_load((flow.folder / EXPERIMENT).read_text("utf-8"))
    experiment["corpora"].append("ncbi_disease")
    experiment["selectors"]["on_dev"] = {"base": "smollm2-135m", "threshold": "dev"}
    experiment["also"].append("curated+on_dev")
    one = {"formats": ["json_entity"], "corpora": ["sample_flat"]}
    shared = {"curate": {**curated(experiment)["curate"], "mode": "chat", "jobs": 2}}
    experiment["configurations"]["shared"] = {**one, **shared, "predict": {"jobs": 2}}
    experiment["configurations"]["hub"] = {**one, "models": ["qwen2.5-0.5b"]}
    experiment["configurations"]["local"] = {**one, "models": ["own"]}
    tiny_model(flow.folder / "my models")
    own = {"source": "local", "path": "my models", "licence": "mine", "resources": {}}
    models = yaml.safe_load((flow.folder / "config/models.yaml").read_text("utf-8"))
    models["models"]["own"] = own
    (flow.folder / "config/models.yaml").write_text(yaml.safe_dump(models), "utf-8")
    (flow.folder / EXPERIMENT).write_text(yaml.safe_dump(experiment), "utf-8")
    texts = {"inputs": ["resources/sample/README.md"], "run": ANNOTATING, "jobs": 2}
    with (flow.folder / "config/demo.yaml").open("a", encoding="utf-8") as file:
        yaml.safe_dump({"annotations": {"own": texts}}, file)
    jobs = flow.jobs()
    flow.finish(jobs)
    return flow, jobs


@pytest.fixture(scope="module")
def unwanted(tmp_path_factory) -> Path:
    """Return a folder that, on the path, ends a process that loads torch or uses the network."""
    folder = tmp_path_factory.mktemp("unwanted")
    (folder / "sitecustomize.py").write_text(UNWANTED)
    ended = subprocess.run(
        [sys.executable, "-c", "import datasets"], env={"PYTHONPATH": str(folder)}, check=False
    )
    assert ended.returncode == 99
    return folder


def test_all_that_is_in_the_three_papers_resolves_in_1_gb(fresh, tmp_path):
    """How much work that is, test_check.py counts."""
    (tmp_path / "sitecustomize.py").write_text(PEAK, "utf-8")
    papers = ["papers/mfner", "papers/unified", "papers/bioselecttune"]
    done = fresh.snakemake("-n", *papers, "tables", "figures", "all", path=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"^peak (\d+)$", done.stderr, re.MULTILINE)[-1]) < 1e6  # kB
    counted = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE))
    assert int(counted["total"]) > 600
    assert "Exception" not in done.stdout + done.stderr


def test_paper_scale_resolves_without_network_or_torch(fresh, unwanted):
    jobs = fresh.jobs("results/tables/table5.csv", path=str(unwanted))
    made, models = outputs(jobs), ("qwen2.5-0.5b", "llama-3.2-1b")
    assert {output for output in made if output.startswith("results/train/")} == {
        f"results/train/paper.{model}.{configuration}.draw{draw}/{output}"
        for model in models
        for configuration in ("7best", "conv_term")
        for draw in (1, 2, 3)
        for output in ("model", "metrics.json", "run.json")
    }
    assert {output for job in jobs if job.rule == "prefetch" for output in job.outputs} == {
        f"results/models/hub/{model}{ending}" for model in models for ending in ("", ".json")
    }
    corpora = [job for job in jobs if job.rule == "corpora"]
    assert len(corpora) == 8
    raw = {file for job in corpora for file in job.inputs if file.startswith("results/raw/")}
    assert outputs(job for job in jobs if job.rule == "download") == raw
    assert "results/raw/cadec/CADEC.v2.zip" in raw


def test_paper_scale_names_the_runs_of_all_three_papers(monkeypatch):
    monkeypatch.chdir(ROOT)
    plan = Plan(yaml.safe_load(Path("config/config.yaml").read_text("utf-8")))
    lightweight = ("paper.qwen2.5-0.5b", "paper.llama-3.2-1b")
    shown = {id for id in plan.shown() if not id.startswith(lightweight)}
    both = [f"symbolic.{corpus}" for corpus in ("cmeee_v2", "genia_train_dev")]
    single = [*both, "symbolic.biored_train_dev", "symbolic.bc5cdr_chem_train_dev"]
    others = ("joint", "joint_steps", "supervised", "zero_shot")
    single += [
        f"{name}.{c}" for name in ("json_index", "html") for c in ("cmeee_v2", "genia_train_dev")
    ]
    shares = [f"{how}_{share}" for how in ("curated", "random") for share in (25, 75)]
    asked = ["random_50", "curated_chat", "negatives_75", "negatives_random_75", "by_llama"]
    asked += ["by_biogpt", "by_biomedbert", "negatives_75_steps"]
    asked += [f"curated{n}_steps" for n in ("_25", "", "_75")]
    corpora = ("ncbi_disease_once", "bc5cdr_chem", "bc5cdr_disease", "bc2gm")
    alone = [f"alone{how}{n}" for how in ("_25", "_50", "_75") for n in ("", "_steps")]
    asked += [f"{name}.{c}" for name in ("alone", *alone) for c in corpora]
    assert {id for id in shown if "+" not in id} == {
        *[f"paper.glm4-9b.{name}.draw1" for name in (*single, *others)],
        *[
            f"paper.{model}.{name}.draw1"
            for model in ("qwen2.5-7b", "llama-3.1-8b", "deepseek-r1-7b")
            for name in (*both, "zero_shot")
        ],
        "paper.deepseek-r1-7b.zero_shot_thinking.draw1",
        *[
            f"paper.qwen3-{size}.{name}.draw{draw}"
            for size, more in (("4b", []), ("8b", shares + asked))
            for name in ("sft", "curated", *more)
            for draw in (1, 2, 3)
        ],
    }
    assert {
        "paper.glm4-9b.joint.draw1+llm_cls",
        "paper.glm4-9b.symbolic.genia_train_dev.draw1+bert_cls.genia_train_dev",
    } < shown
    assert plan.run("paper.glm4-9b.symbolic.genia_train_dev.draw1").corpora == ["genia_train_dev"]
    joint, unseen = "paper.glm4-9b.joint.draw1", {"ccks2019_as", "ncbi_disease_train_dev"}
    assert set(plan.tested(joint)) - set(plan.run(joint).corpora) == unseen
    trained = {stem.split("/")[2] for stem in plan.rendered(joint, "train", "dev")}
    assert not trained & unseen
    methods = {plan.run(id).train.method for id in plan.runs if "glm4" in id}
    assert methods == {"qlora", "full"}
    assert {plan.run(id).train.method for id in plan.runs if "zero_shot" in id} == {"full"}


def test_capacity_counts_tokens_by_the_models_that_are_here(fresh, demo):
    (none,) = (job for job in demo[1] if job.rule == "format_capacity")
    assert "results/models/package/smollm2-135m" in none.inputs
    tokenizer = fresh.folder / "results/models/hub/qwen2.5-0.5b/tokenizer_config.json"
    tokenizer.parent.mkdir(parents=True)
    tokenizer.touch()
    jobs = fresh.jobs("results/tables/format_capacity.csv")
    (hub,) = (job for job in jobs if job.rule == "format_capacity")
    folder = str(tokenizer.parent.relative_to(fresh.folder))
    assert {path for path in hub.inputs if path.startswith("results/models/")} == {
        folder,
        f"{folder}.json",
    }


# Each change, and the jobs that must run because of it; what follows them runs too, nothing else.


@contextmanager
def fresh_clone(flow: Flow) -> Iterator[None]:
    """Lay the same sources anew over what was made."""
    for part in PARTS:
        for path in (flow.folder / part).rglob("*"):
            if path.is_file():
                text = path.read_bytes()
                path.unlink()
                path.write_bytes(text)
    yield


def touched(flow: Flow) -> AbstractContextManager[None]:
    return nullcontext(flow.touch())


def asked(*arguments: str) -> Any:
    """Change what is said in the command."""
    return lambda flow: nullcontext(arguments)


def in_file(path: str, old: str, new: str) -> Any:
    return lambda flow: flow.changed(path, old, new)


def in_yaml(path: str, edit: Any) -> Any:
    return lambda flow: flow.edited(path, edit)


def in_module(name: str, text: str) -> Any:
    return lambda flow: appended(flow.folder / f"src/bionerflow/{name}.py", text)


@contextmanager
def appended(file: Path, text: str) -> Iterator[None]:
    before = file.read_text("utf-8")
    file.write_text(before + text, "utf-8")
    yield
    file.write_text(before, "utf-8")


def makes(*paths: str) -> Any:
    return lambda flow, job: not job.outputs.isdisjoint(paths)


def of_rules(*rules: str) -> Any:
    return lambda flow, job: job.rule in rules


def imports(name: str) -> Any:
    return lambda flow, job: f"src/bionerflow/{name}.py" in flow.modules(job.script)


def renders(format: str, *corpora: str) -> Any:
    return makes(*(f"results/render/{corpus}/train.{format}.parquet" for corpus in corpora))


NOTHING = of_rules()
ENGLISH = ("ncbi_disease", "sample_discontinuous", "sample_flat", "sample_nested")


def other_resources(value):
    asked = {"memory_mb": 9000, "runtime_min": 999, "gpus": 1, "cpus": 2, "gpu_memory_gb": 80}
    for model in value["models"].values():
        model["resources"] = asked | {"trained_per_second": 7, "written_per_second": 7}


def other_split(value):
    splits = value["corpora"]["sample_nested"]["splits"]
    splits[0]["into"] = {"train": 3900, "dev": 400, "test": 300}


def curated(experiment):
    return experiment["configurations"]["curated"]


CHANGES = {
    "touch everything": (touched, NOTHING),
    "fresh clone over old results": (fresh_clone, NOTHING),
    "comment in a rule": (
        in_file("workflow/rules/train.smk", "rule train:", "# A comment.\n\nrule train:"),
        NOTHING,
    ),
    # Modules are compared by content: a comment is an edit.
    "comment in a module": (
        in_module("inference/generate", "# A comment.\n"),
        imports("inference/generate"),
    ),
    "edit of a module": (in_module("ifd/scores", "NEW = 1\n"), imports("ifd/scores")),
    "edit of a late module": (in_module("tables/write", "NEW = 1\n"), imports("tables/write")),
    "one run's learning rate": (
        in_yaml(EXPERIMENT, lambda e: curated(e)["train"].update(learning_rate=0.5)),
        makes(f"results/train/{RUN}/model"),
    ),
    "one run's test sample": (
        in_yaml(EXPERIMENT, lambda e: curated(e).update(predict={"test": 7})),
        makes(f"results/predict/{RUN}.parquet", f"results/predict/dev/{RUN}.parquet"),
    ),
    "one corpus's split": (
        in_yaml("config/corpora.yaml", other_split),
        makes("results/corpora/sample_nested/report.json"),
    ),
    "one corpus's types": (
        in_yaml(
            "config/corpora.yaml", lambda c: c["corpora"]["ncbi_disease"]["types"].append("Symptom")
        ),
        makes("results/corpora/ncbi_disease/report.json"),
    ),
    "one corpus's licence": (
        in_yaml("config/corpora.yaml", lambda c: c["corpora"]["ncbi_disease"].update(licence="?")),
        makes("results/report.html"),
    ),
    "one prompt": (
        in_file(
            "src/bionerflow/formats/prompts.yaml",
            "bioselecttune:\n  en:\n    user: |-\n      ",
            "bioselecttune:\n  en:\n    user: |-\n      Please. ",
        ),
        renders("json_entity", "sample_flat"),
    ),
    "one format's instruction": (
        in_file(
            "src/bionerflow/formats/instructions.yaml",
            "List all mentions, one a line: mention; is a; type.",
            "List the mentions, one a line: mention; is a; type.",
        ),
        renders(
            "multi_triple", "sample_flat", "sample_nested", "sample_discontinuous", "ncbi_disease"
        ),
    ),
    "comment in the prompts": (
        in_file("src/bionerflow/formats/prompts.yaml", "\nunified:", "\n# Changed.\nunified:"),
        NOTHING,
    ),
    "one threshold": (
        in_yaml(EXPERIMENT, lambda e: e["selectors"]["llm_cls"].update(threshold=0.4)),
        makes(f"results/select/{RUN}+llm_cls.parquet"),
    ),
    "resources": (in_yaml("config/models.yaml", other_resources), NOTHING),
    "types of GPUs": (asked("--config", "gpu_models={80: a100}"), NOTHING),
    "where the mirror lies": (asked("--config", "mirror=resources"), NOTHING),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_re_runs_exactly_what_it_must(demo, change):
    flow, jobs = demo
    changed, must = CHANGES[change]
    first = [job for job in jobs if must(flow, job)]
    with changed(flow) as arguments:
        assert outputs(flow.jobs(*(arguments or ()))) == and_following(first, jobs)
    assert bool(first) == (must is not NOTHING)
    assert len(and_following(first, jobs)) < len(outputs(jobs))


#: What is made on request alone: nothing that a table rests on follows from it.
BESIDE_TABLES = {
    "abstention", "cost", "crate", "croissant", "ctranslate2", "engines",
    "filter_by_confidence", "find", "find_dev", "first_layers", "fit_baseline", "keep",
    "label_errors", "restore", "schemes", "systems",
}  # fmt: skip


def test_the_changes_are_tried_on_a_graph_of_all_rules(demo):
    flow, jobs = demo
    rules = set(flow.snakemake("--list-rules").stdout.split())
    lists = {"all", "tables", "figures", "paper", "diagnostics"}
    assert rules - {job.rule for job in jobs} == lists | BESIDE_TABLES


def test_other_shares_of_the_work_make_the_same_anew(demo):
    """How many jobs there are is no setting, but they make files of their own."""
    flow, jobs = demo

    def three_jobs(experiment):
        experiment["configurations"]["shared"]["predict"]["jobs"] = 3

    shares = {f"results/predict/{SHARED}.parts/{n}of3" for n in (1, 2, 3)}
    gathered = [job for job in jobs if f"results/predict/{SHARED}.parquet" in job.outputs]
    with flow.edited(EXPERIMENT, three_jobs):
        made = outputs(flow.jobs())
    assert made == and_following(gathered, jobs) | {
        f"{share}.{ending}" for share in shares for ending in ("json", "parquet")
    }


def test_what_rules_list_as_code_is_what_their_scripts_import(demo):
    flow, jobs = demo
    for script in {job.script for job in jobs if job.script}:
        listed = {
            file
            for job in jobs
            if job.script == script
            for file in job.inputs
            if file.endswith(".py")
        }
        assert listed == flow.modules(script) | {script}, script


def test_every_file_of_the_library_that_is_not_code_is_some_job_s_input(demo):
    _, jobs = demo
    library = ROOT / "src" / "bionerflow"
    files = {p for p in library.rglob("*.*") if p.is_file() and not p.is_symlink()}
    data = {p for p in files if p.suffix not in (".py", ".pyc", ".pyi", ".typed")}
    inputs = {ROOT / file for job in jobs for file in job.inputs}
    served = library / "annotate" / "server"  # its pages are no job's
    assert {path for path in data - inputs if served not in path.parents} == set()


# Bad input


def planned(monkeypatch, tmp_path, edit=lambda experiment: None, **config) -> Plan:
    """Return the plan of the demo with an edited experiment."""
    monkeypatch.chdir(ROOT)
    experiment = yaml.safe_load(Path(EXPERIMENT).read_text("utf-8"))
    edit(experiment)
    file = tmp_path / "e.yaml"
    file.write_text(yaml.safe_dump(experiment), "utf-8")
    shipped = [yaml.safe_load(Path("config", f"{n}.yaml").read_text()) for n in ("config", "demo")]
    return Plan(shipped[0] | shipped[1] | {"experiments": {"mfner": str(file)}} | config)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda e: e["base"]["train"].update(learning_rat=1),
            ": unknown key 'base.train.learning_rat'. Did you mean 'learning_rate'?",
        ),
        (
            lambda e: curated(e)["train"].update(learning_rat=1),
            ", configurations.curated: unknown key 'train.learning_rat'."
            " Did you mean 'learning_rate'?",
        ),
        (
            lambda e: e["corpora"].append("ncbi_diseases"),
            ": unknown corpus 'ncbi_diseases'. Did you mean 'ncbi_disease'?",
        ),
        (
            lambda e: e["models"].append("llama-3.2-2b"),
            ": unknown model 'llama-3.2-2b'. Did you mean 'llama-3.2-1b'?",
        ),
        (
            lambda e: curated(e)["formats"].append("multi_tripel"),
            ", configurations.curated: unknown format 'multi_tripel'. Did you mean 'multi_triple'?",
        ),
        (
            lambda e: curated(e)["curate"].update(scorer="smolm2-135m"),
            ", configurations.curated: unknown model 'smolm2-135m'. Did you mean 'smollm2-135m'?",
        ),
        (
            lambda e: curated(e).update(corpora=["sample_discontinuous"], formats=["symbolic"]),
            ", configurations.curated: symbolic cannot carry the discontinuous mentions of"
            " sample_discontinuous: choose other formats or corpora.",
        ),
    ],
    ids=["key", "override", "corpus", "model", "format", "scorer", "discontinuous"],
)
def test_what_an_experiment_may_not_say_is_named(monkeypatch, tmp_path, edit, message):
    with pytest.raises(UserError) as caught:
        planned(monkeypatch, tmp_path, edit)
    assert str(caught.value) == f"{tmp_path / 'e.yaml'}{message}"


def test_the_formats_that_an_experiment_may_name_are_those_there_are():
    assert formats().keys() == FORMATS.keys()


def test_an_unknown_table_lists_those_there_are(monkeypatch, tmp_path):
    plan = planned(monkeypatch, tmp_path)
    with pytest.raises(UserError) as caught:
        plan.evaluations("mfner", "tabel5")
    assert str(caught.value) == f"There is no table 'mfner/tabel5'. The tables are: {TABLES}."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["results/tables/table5.csv", "--config", "nmae=x"],
            "the configuration: unknown key 'nmae'. Did you mean 'name'?",
        ),
        (
            ["results/tables/table55.csv"],
            f"There is no table 'mfner/table55'. The tables are: {TABLES}.",
        ),
    ],
    ids=["key", "table"],
)
def test_the_command_tells_the_user_what_is_wrong(fresh, arguments, message):
    done = fresh.snakemake("-n", *arguments)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert message in said
    assert "Traceback (most recent call last)" not in said


@pytest.mark.parametrize(
    ("corpus", "file", "message"),
    [
        (
            "ncbi_disease",
            "test.tsv",
            r"error: ncbi, test\.tsv: (https://\S+/test\.tsv) cannot be read \(.+\)\."
            r" Get it from \1 or https://www\.ncbi\S+ \(licence: public domain\), and name it as"
            r" `local` in config/corpora\.yaml or its folder as `mirror`\.\n",
        ),
        (
            "cadec",
            "CADEC.v2.zip",
            r"error: CADEC, CADEC\.v2\.zip cannot be fetched by a script\. Get it from"
            r" https://data\.csiro\.au/\S+ \(licence: CSIRO Data Licence: may not be distributed\),"
            r" and name it as `local` in config/corpora\.yaml or its folder as `mirror`\.\n",
        ),
    ],
)
def test_a_missing_corpus_file_is_explained(tmp_path, corpus, file, message):
    corpora = ROOT / "config/corpora.yaml"
    entry = json.dumps(load_corpora(corpora)[corpus].entry(file))
    script = [sys.executable, "-P", ROOT / "workflow/scripts/download.py"]
    script += ["--corpora", corpora, "--corpus", corpus, "--entry", entry]
    done = subprocess.run(
        [*script, "--mirror", tmp_path, "--out", tmp_path / file],
        env=os.environ | {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""},  # nobody answers
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(message, done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_an_altered_corpus_file_is_refused_and_leaves_no_result(fresh, tmp_path):
    settings = load_corpora(ROOT / "config/corpora.yaml")["ncbi_disease"]
    kept = tmp_path / "mirror" / str(settings.files["test.tsv"].mirror)
    kept.parent.mkdir(parents=True)
    kept.write_text("altered\tO\n")
    target = "results/raw/ncbi_disease/test.tsv"
    done = fresh.snakemake(target, "--config", f"mirror={tmp_path / 'mirror'}")
    assert done.returncode == 1
    found = hashlib.sha256(kept.read_bytes()).hexdigest()
    expected = f"sha256 {settings.files['test.tsv'].sha256}"
    message = (
        f"error: ncbi, test.tsv: {kept} is not the expected file (found sha256 {found}, expected"
        f" {expected}): it was altered or cut. Get it from {settings.files['test.tsv'].url} or"
        f" {settings.page} (licence: public domain), and name it as `local` in"
        " config/corpora.yaml or its folder as `mirror`."
    )
    assert message in (done.stdout + done.stderr).splitlines()
    assert not list(fresh.folder.glob("results/raw/ncbi_disease/*"))
