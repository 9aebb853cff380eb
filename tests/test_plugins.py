"""Plug-ins of other packages (formats, readers, selectors, engines) are found and checked."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from flow import Flow, carry_out
from test_docs import blocks
from tiny import tiny_encoder
from torch.nn import Linear

from bionerflow.config.stages import PredictSettings, SelectorSettings
from bionerflow.corpora.documents import Document
from bionerflow.data.schema import (
    CONVERSATIONS,
    Entity,
    Example,
    Span,
    read_rows,
    write_examples,
)
from bionerflow.formats import FORMATS, Format
from bionerflow.inference.engines.base import Answer, Engine
from bionerflow.inference.engines.load import load_engine
from bionerflow.select.kinds import BertCls, load
from bionerflow.testing import TYPES, check_engine, check_format, check_reader, check_selector
from bionerflow.utils import plugins
from bionerflow.utils.errors import UserError
from bionerflow.workflow.jobs import planned

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "{}"
version = "1.0"
"""
LINES = """\
[project.entry-points."bionerflow.formats"]
lines = "lines_plugin:Lines"
[project.entry-points."bionerflow.readers"]
tabbed = "lines_plugin:read"
[project.entry-points."bionerflow.engines"]
first = "lines_plugin:First"
"""
MODULE = '''\
from bionerflow.corpora.documents import Document
from bionerflow.formats import Format
from bionerflow.inference.engines.base import Answer, Engine


class Lines(Format):
    """One entity per line: its type, a tabulator, its text."""

    name = "lines"
    discontinuous = True

    def instruction(self, types, language):
        return f"Write type and text, one per line: {', '.join(types)}."

    def write(self, text, entities, types):
        return "\\n".join(f"{entity.type}\\t{entity.text}" for entity in entities) or "none"

    def read(self, answer, reading):
        for line in answer.splitlines():
            name, _, said = line.partition("\\t")
            if type := reading.type_of(name):
                reading.ground(type, said)


def read(reading, files):
    """A text, a type and a mention per line."""
    for name, content in files.items():
        for n, line in enumerate(content.decode().splitlines()):
            text, type, mention = line.split("\\t")
            start = text.find(mention)
            place = f"{name}:{n + 1}"
            entity = reading.place(type, [(start, start + len(mention))], text, mention, place)
            yield Document(place, text, (entity,) if entity else ())


class First(Engine):
    """Answers with the first word that has a digit."""

    name = "first"
    version = "2"

    def __init__(self, folder, settings):
        super().__init__()
        self.settings = settings

    def check(self, conversations, max_new_tokens):
        assert max_new_tokens == self.settings.max_new_tokens

    def answer(self, conversations, max_new_tokens, batch_size, done=print, constraint=None):
        asked = [conversation.turns[-2].content for conversation in conversations]
        done(len(asked))
        words = [next(w for w in one.split() if w[-1].isdigit()) for one in asked]
        return [[Answer(f"gene\\t{word}", truncated=False)] for word in words]
'''
SCRIPT = """
import json, sys, yaml
from bionerflow import cli
from bionerflow.data.schema import CONVERSATIONS, read_rows
from bionerflow.formats import FORMATS
from bionerflow.testing import check_format, check_reader
from bionerflow.workflow.plan import Plan
raw, out = sys.argv[1:]
check_format(FORMATS["lines"])
cli.main(["new-corpus", raw, "--name", "own", "--form", "tabbed", "-o", out])
experiment = yaml.safe_load(open(f"{out}/experiment.yaml"))
experiment["configurations"] = {"conv_term": {"formats": ["lines"]}}
with open(f"{out}/experiment.yaml", "w") as file:
    yaml.safe_dump(experiment, file)
config = yaml.safe_load(open("config/config.yaml")) | yaml.safe_load(open(f"{out}/config.yaml"))
plan = Plan(config)
[run, *_] = plan.runs
said = json.loads(plan.said("own", "lines"))
print(json.dumps({"run": plan.runs[run].formats, "said": said["instruction"],
                  "torch": "torch" in sys.modules}))
"""


def install(folder: Path, module: str, text: str, entry_points: str) -> Path:
    """Make a package of one module in a folder and install it; return where it is found."""
    (folder / module).mkdir()
    (folder / module / "pyproject.toml").write_text(PROJECT.format(module) + entry_points)
    (folder / module / f"{module}.py").write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    target = ["--target", str(folder / "site")]
    subprocess.run([*pip, "--no-index", *target, str(folder / module)], check=True)
    return folder / "site"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """Install a plug-in from a folder; return the environment in which it is found."""
    site = install(tmp_path_factory.mktemp("plugin"), "lines_plugin", MODULE, LINES)
    return os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{site}"}


