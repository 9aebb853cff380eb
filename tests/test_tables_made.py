"""Each number says what it was made of and with: corpora, engine, commit and environment."""

import subprocess
import sys

import pandas as pd
import pytest
from flow import carry_out
from test_tables_significance import RATS

from bionerflow.config.experiments import Experiment
from bionerflow.config.tables import Grid
from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Example,
    entity_row,
    read_card,
    write_examples,
    write_rows,
)
from bionerflow.data.shards import gather
from bionerflow.tables.define import define
from bionerflow.tables.made import made_of
from bionerflow.utils import environment
from bionerflow.utils.files import read_json, write_json
from bionerflow.workflow.jobs import Job

CORPORA = ("genia", "cadec")
SETS = ("one", "two")
MADE = {"one": {"engine": "torch 2", "commit": "c1"}, "two": {"engine": "vllm 1", "commit": "c2"}}


def scripted(script: str, *arguments: object) -> None:
    """Run a script of the workflow in this process."""
    words = " ".join(f"'{argument}'" for argument in arguments)
    command = f"python -P workflow/scripts/{script} {words} 2>&1 | tee log"
    carry_out([Job("", {}, frozenset(), frozenset(), command)])


@pytest.fixture
def results(tmp_path):
    """Write two runs' predictions in two corpora, score them, and record their training."""
    write_rows(tmp_path / "train.parquet", [], CONVERSATIONS)
    for corpus in CORPORA:
        examples = [Example(f"{i}", f"{i}", "en", f"rats {corpus}", (RATS,)) for i in range(6)]
        write_examples(tmp_path / f"gold/{corpus}/test.parquet", examples)
    for name in SETS:
        run = f"x.mini.{name}.draw1"
        rows = [
            {"corpus": corpus, "format": "symbolic", "id": f"{i}", "answers": [], "problems": []}
            | {"entities": [entity_row(RATS)] * (i < len(name))}
            for corpus in CORPORA
            for i in range(6)
        ]
        path = tmp_path / f"{run}.parquet"
        write_rows(path, rows, PREDICTIONS, **MADE[name], environment_hash="e")
        scripted("evaluate.py", "--predictions", path, "--gold", tmp_path / "gold",
                 "--train", tmp_path / "train.parquet",
                 "--out", tmp_path / f"evaluate/{run}.json")  # fmt: skip
        trained = {"environment": {"commit": "c0", "environment_hash": "e"}}
        write_json(tmp_path / run / "metrics.json", trained)
    return tmp_path


def long(results, columns):
    """Return the long form of a table of the two runs, as the workflow's script writes it."""
    table = Grid(title="T", caption="C", rows=[{"configuration": list(SETS)}], columns=columns)
    asked = {
        "corpora": CORPORA,
        "models": ["mini"],
        "configurations": {name: {"formats": ["symbolic"]} for name in SETS},
    }
    titles = {corpus: corpus.upper() for corpus in CORPORA}
    definition = define("p/t", table, "x", Experiment.model_validate(asked), titles)
    ids = definition.ids()
    scripted("tables.py", "--definition", definition.dump(), "--gold", results / "gold",
             "--evaluations", *(results / f"evaluate/{id}.json" for id in ids),
             "--predictions", *(results / f"{id}.parquet" for id in ids),
             "--metrics", *(results / id / "metrics.json" for id in ids),
             "--out", results / "t.csv")  # fmt: skip
    frame = pd.read_csv(results / "t.long.csv", dtype=str, keep_default_na=False)
    return frame.set_index(["row", "column"])


def digits(results, corpus):
    return read_card(results / f"gold/{corpus}/test.parquet")["sha256"][:12]


def test_a_score_names_corpus_engine_and_all_commits_and_environments(results):
    numbers = long(results, [{"corpus": "every"}, {"metric": ["f1", "run.none"]}])
    ours, here = environment.made_with().values()
    one = numbers.loc[("one", "GENIA")]
    assert one["corpus_hash"] == f"genia/test:{digits(results, 'genia')}"
    assert one["engine"] == "torch 2"
    assert one["runs"] == "x.mini.one.draw1"
    assert one["commit"] == f"c0, c1, {ours}"  # trained, answered, scored
    assert one["environment_hash"] == f"e, {here}"
    pooled = numbers.loc[("two", "F1")]
    assert pooled["corpus_hash"].split() == [
        f"{corpus}/test:{digits(results, corpus)}" for corpus in sorted(CORPORA)
    ]
    assert pooled["commit"] == f"c0, c2, {ours}"
    assert numbers.loc[("two", "run.none"), "corpus_hash"] == ""


def test_a_difference_names_what_made_both_sides(results):
    numbers = long(results, [{"metric": ["difference", "p_holm"]}])
    for _, number in numbers.iterrows():
        assert number["runs"].split() == ["x.mini.two.draw1", "x.mini.one.draw1"]
        assert number["engine"] == "torch 2, vllm 1"
        assert (number["commit"], number["environment_hash"]) == ("c0, c2, c1", "e")
        assert len(number["corpus_hash"].split()) == len(CORPORA)


def test_another_gold_corpus_is_another_hash(results):
    before = long(results, [{"metric": ["f1"]}])["corpus_hash"].iloc[0]
    examples = [Example(f"{i}", f"{i}", "en", "rats genia", ()) for i in range(6)]
    write_examples(results / "gold/genia/test.parquet", examples)
    found = read_json(results / "evaluate/x.mini.one.draw1.json")
    made = {"x": found | {"corpora": {"genia": "f" * 64}}}
    number = {"runs": "x", "corpora": "genia"}
    assert made_of(number, made, {})["corpus_hash"] == f"genia/test:{'f' * 12}" != before


def test_gathered_shares_name_what_made_each_of_them(tmp_path):
    for n, made in enumerate(MADE.values()):
        write_rows(tmp_path / f"{n}.parquet", [], PREDICTIONS, problems={"malformed": 1}, **made)
    gather([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "all.parquet")
    card = read_card(tmp_path / "all.parquet")
    assert (card["engine"], card["commit"]) == ("torch 2, vllm 1", "c1, c2")
    assert card["problems"] == {"malformed": 2}


def git(folder, *arguments):
    who = ["-c", "user.name=n", "-c", "user.email=e@x"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_commit_is_that_of_the_librarys_own_work_tree(tmp_path, monkeypatch):
    package = tmp_path / "library"
    (package / "utils").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(environment, "__file__", str(package / "utils/environment.py"))
    asked = environment.commit.__wrapped__
    assert asked() == f"v{environment.version('bionerflow')}"
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "of another project")
    assert asked() == f"v{environment.version('bionerflow')}"
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "its own")
    assert asked() == git(tmp_path, "rev-parse", "HEAD")
    (package / "__init__.py").write_text("changed = True")
    assert asked() == git(tmp_path, "rev-parse", "HEAD") + "-dirty"
    monkeypatch.setenv("PATH", "")
    assert asked() == f"v{environment.version('bionerflow')}"


def test_another_installed_version_is_another_environment(tmp_path, monkeypatch):
    asked = environment.environment_hash.__wrapped__
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (tmp_path / "torch-2.13.0.dist-info").mkdir()
    before = asked()
    assert asked() == before
    (tmp_path / "torch-2.13.0.dist-info").rename(tmp_path / "torch-2.13.1.dist-info")
    assert asked() != before
