"""The report: complete, one file, and corpus text is shown, never run."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from browser import Browser
from matplotlib.figure import Figure

from bionerflow.config.workflow import FootprintSettings
from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate.compare import compare
from bionerflow.evaluate.effects import holm
from bionerflow.report.browser import sentences
from bionerflow.report.compared import paired_tests
from bionerflow.report.figures import drawn
from bionerflow.report.found import (
    SHOWN as ROWS,
)
from bionerflow.report.found import (
    best_overall,
    best_per_corpus,
    by_f1,
    left_out,
    picture,
    published,
)
from bionerflow.utils.files import write_json, write_text
from bionerflow.utils.plotting import save

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
    write_text(tmp_path / "tables" / "leakage.csv", ",a\nb,12.5\n")
    write_text(tmp_path / "tables" / "leakage.long.csv", "train_corpus,test_corpus\na,b\n")
    save(Figure(), tmp_path / "figures" / "mfner" / "calibration")
    curve = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}, {"step": 2, "eval_f1": 0.61}]
    machine = {"processes": 1, "threads": 2, "gpu": None, "peak_memory_mb": 1024}
    metrics = {
        "dev_f1": 0.61, "note": "<script>", "curve": curve, "seconds": 3600, "environment": machine,
        "measured_kwh": {"processors": None, "gpus": None},
    }  # fmt: skip
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
    tables = [results / "mfner" / "table5.csv", results / "tables" / "leakage.csv"]
    script("report", results, tables=tables, predictions=predictions,
           constants=FootprintSettings().dump(),
           figures=results / "figures" / "mfner" / "calibration.png",
           definitions=ROOT / "config" / "tables.yaml", corpora=results / "corpora.yaml",
           evaluations=results / "evaluate.json",
           metrics=results / "train" / RUN / "metrics.json", gold=results / "gold",
           out=results / "report.html")  # fmt: skip
    return (results / "report.html").read_text(encoding="utf-8")


def script(name: str, folder: Path, **arguments: Path | str | list[Path]) -> None:
    words = []
    for key, value in arguments.items():
        words += [f"--{key}", *map(str, value if isinstance(value, list) else [value])]
    path = ROOT / "workflow" / "scripts" / f"{name}.py"
    subprocess.run([sys.executable, "-P", path, *words], check=True, cwd=folder)


SHOWN = """JSON.stringify([...document.querySelectorAll(%s)].map(one => one.textContent))"""
NAMES = """JSON.stringify(
  [...document.querySelectorAll("select")].map(one => one.labels[0].firstChild.textContent))"""
LOADED = "[...document.images].every(one => one.complete && one.naturalWidth > 100)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["laptop", "phone"])
def window(request, browser, page, results) -> Browser:
    """Open the page in a window of this size, and leave a picture of it."""
    browser.open(results / "report.html", *request.param)
    browser.screenshot(results / f"{request.node.name}.png")
    return browser


def shown(browser: Browser, selector: str) -> list[str]:
    """Return the texts of the elements that a selector finds."""
    return json.loads(browser.js(SHOWN % json.dumps(selector)))


def press(browser: Browser, key: str) -> None:
    """Press a key as a keyboard does."""
    code = {"Tab": 9, "Enter": 13, "ArrowDown": 40}[key]
    text = {"text": "\r"} if key == "Enter" else {}
    for type in ("keyDown", "keyUp"):
        pressed = text if type == "keyDown" else {}
        browser.call(
            "Input.dispatchKeyEvent", type=type, key=key, code=key, windowsVirtualKeyCode=code,
            **pressed,
        )  # fmt: skip


def test_the_page_works_in_a_browser_and_asks_no_network(window):
    assert shown(window, ".sentence .text") == [ATTACK, "rats"]
    assert shown(window, "h3") == ["mfner", "ours", "Versions", "Flat <i> synthetic"]
    assert shown(window, "#tables figcaption b") == [
        "mfner/table5. F1 of our best model and of the published baselines, by corpus.",
        "leakage. What training sets show of test sets.",
    ]
    assert window.js("document.images.length") == 5
    assert window.js(LOADED)
    assert window.js("document.documentElement.scrollWidth <= window.innerWidth")
    assert (window.dialogs, window.errors) == ([], [])
    assert {address.partition(":")[0] for address in window.requests} <= {"file", "data"}


SEEN = """(({top, bottom, right}) =>
  top >= 0 && bottom <= window.innerHeight && right <= window.innerWidth
)(document.querySelector('#best .f1').getBoundingClientRect())"""


def test_the_best_runs_f1_is_on_the_first_screen(window):
    assert window.js(SEEN)
    assert shown(window, "#best .f1") == ["F1 0.500"]
    assert shown(window, "#best b")[0] == RUN
    assert shown(window, "#found tbody th") == ["flat synthetic"]
    below = "document.querySelector('#found figure').getBoundingClientRect().top > 0"
    assert window.js(below)


def test_what_was_not_measured_is_one_folded_line(window):
    [summary] = shown(window, "#unmeasured summary")
    assert summary == "Not measured: 1 cells of 1 tables"
    assert not window.js("document.getElementById('unmeasured').open")
    assert "1, because no run <i>." in " ".join(shown(window, "#unmeasured li")[0].split())
    assert shown(window, "#tables .reasons") == []


def test_a_table_that_goes_on_to_the_right_says_so(window):
    table = "document.querySelector('#found .scroll')"
    goes_on = window.js(f"{table}.scrollWidth > {table}.clientWidth + 1")
    assert goes_on == window.js("window.innerWidth < 500")
    window.js("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert window.js(f"{table}.classList.contains('right')") == goes_on
    assert window.js(f"{table}.previousElementSibling.hidden") != goes_on
    window.js(f"{table}.scrollLeft = 5000; tell({table})")
    assert not window.js(f"{table}.classList.contains('right')")


def test_the_error_browser_filters_by_keyboard_alone(window):
    window.js("document.querySelector('select[name=format]').focus()")
    press(window, "Tab")
    assert window.js("document.activeElement.name") == "outcome"
    for _ in range(4):  # all, correct, gold found inexactly, missing (none), wrong span
        if window.js("document.activeElement.value") != "span":
            press(window, "ArrowDown")
    assert window.js("document.activeElement.value") == "span"
    assert shown(window, ".sentence .text") == [ATTACK]
    assert shown(window, "#count") == ["1 to 1 of 1 sentences"]
    assert shown(window, ".sentence li") == [
        "IL-2 <b>gene, correct",
        "IL-2 & 𝛼 <b>gene, wrong span",
        "𝛼 … syn <b>gene, gold, found inexactly",
    ]


def test_outcome_and_type_are_asked_of_one_mention(browser, page, results):
    mentions = [["spurious", "gene", [[0, 1]]], ["correct", "drug", [[2, 3]]]]
    browser.open(held(page, [row(0, mentions), row(1, mentions[1:])], results / "two.html"))
    choose(browser, "outcome", "spurious")
    assert len(shown(browser, ".sentence")) == 1
    choose(browser, "type", "drug")
    assert shown(browser, "#count") == ["No sentence has all of these."]


def test_the_error_browser_begins_with_the_best_run(browser, page, results):
    rows = [row(2, []), row(1, []), row(2, [])]
    browser.open(held(page, rows, results / "order.html"))
    assert shown(browser, "select[name=run] option") == ["all", "run2", "run1"]
    files = [results / "predict" / f"{RUN}.parquet"] * 2
    assert [one["id"] for one in sentences(files, results / "gold", 4)] == ["d:0", "e:0"] * 2


def test_what_a_screen_reader_says(window):
    """Controls, pictures, tables and places have names; what a filter finds is announced."""
    assert json.loads(window.js(NAMES)) == ["run", "corpus", "format", "outcome", "type"]
    window.call("Accessibility.enable")
    tree = window.call("Accessibility.getFullAXTree")["nodes"]
    said: dict[str, list[str]] = {}
    for node in tree:
        if not node["ignored"]:
            name = node.get("name", {}).get("value", "")
            said.setdefault(node["role"]["value"], []).append(name)
    for role in ("combobox", "button", "image", "link", "region", "navigation"):
        assert said[role]
        assert all(said[role]), role
    assert "status" in said
    assert {"columnheader", "rowheader"} <= set(said)
    assert window.js("document.documentElement.lang") == "en"


def row(n: int, mentions: list) -> dict:
    """Return a sentence of the error browser."""
    fields = {"run": f"run{n % 7}", "corpus": "c", "format": "f", "id": str(n)}
    return fields | {"text": f"{ATTACK} {n}", "mentions": mentions}


def held(page: str, rows: list[dict], path: Path) -> Path:
    """Write the page with other sentences."""
    head, _, rest = page.partition('id="data">')
    data = json.dumps(rows).replace("<", "\\u003c")
    path.write_text(f'{head}id="data">{data}</script>{rest.partition("</script>")[2]}', "utf-8")
    return path


def choose(browser: Browser, name: str, value: str) -> None:
    browser.js(
        f"{{ const one = document.querySelector('select[name={name}]'); one.value = '{value}';"
        " one.dispatchEvent(new Event('change')) }"
    )


def test_the_browser_is_fine_with_fifty_thousand_sentences(browser, page, results):
    """A tenth of the sentences has an error, a seventh of these is of one run."""
    rows = [
        row(i, [["spurious" if i % 10 == 0 else "correct", "gene", [[37, 41]]]])
        for i in range(50_000)
    ]
    browser.open(held(page, rows, results / "many.html"))
    counts = [*shown(browser, "#count")]
    for name, value in (("outcome", "spurious"), ("run", "run3")):
        choose(browser, name, value)
        assert len(shown(browser, ".sentence")) == 25
        counts += shown(browser, "#count")
    browser.js("document.getElementById('next').focus()")
    press(browser, "Enter")
    of_run = sum(i % 7 == 3 for i in range(0, 50_000, 10))
    assert [*counts, *shown(browser, "#count")] == [
        "1 to 25 of 50000 sentences",
        "1 to 25 of 5000 sentences",
        f"1 to 25 of {of_run} sentences",
        f"26 to 50 of {of_run} sentences",
    ]
    assert browser.errors == []


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
    assert sum(address.startswith("data:image/png") for address in elements.loaded) == 5
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
        "1 runs, trained in 1 hours: an estimated",
        "12.5",
        "Training, demo.",
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


def test_a_figure_has_no_more_runs_than_there_are_colours_and_draws_share_one():
    curve = [{"step": 1, "loss": 2.0}]
    runs = {f"x.mini.set{n}.draw{d}": {"curve": curve} for n in range(9) for d in (1, 2)}
    titles, captions, figures, first = zip(*drawn(runs, []), strict=True)
    assert first == (True, False)
    assert titles == ("Training, x, 1 of 2.", "Training, x, 2 of 2.")
    assert len(set(captions)) == 1
    labels = [text.get_text() for figure in figures for text in figure.legends[0].texts]
    assert labels == [f"mini.set{n}" for n in range(9)]
    assert [len(figure.axes[0].lines) for figure in figures] == [14, 4]
    scores = [{"errors": {"span": 1, "missing": 3}, "deviations": {}, "n": {"sentences": 50}}]
    results = [{"predictions": f"x.mini.a.draw{d}+s", "scores": scores} for d in (1, 2)]
    errors, _ = (one.figure for one in drawn({}, results))
    assert [bar.get_height() for bar in errors.axes[0].patches] == [2, 6]


def result(name: str, **corpora: float) -> dict:
    """Return a prediction set with an F1 per corpus, and their mean as the pooled one."""

    def score(corpus: str | None, f1: float, format: str | None = "f") -> dict:
        strict = {"f1": {"value": f1, "low": f1 - 0.05, "high": f1 + 0.05}}
        return {"corpus": corpus, "format": format, "strict": strict}

    pooled = score(None, sum(corpora.values()) / len(corpora), None)
    return {"predictions": name, "scores": [*(score(*one) for one in corpora.items()), pooled]}


FOUND = [
    result("x.a.draw1", flat=0.5, zh=0.3),
    result("x.a.draw2", flat=0.6, zh=0.2),
    result("x.b.draw1+s", flat=0.55, zh=0.35),
    result("x.c.draw1", flat=0.9),
]


def test_the_best_run_is_compared_with_the_next_configuration():
    overall = best_overall(FOUND)
    assert (overall.on, overall.best.name, overall.best.f1) == ("2 corpora", "x.b.draw1+s", 0.45)
    assert overall.next.name == "x.a.draw1"
    assert overall.difference == pytest.approx(5)
    flat, zh = best_per_corpus(FOUND)
    assert (flat.on, flat.best.name, flat.next.name) == ("flat", "x.c.draw1", "x.a.draw2")
    assert (zh.best.configuration, zh.next.configuration) == ("x.b+s", "x.a")
    assert [one["predictions"] for one in by_f1(FOUND)] == [
        "x.b.draw1+s", "x.a.draw1", "x.a.draw2", "x.c.draw1",
    ]  # fmt: skip
    assert best_overall(FOUND[:2]).next is None  # draws are not compared with each other
    assert (best_overall([]), best_per_corpus([]), picture([])) == (None, [], None)


def test_the_best_configuration_is_tested_against_the_next_over_draws(tmp_path):
    rats = Entity.at("species", [(0, 4)], "rats")
    examples = [Example(f"{n}", f"{n}", "en", "rats", (rats,)) for n in range(30)]
    paths = {}
    for corpus in ("flat", "zh"):
        write_examples(tmp_path / f"gold/{corpus}/test.parquet", examples)
    for name, right in (("a", 29), ("b", 14), ("c", 10)):
        for draw in (1, 2, 3):
            rows = [
                {"corpus": corpus, "format": "f", "id": f"{n}", "answers": [], "problems": []}
                | {"entities": [entity_row(rats)] * (n < right - (draw + len(corpus)) % 3)}
                for corpus in (("flat", "zh") if name != "c" else ("flat",))
                for n in range(30)
            ]
            paths[f"x.{name}.draw{draw}"] = tmp_path / f"x.{name}.draw{draw}.parquet"
            write_rows(paths[f"x.{name}.draw{draw}"], rows, PREDICTIONS)
    best = [
        result(f"x.{name}.draw{draw}", flat=f1 + draw / 100, zh=f1)
        for name, f1 in (("a", 0.9), ("b", 0.5))
        for draw in (1, 2, 3)
    ]
    rows = [best_overall(best), *best_per_corpus(best), *best_per_corpus(best)]
    found = paired_tests(rows, paths, tmp_path / "gold")
    assert [one["on"] for one in found] == ["2 corpora", "flat", "zh"]
    assert {(one["first"], one["second"], one["draws"]) for one in found} == {("x.a", "x.b", 3)}
    assert [one["documents"] for one in found] == [60, 30, 30]
    assert holm([one["p"] for one in found]) == [one["p_holm"] for one in found]
    alone = compare([paths[f"x.a.draw{n}"] for n in (1, 2, 3)],
                    [paths[f"x.b.draw{n}"] for n in (1, 2, 3)], tmp_path / "gold")  # fmt: skip
    assert [one["difference"] for one in found[1:]] == [one["difference"] for one in alone[:2]]
    other = best_overall([best[0], result("x.c.draw1", flat=0.5, zh=0.4)])
    assert paired_tests([other], {**paths, "x.c.draw1": paths["x.c.draw1"]}, tmp_path / "gold")
    assert paired_tests([other], {"x.a.draw1": paths["x.a.draw1"]}, tmp_path / "gold") == []


def test_the_picture_can_be_read_with_one_run_and_with_a_hundred():
    one, many = (
        picture([result(f"x.c{n}.draw1", flat=n / 200) for n in range(runs)]) for runs in (1, 100)
    )
    rows = [len(figure.axes[0].get_yticklabels()) for figure in (one, many)]
    assert rows == [1, ROWS]
    per_row = many.get_size_inches()[1] * 72 / ROWS
    assert per_row > 15  # points: more than the height of a line of type
    assert many.axes[0].get_yticklabels()[0].get_text() == "c99"
    assert one.axes[0].get_yticklabels()[0].get_text() == "x.c0"
    assert left_out([result(f"x.c{n}.draw1", flat=n / 200) for n in range(100)]) == 100 - ROWS
    assert left_out(FOUND) == 1


def test_the_best_published_score_is_that_of_the_corpus_row():
    def cell(source: str, column: str, value: str, metric: str = "f1") -> dict[str, str]:
        corpora = "flat" if source == "measured" else ""
        return {"row": "Flat", "source": source, "column": column, "value": value,
                "metric": metric, "corpora": corpora}  # fmt: skip

    theirs = [cell("published", "published A", "0.8"), cell("published", "published B", "0.9")]
    assert published([cell("measured", "x", ""), *theirs]) == {"flat": (0.9, "B")}
    assert published([cell("measured", "x", "", "recall"), *theirs]) == {}
    assert published(theirs) == {}