def run(environment: dict[str, str], *command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_plug_in_serves_a_corpus_and_a_run(installed, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    rows = [f"Patient {n} has BRCA{n} loss.\tgene\tBRCA{n}" for n in range(20)]
    (raw / "notes.tab").write_text("\n".join(rows))
    said = run(installed, "-c", SCRIPT, str(raw), str(tmp_path / "own"), cwd=ROOT)
    found = json.loads(said.splitlines()[-1])
    assert found["run"] == ["lines"]
    assert found["said"] == "Write type and text, one per line: {types}."
    assert not found["torch"]
    examples = tmp_path / "examples"
    text = "BRCA1 and BRCA2."
    one = Example("1", "1", "en", text, (Entity.at("gene", [(10, 15)], text),))
    for split in ("train", "dev", "test"):
        write_examples(examples / f"{split}.parquet", [one])
    settings = json.dumps({"dataset": "own", "language": "en", "types": ["gene"]})
    run(
        installed,
        "-P",
        "workflow/scripts/render.py",
        "--corpus",
        "own",
        "--format",
        "lines",
        "--settings",
        settings,
        "--examples",
        str(examples),
        "--out",
        str(tmp_path),
        cwd=ROOT,
    )
    [row] = read_rows(tmp_path / "train.lines.parquet", CONVERSATIONS)
    assert row["turns"][-1]["content"] == "gene\tBRCA2"


def test_an_installed_engine_annotates(installed, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "note.txt").write_text("BRCA1 causes cancer.")
    asked = ["--types", "gene", "--format", "lines", "--engine", "first", "--to", "jsonl"]
    run(installed, "-m", "bionerflow", "annotate", "note.txt", "--model", "model", *asked,
        "-o", "out.jsonl", cwd=tmp_path)  # fmt: skip
    [found] = json.loads((tmp_path / "out.jsonl").read_text())["entities"]
    assert (found["type"], found["text"]) == ("gene", "BRCA1")
    assert json.loads((tmp_path / "out.jsonl.json").read_text())["engine"] == "first 2"


#: A run that takes seconds, and a selector of the kind that docs/extending/selector.md adds.
CAREFUL = {"kind": "mean_cls", "base": "tiny", "samples": 20, "num_train_epochs": 1}
EXPERIMENT = {
    "corpora": ["sample_flat"],
    "models": ["dictionary"],
    "base": {"curate": {"train": 300, "dev": 8}, "predict": {"test": 60}},
    "configurations": {"dictionary": {"system": "dictionary", "formats": ["multi_bio"]}},
    "selectors": {"careful": CAREFUL},
}
TINY = {"source": "local", "path": "tiny", "licence": "mine"}
CONFIG = {
    "name": "own",
    "own_models": {"tiny": {**TINY, "resources": {"cpus": 1, "memory_mb": 2000}}},
    "experiments": {"mfner": "own/experiment.yaml"},
}
FILTERED = "own.dictionary.dictionary.draw1+careful"


@pytest.fixture
def with_selector(tmp_path, monkeypatch) -> Iterator[Path]:
    """Work in a copy of the repository, beside the installed package of the page."""
    page = "docs/extending/selector.md"
    code, [entry_points] = blocks(page, "python")[0], blocks(page, "toml")
    site = install(tmp_path, "my_package", code.text, entry_points.text)
    tiny_encoder(Flow(tmp_path).folder / "tiny")
    (tmp_path / "own").mkdir()
    for name, value in (("experiment", EXPERIMENT), ("config", CONFIG)):
        (tmp_path / f"own/{name}.yaml").write_text(yaml.safe_dump(value))
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    plugins.plugins.cache_clear()
    yield tmp_path
    plugins.plugins.cache_clear()


def test_an_installed_selector_filters_a_run(with_selector):
    carry_out(planned([f"results/evaluate/{FILTERED}.json"], "--configfile", "own/config.yaml"))
    model = load(Path("results/select/careful/model"))
    assert (type(model).__name__, type(model).__module__) == ("MeanCls", "my_package")
    counted = json.loads(Path(f"results/select/{FILTERED}.json").read_text())
    assert counted["kept"] + counted["dropped"] == counted["scored"] > 0


@pytest.fixture
def register(monkeypatch):
    """Register values as if an installed package had: `register("format", name=value)`."""

    def register(kind: str, **values: str) -> None:
        points = [EntryPoint(name, value, f"bionerflow.{kind}s") for name, value in values.items()]
        monkeypatch.setattr(plugins, "entry_points", lambda group: points)
        plugins.plugins.cache_clear()

    yield register
    monkeypatch.undo()
    plugins.plugins.cache_clear()


class Same(Format):
    """Writes texts only, of one type."""

    name = "same"

    def instruction(self, types, language):
        return "Write names."

    def write(self, text, entities, types):
        return "\n".join(entity.text for entity in entities) or "none"

    def read(self, answer, reading):
        for line in answer.splitlines():
            reading.ground(reading.types[0], line)


class Raising(Same):
    name = "raising"

    discontinuous = True

    def read(self, answer, reading):
        raise ValueError("in read")

    def render(self, text, entities, types, order="position"):
        return super().render(text, (), types)

    def can_carry(self, entities):
        return False


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("lost", "no_such_module:Format", "cannot be imported .ModuleNotFoundError"),
        ("number", "math:pi", r"'number' \(math:pi\) is not a bionerflow.formats.Format"),
        ("other", "test_plugins:Same", "calls itself 'same'"),
        ("seme", "test_plugins:Same", "There is no format 'sme'. Did you mean 'seme'"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_told_in_words(register, name, value, said):
    register("format", **{name: value})
    with pytest.raises(UserError, match=f"(?i){said}"):
        FORMATS.named("sme" if name == "seme" else name)


def test_the_projects_own_are_never_replaced_and_names_are_unique(register, monkeypatch):
    register("format", html="test_plugins:Same", same="test_plugins:Same")
    assert type(FORMATS["html"]).__name__ == "Html"
    assert list(FORMATS).count("html") == 1
    assert FORMATS.named("same") is FORMATS["same"]
    points = [EntryPoint("x", value, "bionerflow.formats") for value in ("a:b", "c:d")]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    plugins.plugins.cache_clear()
    with pytest.raises(UserError, match="Two packages register the format 'x'"):
        FORMATS.named("x")


def test_settings_know_the_selectors_of_plug_ins_by_name(register):
    register("selector", rules="test_plugins:Same")
    assert SelectorSettings(kind="rules", base="b").kind == "rules"
    with pytest.raises(ValueError, match=r"no selector 'rulse'\. Did you mean 'rules'"):
        SelectorSettings(kind="rulse", base="b")


def test_settings_know_the_engines_of_plug_ins_by_name(register):
    register("engine", first="test_plugins:Same")
    assert PredictSettings(engine="first").engine == "first"
    with pytest.raises(ValueError, match=r"no engine 'frist'\. Did you mean 'first'"):
        PredictSettings(engine="frist")
    with pytest.raises(UserError, match="is not a subclass of bionerflow"):
        load_engine(Path("model"), PredictSettings(engine="first"))


@pytest.mark.parametrize("format", FORMATS.own.values(), ids=FORMATS.own)
def test_the_check_holds_for_the_projects_own_formats(format):
    check_format(format)


def test_the_checks_find_what_is_wrong():
    with pytest.raises(AssertionError, match="is read as"):
        check_format(Same())
    with pytest.raises(AssertionError, match="parse raised ValueError"):
        check_format(Raising())


def test_the_check_of_readers():
    gene = Entity("gene", (Span(0, 5),), "BRCA1")

    def read(reading, files, count=True):
        for name, content in files.items():
            text = content.decode()
            entity = reading.place("gene", [(0, 5)], text, "BRCA1", name) if count else gene
            yield Document(name, text, (entity,))

    expected = [Document("a", "BRCA1 loss", (gene,))]
    check_reader(read, {"a": b"BRCA1 loss"}, expected)
    with pytest.raises(AssertionError, match="counted 0 mentions, but yields 1"):
        check_reader(read, {"a": b"BRCA1 loss"}, expected, count=False)
    with pytest.raises(AssertionError, match="The reader yields"):
        check_reader(read, {"a": b"BRCA1 loss!"}, expected)


class Counting(Engine):
    """Answers with the number of conversations that are asked at once, or one too few."""

    name = "counting"
    version = "1"
    missing = 0

    def check(self, conversations, max_new_tokens):
        pass

    def answer(self, conversations, max_new_tokens, batch_size, done=print, constraint=None):
        done(len(conversations))
        answer = Answer(str(len(conversations)), truncated=False)
        turns = [sum(t.role == "user" for t in one.turns) - one.given for one in conversations]
        return [[answer] * (count - self.missing) for count in turns]


class Unmasked(BertCls):
    """Reads the padding, too."""

    def logits(self, hidden, mask):
        return self.head(hidden.float().mean(1)).squeeze(1)


class Idle(BertCls):
    """Has weights that nothing uses."""

    def __init__(self, base, settings, types):
        super().__init__(base, settings, types)
        self.spare = Linear(2, 2)


def test_the_check_of_selectors(tmp_path):
    base, settings = tiny_encoder(tmp_path), SelectorSettings(kind="bert_cls", base="minilm")
    with pytest.raises(AssertionError, match=r"Unmasked: 0\..* beside others, but alone 0\."):
        check_selector(Unmasked(base, settings, TYPES))
    with pytest.raises(AssertionError, match=r"Idle: training does not reach spare\.weight"):
        check_selector(Idle(base, settings, TYPES))


def test_the_check_of_engines():
    with pytest.raises(AssertionError, match=r"counting 1: answers .*text='3'.* but alone .*'1'"):
        check_engine(Counting())
    silent = Counting()
    silent.missing = 1
    with pytest.raises(AssertionError, match=r"\[1, 0, 0\] answers to \[2, 1, 1\] turns"):
        check_engine(silent)
