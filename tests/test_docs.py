"""The documentation: the site builds strictly and works offline, its examples work as written."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from inspect import signature
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from conftest import ROOT
from flow import Flow
from snakemake.cli import get_argument_parser
from test_layout import LEVELS
from tiny import tiny_encoder, tiny_model

from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.names import INPUTS, OUTPUTS
from bionerflow.baselines.external import External
from bionerflow.cli import parser
from bionerflow.config.base import parse
from bionerflow.config.corpora import Corpora
from bionerflow.config.experiments import Experiment
from bionerflow.config.models import Models
from bionerflow.config.stages import (
    CurateSettings,
    PredictSettings,
    SelectorSettings,
    TrainSettings,
)
from bionerflow.config.tables import Tables
from bionerflow.config.workflow import Config
from bionerflow.formats.marked import read_examples
from bionerflow.utils.files import write_json
from bionerflow.workflow.plan import Plan

DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]
FENCE = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
#: What pages show and tests have elsewhere.
SHOWN = {"run": "results/train/demo.smollm2-135m.conv_term.draw1"}
LINK = re.compile(r"\]\((?!\w+://)([^)#]+)")


class Block(NamedTuple):
    """A fenced block: its language, the file that it is (if it says so), its text."""

    language: str
    file: str
    text: str


def blocks(page: str, language: str) -> list[Block]:
    """Return the blocks of a page in one language."""
    found = (Block(*match) for match in FENCE.findall((ROOT / page).read_text("utf-8")))
    return [block for block in found if block.language == language]


def settings(page: str) -> list[dict]:
    """Return the YAML blocks of a page."""
    return [yaml.safe_load(block.text) for block in blocks(page, "yaml")]


def commands(page: Path) -> Iterator[str]:
    """Yield the shell commands of a page, without comments."""
    for block in blocks(str(page), "bash"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if command := line.partition("  #")[0].strip():
                yield command


def run_python(page: str, **changes: str) -> dict:
    """Run the Python blocks of a page, one after the other; return their names."""
    names: dict = {}
    for block in blocks(page, "python"):
        text = block.text
        for shown, here in changes.items():
            text = text.replace(SHOWN[shown], here)
        exec(compile(text, page, "exec"), names)
    return names


class Assets(HTMLParser):
    """Collects what a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag in ("script", "img", "iframe", "source"):
            self.loaded.append(found.get("src", ""))
        elif tag == "link" and found.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(found.get("href", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Build the site as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(site):
    built = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    assert {page.relative_to(DOCS) for page in DOCS.rglob("*.md")} <= built
    for page in site.rglob("*.html"):
        assets = Assets()
        assets.feed(page.read_text("utf-8"))
        assert [at for at in assets.loaded if re.match(r"(\w+:)?//", at)] == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )['\"]?(\w+:)?//", sheet.read_text("utf-8")), sheet


def test_the_configuration_reference_and_docstrings_are_in_the_site(site):
    assert "max_new_tokens" in (site / "configuration.html").read_text("utf-8")
    assert "format_named" in (site / "api.html").read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "benchmarks/notes/README.md"])
def test_links_outside_the_site_lead_somewhere(page):
    targets = LINK.findall((ROOT / page).read_text("utf-8"))
    assert [to for to in targets if not (ROOT / page).parent.joinpath(to).exists()] == []


