"""The page of annotated texts, opened: right characters, filters, hostile text shown, not run."""

import json
import re

import pytest
from browser import Browser

from bionerflow.annotate.page import html
from bionerflow.annotate.passages import Annotated, Mention, Passage
from bionerflow.annotate.summary import Summary
from bionerflow.data.schema import Entity

TEXT = (
    "🧬 e\u0301 left and right breast cancer "
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
)
HOSTILE = "<b>Gene</b>"
CANCER = Entity.at("Disease", [(14, 33)], TEXT)
PART = Entity.at("Organ", [(20, 26)], TEXT)
SPLIT = Entity.at("Disease", [(5, 9), (20, 33)], TEXT)
IMAGE = Entity.at(HOSTILE, [(34, 43)], TEXT)
#: A head that many share, as in coordinations: each mention has a line of its own.
WIDE = "levels of " + " , ".join(f"substance number {n} in blood" for n in range(7))
SHARED = [Entity.at("Chemical", [(0, 9), (m.start(), m.end())], WIDE)
          for m in re.finditer(r"substance number \d", WIDE)]  # fmt: skip
FACTS = {"run": "own.<i>tiny</i>.draw1", "corpus": "own", "selector": None}
#: How many lines below a piece of the last text lie on a piece further down.
STRUCK = """(() => {
  const segments = [...document.querySelectorAll(".sentence:last-child .segment")];
  const rows = segments.flatMap(segment => [...segment.getClientRects()]);
  const below = (a, b) => b.top > a.top + 5 && b.top < a.bottom - 3;
  const beside = (a, b) => a.left < b.right && b.left < a.right;
  const struck = rows.flatMap(a => rows.filter(b => below(a, b) && beside(a, b)));
  return struck.length + ":" + rows.length;
})()"""
SHOWN = """JSON.stringify([...document.querySelectorAll(".segment")]
  .filter(s => s.title.includes(%s)).map(s => s.textContent))"""
CLICK = "[...document.querySelectorAll('.type')].find(l => l.textContent.startsWith('%s')).click()"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    mentions = [Mention(CANCER, 0.9), Mention(PART, 0.4), Mention(SPLIT), Mention(IMAGE, 0.95, 0.7)]
    shared = [Mention(one, 0.9) for one in SHARED]
    passages = [Annotated(Passage(0, "a</title><script>alert(3)</script>", 0, TEXT), mentions),
                Annotated(Passage(1, "b", 0, "nothing")),
                Annotated(Passage(2, "c", 0, WIDE), shared)]  # fmt: skip
    html(passages, folder / "out.html", Summary(FACTS))
    browser = Browser(folder / "profile")
    browser.open(folder / "out.html")
    yield browser
    browser.close()


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stand_out_from_the_page_in_either_scheme(page, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.call("Emulation.setEmulatedMedia", features=features)
    names = [f"--type-{n}" for n in range(page.js("COLOURS"))]
    wanted = {"--page": 0, "--text": 7, "--quiet": 4.5} | dict.fromkeys(names, 3)
    style = "getComputedStyle(document.documentElement).getPropertyValue('%s').trim()"
    found = {name: page.js(style % name) for name in wanted}
    found = {name: f"#{c[1] * 2}{c[2] * 2}{c[3] * 2}" if len(c) == 4 else c
             for name, c in found.items()}  # fmt: skip
    assert len(set(found.values())) == len(found)
    for name, least in wanted.items():
        low, high = sorted(luminance(found[one]) + 0.05 for one in (name, "--page"))
        assert high / low >= least, (name, found[name])
    shown = page.js("document.querySelector('.type:nth-child(3) i').style.background")
    assert shown == "var(--type-0)"
    drawn = page.js("getComputedStyle(document.querySelector('.segment')).backgroundImage")
    assert "rgb" in drawn


@pytest.mark.parametrize("width", [390, 1366])
def test_lines_below_a_text_do_not_strike_the_next_one(page, width):
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=800,
              deviceScaleFactor=1, mobile=False)  # fmt: skip
    struck, _, rows = page.js(STRUCK).partition(":")
    assert int(rows) > len(SHARED)
    assert int(struck) == 0
    assert page.js("document.documentElement.scrollWidth") <= width


def test_the_page_works_and_asks_no_network(page):
    def shown(type):
        return "".join(json.loads(page.js(SHOWN % json.dumps(type))))

    assert page.js("document.querySelector('.sentence .text').textContent") == TEXT
    assert shown("Disease 14–33") == CANCER.text == "right breast cancer"
    assert shown("Organ") == PART.text == "breast"
    assert shown("Disease 5–9, 20–33") == SPLIT.text.replace("left ", "left")
    assert shown(HOSTILE) == IMAGE.text
    assert page.js("document.querySelector('header p').textContent") == (
        "Annotated by run own.<i>tiny</i>.draw1, corpus own."
    )
    assert page.js("document.querySelectorAll('.type').length") == 1 + 4
    assert page.js("document.querySelectorAll('script').length") == 2
    assert page.js("document.querySelectorAll('img, .type b b').length") == 0

    page.js(CLICK % "Disease")
    assert shown("Disease") == ""
    assert shown("Organ") == "breast"
    assert not page.js("form.all.checked")
    page.js("form.all.click()")
    assert shown("Disease 14–33") == CANCER.text
    page.js("form.all.click()")
    assert page.js("document.querySelectorAll('.segment').length") == 0
    page.js(CLICK % "Organ")
    assert (shown("Organ"), shown("Disease")) == ("breast", "")
    page.js("document.querySelector('.segment').click()")
    assert page.js("document.getElementById('about').textContent") == "Organ 20–26, confidence 0.40"
    page.js("form.all.click()")
    page.js("form.confidence.value = '0.5'; form.confidence.dispatchEvent(new Event('input'))")
    assert (shown("Organ"), shown("Disease 14–33")) == ("", "right breast cancer")
    assert shown("Disease 5–9") != ""  # without a confidence it is not hidden
    page.js("form.empty.click()")
    assert page.js("document.querySelectorAll('.sentence').length") == 2
    assert (page.dialogs, page.errors) == ([], [])
    assert [address.partition(":")[0] for address in page.requests] == ["file"]
