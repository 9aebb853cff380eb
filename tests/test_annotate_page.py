"""The page of annotated texts, opened: right characters, filters, hostile text shown, not run."""

import json

import pytest
from browser import Browser

from bionerflow.annotate.page import html
from bionerflow.annotate.passages import Annotated, Mention, Passage
from bionerflow.annotate.summary import Summary
from bionerflow.schema import Entity

TEXT = (
    "🧬 e\u0301 left and right breast cancer "
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
)
HOSTILE = "<b>Gene</b>"
CANCER = Entity.at("Disease", [(14, 33)], TEXT)
PART = Entity.at("Organ", [(20, 26)], TEXT)
SPLIT = Entity.at("Disease", [(5, 9), (20, 33)], TEXT)
IMAGE = Entity.at(HOSTILE, [(34, 43)], TEXT)
SHOWN = """JSON.stringify([...document.querySelectorAll(".segment")]
  .filter(s => s.title.includes(%s)).map(s => s.textContent))"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    mentions = [Mention(CANCER, 0.9), Mention(PART, 0.4), Mention(SPLIT), Mention(IMAGE, 0.95, 0.7)]
    passages = [Annotated(Passage(0, "a</title><script>alert(3)</script>", 0, TEXT), mentions),
                Annotated(Passage(1, "b", 0, "nothing"))]  # fmt: skip
    html(passages, folder / "out.html", Summary())
    browser = Browser(folder / "profile")
    browser.open(folder / "out.html")
    browser.screenshot(folder / "shot.png")
    yield browser
    browser.close()


def test_the_page_works_and_asks_no_network(page):
    def shown(type):
        return "".join(json.loads(page.js(SHOWN % json.dumps(type))))

    assert page.js("document.querySelector('.sentence .text').textContent") == TEXT
    assert shown("Disease 14–33") == CANCER.text == "right breast cancer"
    assert shown("Organ") == PART.text == "breast"
    assert shown("Disease 5–9, 20–33") == SPLIT.text.replace("left ", "left")
    assert shown(HOSTILE) == IMAGE.text
    assert page.js("document.querySelectorAll('.type').length") == 3
    assert page.js("document.querySelectorAll('script').length") == 2
    assert page.js("document.querySelectorAll('img, .type b b').length") == 0

    page.js("document.querySelectorAll('.type input')[1].click()")  # Disease, behind <b>Gene</b>
    assert shown("Disease") == ""
    assert shown("Organ") == "breast"
    page.js("document.querySelectorAll('.type input')[1].click()")
    page.js("form.confidence.value = '0.5'; form.confidence.dispatchEvent(new Event('input'))")
    assert (shown("Organ"), shown("Disease 14–33")) == ("", "right breast cancer")
    assert shown("Disease 5–9") != ""  # without a confidence it is not hidden
    page.js("form.empty.click()")
    assert page.js("document.querySelectorAll('.sentence').length") == 1
    assert (page.dialogs, page.errors) == ([], [])
    assert [address.partition(":")[0] for address in page.requests] == ["file"]