def test_the_readme_is_short_and_has_the_usual_headings():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 150
    assert re.findall(r"^## (.*)$", readme, re.MULTILINE) == [
        "What it is", "Installation", "Quick start", "Annotate your texts", "Python API",
        "Reproduce the papers", "Documentation", "Citation", "Licence",
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_exist_and_take_their_arguments(page):
    targets = re.findall(r"^([\w.%$()/-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for command in commands(page):
        words = command.split()
        match words[0]:
            case "bionerflow" if words[1:] != ["--help"]:
                parser().parse_args(words[1:])
            case "make":
                named = [word for word in words[1:] if "=" not in word]
                assert set(named) <= {*targets, ".venv/.installed"}, command
            case "python" if words[1] != "-c":
                assert (ROOT / words[1]).is_file(), command
            case "snakemake" if words[1:] != ["--version"]:
                for file in get_argument_parser().parse_args(words[1:]).configfile or ():
                    own = str(file).startswith("own/") or str(file) == "config/mine.yaml"
                    assert own or (ROOT / file).is_file(), command


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory) -> Path:
    """A run with random weights."""
    pytest.importorskip("bionerflow.api")
    folder = tmp_path_factory.mktemp("train") / "demo.tiny.conv_term.draw1"
    tiny_model(folder / "model")
    asked = {"dataset": "own", "language": "en", "types": ["Disease"], "definitions": {}}
    card = {"run": folder.name, "corpora": {"sample_flat": asked}, "formats": ["conv_term"],
            "predict": {"max_new_tokens": 4, "batch_size": 4}}  # fmt: skip
    write_json(folder / "run.json", card)
    return folder


def test_the_python_of_the_readme_runs(capsys, tiny_run):
    assert run_python("README.md", run=str(tiny_run))["parsed"].problems == ()
    assert capsys.readouterr().out.splitlines()[-1] == str(round(2 / 3, 6))


def test_the_python_of_the_api_page_runs(capsys, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scores = pd.DataFrame({"conv_term": [0.5]}, index=["flat"])
    for folder in ("predict", "tables"):
        (tmp_path / "results" / folder).mkdir(parents=True)
    scores.to_parquet("results/predict/RUN.parquet")
    scores.to_csv("results/tables/table5.csv")
    names = run_python("docs/python.md", run=str(tiny_run))
    assert names["table"].equals(scores)
    assert [problem.kind for problem in names["parsed"].problems] == ["not_in_text"]
    assert (
        "BCL6; is a; protein\nactivated lymphocytes; is a; cell_type\n" in capsys.readouterr().out
    )


def plugins(page: str) -> dict[str, dict[str, str]]:
    """Return the entry points that a page shows, by group and name."""
    (block,) = blocks(page, "toml")
    return tomllib.loads(block.text)["project"]["entry-points"]


def test_a_format_is_added_as_its_page_says():
    pytest.importorskip("bionerflow.testing")
    names = run_python("docs/extending/format.md")
    assert plugins("docs/extending/format.md") == {
        "bionerflow.formats": {"pipes": "my_package:Pipes"}
    }
    assert names["Pipes"].name == "pipes"


def test_a_reader_is_added_as_its_page_says():
    pytest.importorskip("bionerflow.testing")
    read = run_python("docs/extending/reader.md")["read"]
    assert plugins("docs/extending/reader.md") == {
        "bionerflow.readers": {"lines": "my_package:read"}
    }
    (entry,) = settings("docs/extending/reader.md")
    corpus = parse(Corpora, entry, "the page").corpora["mine"]
    assert [*corpus.options] == [*signature(read).parameters][2:]


def test_an_engine_is_added_as_its_page_says():
    pytest.importorskip("bionerflow.inference.engines")
    (entry,) = settings("docs/extending/engine.md")
    assert parse(PredictSettings, entry["predict"], "engine.md").engine == "ctranslate2"
    assert plugins("docs/extending/engine.md") == {
        "bionerflow.engines": {"echo": "my_package:Echo"}
    }
    assert run_python("docs/extending/engine.md")["Echo"](None, None).label == "echo 1"


def test_a_selector_is_added_as_its_page_says(tmp_path):
    from bionerflow.data.schema import Span
    from bionerflow.select.samples import Candidate

    (entry,) = settings("docs/extending/selector.md")
    given = parse(SelectorSettings, entry["selectors"]["careful"], "the page")
    assert plugins("docs/extending/selector.md") == {
        "bionerflow.selectors": {"mean_cls": "my_package:MeanCls"}
    }
    names = run_python("docs/extending/selector.md")
    base = tiny_encoder(tmp_path)
    names["test_mean_cls"](base, given)
    selector = names["MeanCls"](base, given, ["protein"])
    candidate = Candidate("protein", (Span(0, 4),), "BCL6 plays a role.")
    (probability,) = selector.probabilities([candidate])
    assert 0 < probability < 1


def test_models_are_added_as_their_page_says(monkeypatch):
    (entry,) = settings("docs/extending/model.md")
    assert set(parse(Models, entry, "the page").models) == {"smollm2-360m", "mine"}
    monkeypatch.chdir(ROOT)
    shipped = yaml.safe_load(Path("config/config.yaml").read_text("utf-8"))
    formats = {"conv_term": {"formats": ["conv_term"]}}
    its = {"corpora": ["sample_flat"], "models": ["smollm2-360m"], "configurations": formats}
    own = {"name": "own", "own_models": entry["models"], "experiments": {"mfner": its}}
    assert list(Plan(shipped | own).runs) == ["own.smollm2-360m.conv_term.draw1"]


def test_an_extension_touches_no_file_of_the_repository():
    """Its files are a package's, or lie in a folder of one's own; the overview counts them."""
    overview = (DOCS / "extending/index.md").read_text("utf-8")
    counts = dict(re.findall(r"\]\((\w+)\.md\) \|.*\| (\d+) \|$", overview, re.MULTILINE))
    for page in DOCS.glob("extending/*.md"):
        files = [file for *_, file, _ in map(tuple, FENCE.findall(page.read_text("utf-8"))) if file]
        assert all(file.startswith("own/") for file in files), page
        packaged = bool(blocks(str(page), "toml"))  # a module, and its entry point
        if page.stem != "index":
            settings = [file for file in files if file.endswith(".yaml")]
            assert int(counts[page.stem]) == (2 if packaged else len(settings) or 1), page


def test_settings_of_other_pages_are_valid():
    (curate,) = settings("docs/curation.md")
    assert parse(CurateSettings, curate["curate"], "curation.md").strategy == "top_ifd"
    (given,) = settings("docs/selector.md")
    parse(SelectorSettings, given["selectors"]["llm_cls"], "selector.md")
    (given,) = settings("docs/papers.md")
    assert set(given) <= set(Config.model_fields)
    for given in settings("docs/engines.md"):
        engine = parse(PredictSettings, given["predict"], "engines.md").engine
        assert engine in given["predict"]
    (given,) = settings("docs/training.md")
    parse(TrainSettings, given["train"], "training.md")
    (given,) = settings("docs/baselines.md")
    parse(Experiment, {"corpora": ["genia"], "models": ["smollm2-135m"]} | given, "baselines.md")
    *_, (_, file, text) = blocks("docs/own-experiment.md", "yaml")
    assert file == "own/tables.yaml"
    parse(Tables, yaml.safe_load(text), file)


def test_the_examples_for_a_prompt_on_the_page_of_engines_are_read():
    (text,) = blocks("docs/engines.md", "text")
    examples = read_examples(text.text.splitlines(), ["Disease", "Chemical", "Organ"])
    assert [len(entities) for _, entities in examples] == [2, 2, 0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_test_reads_every_page_that_has_examples(page):
    """What a page shows in another language than a shell's is executed by a test that names it."""
    name = str(page.relative_to(ROOT))
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    examples = {language for language, *_ in FENCE.findall(page.read_text("utf-8"))} - {"bash"}
    short = name.removeprefix("docs/").removesuffix(".md")
    assert not examples or f'"{name}"' in tests or f'"{short}"' in tests


def test_the_line_of_predictions_on_the_page_of_baselines_is_read(tmp_path):
    (line,) = blocks("docs/baselines.md", "json")
    (tmp_path / "w2ner.jsonl").write_text(line.text, "utf-8")
    (found,) = External.read(tmp_path / "w2ner.jsonl").sentences.values()
    assert found.entities[0].spans == [(0, 4)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Flow:
    """A copy of the repository with the files that the pages show."""
    flow = Flow(tmp_path_factory.mktemp("pages"))
    for page in ("extending/corpus", "extending/table", "experiments"):
        for language in ("yaml", "json"):
            for block in blocks(f"docs/{page}.md", language):
                if block.file:
                    (flow.folder / block.file).parent.mkdir(parents=True, exist_ok=True)
                    (flow.folder / block.file).write_text(block.text, "utf-8")
    return flow


def snakemake(copy: Flow, page: str) -> str:
    """Run the command of a page that calls Snakemake."""
    (command,) = [line for line in commands(ROOT / page) if line.startswith("snakemake")]
    done = copy.snakemake(*command.split()[1:])
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_corpus_is_added_as_its_page_says(copy):
    snakemake(copy, "docs/extending/corpus.md")
    (row,) = pq.read_table(copy.folder / "results/corpora/mine/test.parquet").to_pylist()
    assert [entity["type"] for entity in row["entities"]] == ["Disease"]


def test_a_table_is_added_as_its_page_says(copy):
    said = snakemake(copy, "docs/extending/table.md")
    assert "results/tables/mfner/mine.csv" in said


def test_an_experiment_is_written_as_its_page_says(copy):
    said = snakemake(copy, "docs/experiments.md")
    trained = set(re.findall(r"results/train/(mine\.[\w.-]+?)/", said))
    assert len(trained) == 6  # two configurations of three draws


def test_the_job_groups_of_the_cluster_page_are_taken(copy):
    (groups,) = settings("docs/cluster.md")
    (copy.folder / "groups").mkdir()
    (copy.folder / "groups/profile.yaml").write_text(yaml.safe_dump(groups), "utf-8")
    given = ("-n", "results/tables/table5.csv", "--configfile", "config/demo.yaml")
    done = copy.snakemake(*given, "--profile", "groups")
    assert done.returncode == 0, done.stderr
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert set(groups["groups"]) <= set(re.findall(r"^rule (\w+):", rules, re.MULTILINE))
    local = re.findall(r"^localrules:\n((?:    \w+,\n)+)", rules, re.MULTILINE)
    assert set(groups["groups"]).isdisjoint(re.findall(r"\w+", "".join(local)))


def test_the_page_of_annotate_has_every_form_and_what_checked_it():
    page = (DOCS / "annotate.md").read_text("utf-8")
    shown = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", page, re.MULTILINE))
    assert shown == {name: FORMS[name].checked for name in OUTPUTS}
    assert set(INPUTS) <= set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_the_page_of_the_design_shows_the_levels():
    page = (DOCS / "design.md").read_text("utf-8")
    assert re.findall(r"^\| \d+ \| `(\w+)` \|", page, re.MULTILINE) == LEVELS
