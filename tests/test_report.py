"""The report: complete, one file, and corpus text is shown, never run."""

import html
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from matplotlib.figure import Figure

from bionerflow.drawing import save
from bionerflow.files import write_json, write_text
from bionerflow.report.browser import sentences
from bionerflow.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)

ROOT = Path(__file__).parent.parent
ATTACK = "</script><script>alert('x')</script> IL-2 & 𝛼-syn"
IL2 = Entity.at("<b>gene", [(37, 41)], ATTACK)
SYN = Entity.at("<b>gene", [(44, 45), (46, 49)], ATTACK)
RUN = "demo.mini.conv_term.draw1"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what the stages before leave: gold, predictions, a table, metrics, a figure."""
    tmp_path = tmp_path_factory.mktemp("results")
    write_examples(
        tmp_path / "gold" / "flat" / "test.parquet",
        [Example("d:0", "d", "en", ATTACK, (IL2, SYN)), Example("e:0", "e", "en", "rats", ())],
    )
    gene = Entity.at("<b>gene", [(37, 45)], ATTACK)
    rows = [
        {"corpus": "flat", "format": "conv_term", "id": id, "answers": [], "problems": []}
        | {"entities": [entity_row(entity) for entity in entities]}
        for id, entities in (("d:0", [IL2, gene]), ("e:0", []))
    ]
    write_rows(tmp_path / "predict" / f"{RUN}.parquet", rows, PREDICTIONS)
    write_rows(tmp_path / "train.parquet", [], CONVERSATIONS)
    write_text(tmp_path / "mfner" / "table5.csv", ",7best,published UIE\nFlat <i>,0.52,\n")
    long = "row,column,source,text,reason\nflat,7best,measured,0.52,\nflat,x,measured,,no run <i>\n"
    write_text(tmp_path / "mfner" / "table5.long.csv", long)
    save(Figure(), tmp_path / "figures" / "mfner" / "calibration")
    curve = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}, {"step": 2, "eval_f1": 0.61}]
    metrics = {"dev_f1": 0.61, "note": "<script>", "curve": curve}
    write_json(tmp_path / "train" / RUN / "metrics.json", metrics)
    corpus = {
        "title": "Flat <i>", "language": "en", "dataset": "flat", "types": ["gene"],
        "licence": "Apache-2.0 <u>", "citation": "Nobody & <i>", "reader": "sample",
        "generator": "sample", "files": {"a": {"local": "a"}},
        "splits": [{"files": ["a"], "into": "test"}],
    }  # fmt: skip
    write_text(tmp_path / "corpora.yaml", yaml.safe_dump({"corpora": {"flat": corpus}}))
    return tmp_path


@pytest.fixture(scope="module")
def page(results: Path) -> str:
    """Evaluate and write the report through the scripts."""
    predictions = results / "predict" / f"{RUN}.parquet"
    script("evaluate", results, predictions=predictions, train=results / "train.parquet",
           gold=results / "gold", out=results / "evaluate.json")  # fmt: skip
    script("report", results, tables=results / "mfner" / "table5.csv", predictions=predictions,
           figures=results / "figures" / "mfner" / "calibration.png",
           definitions=ROOT / "config" / "tables.yaml", corpora=results / "corpora.yaml",
           evaluations=results / "evaluate.json",
           metrics=results / "train" / RUN / "metrics.json", gold=results / "gold",
           out=results / "report.html")  # fmt: skip
    return (results / "report.html").read_text(encoding="utf-8")


def script(name: str, folder: Path, **arguments: Path) -> None:
    words = [str(word) for key, value in arguments.items() for word in (f"--{key}", value)]
    path = ROOT / "workflow" / "scripts" / f"{name}.py"
    subprocess.run([sys.executable, "-P", path, *words], check=True, cwd=folder)


DRIVER = """<script>
const log = {errors: [], sentences: []};
window.onerror = message => log.errors.push(message);
window.alert = message => log.errors.push(message);
const texts = () => [...document.querySelectorAll(".sentence .text")].map(p => p.textContent);
window.onload = () => {
  log.sentences.push(texts());
  const outcome = document.querySelector("select[name=outcome]");
  outcome.value = "span";
  outcome.dispatchEvent(new Event("change"));
  log.sentences.push(texts());
  log.mentions = [...document.querySelectorAll(".sentence li")].map(item => item.textContent);
  log.loaded = performance.getEntriesByType("resource").map(entry => entry.name)
    .filter(name => !name.startsWith("data:"));
  log.wide = document.documentElement.scrollWidth > window.innerWidth;
  const shown = document.createElement("output");
  shown.id = "log";
  shown.textContent = JSON.stringify(log);
  document.body.append(shown);
};
</script>"""


def driven(page: str, path: Path) -> dict:
    """Open a page in Chromium and return what its driver logged."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("there is no Chromium to open the page with")
    path.write_text(page, encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,800",
               "--virtual-time-budget=5000", "--dump-dom", path.as_uri()]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return json.loads(html.unescape(dom.rpartition('<output id="log">')[2].partition("<")[0]))


def test_the_page_works_in_a_browser(page, results):
    log = driven(page.replace("<style>", DRIVER + "<style>", 1), results / "driven.html")
    assert log == {
        "errors": [],
        "sentences": [[ATTACK, "rats"], [ATTACK]],
        "mentions": [
            "IL-2 <b>gene, correct",
            "IL-2 & 𝛼 <b>gene, wrong span",
            "𝛼 … syn <b>gene, gold, found inexactly",
        ],
        "loaded": [],
        "wide": False,
    }


MANY = """<script>
const log = {errors: [], shown: [], counts: [], focus: ""};
window.onerror = message => log.errors.push(message);
const cards = () => document.querySelectorAll(".sentence").length;
const count = () => document.getElementById("count").textContent;
window.onload = () => {
  const choose = (name, value) => {
    const select = document.querySelector(`select[name=${name}]`);
    select.value = value;
    select.dispatchEvent(new Event("change"));
    log.shown.push(cards());
    log.counts.push(count());
  };
  choose("outcome", "");
  choose("outcome", "spurious");
  choose("run", "run3");
  document.getElementById("next").click();
  log.counts.push(count());
  document.querySelector("select[name=type]").focus();
  log.focus = document.activeElement.closest("label").textContent.slice(0, 4);
  const shown = document.createElement("output");
  shown.id = "log";
  shown.textContent = JSON.stringify(log);
  document.body.append(shown);
};
</script>"""


def test_the_browser_is_fine_with_fifty_thousand_sentences(page, results):
    """A tenth of the sentences has an error, a tenth of these is of one run."""
    rows = [
        {"run": f"run{i % 7}", "corpus": "c", "format": "f", "id": str(i), "text": f"{ATTACK} {i}"}
        | {"mentions": [["spurious" if i % 10 == 0 else "correct", "gene", [[37, 41]]]]}
        for i in range(50_000)
    ]
    data = json.dumps(rows).replace("<", "\\u003c")
    head, _, rest = page.partition('id="data">')
    full = f'{head}id="data">{data}</script>{rest.partition("</script>")[2]}'
    log = driven(full.replace("<style>", MANY + "<style>", 1), results / "many.html")
    of_run = sum(i % 7 == 3 for i in range(0, 50_000, 10))
    assert log == {
        "errors": [],
        "shown": [25, 25, 25],
        "counts": [
            "1 to 25 of 50000 sentences",
            "1 to 25 of 5000 sentences",
            f"1 to 25 of {of_run} sentences",
            f"26 to 50 of {of_run} sentences",
        ],
        "focus": "type",
    }


class Elements(HTMLParser):
    """Counts elements and gathers what they load and what text they hold."""

    def __init__(self, page: str):
        super().__init__()
        self.names: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        where = {"img": "src", "script": "src", "link": "href"}.get(tag)
        self.loaded += [value for key, value in attrs if key == where]

    def handle_data(self, data):
        self.text += data


def test_corpus_text_is_shown_and_never_run(page):
    elements = Elements(page)
    assert elements.names.count("script") == 2
    assert not {"b", "i", "u"} & set(re.findall(r"<(\w+)>gene|Flat <(\w+)>|2.0 <(\w+)>", page))
    assert "Flat <i>" in elements.text
    assert "Apache-2.0 <u>" in elements.text
    data = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    assert [sentence["text"] for sentence in json.loads(data[1])] == [ATTACK, "rats"]


def test_the_page_is_whole_and_loads_nothing(page):
    elements = Elements(page)
    assert all(address.startswith("data:") for address in elements.loaded)
    assert sum(address.startswith("data:image/png") for address in elements.loaded) == 4
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page)
    for words in (
        "mfner/table5",
        "published UIE",
        "0.52",
        "synthetic",
        RUN,
        "0.610",
        "Nobody & <i>",
        "1, because no run <i>.",
        "mfner/calibration. Calibration of confidence.",
    ):
        assert words in elements.text


def test_the_browser_draws_what_became_of_each_mention(results):
    [wrong, right] = sentences([results / "predict" / f"{RUN}.parquet"], results / "gold", 10)
    assert wrong["mentions"] == [
        ["correct", "<b>gene", [[37, 41]]],
        ["span", "<b>gene", [[37, 45]]],
        ["inexact", "<b>gene", [[44, 45], [46, 49]]],
    ]
    assert right["mentions"] == []


def test_the_browser_is_bounded_and_shows_errors_first(results):
    [shown] = sentences([results / "predict" / f"{RUN}.parquet"], results / "gold", 1)
    assert shown["id"] == "d:0"
