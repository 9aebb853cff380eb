"""What offsets may count: HTML's references, what has a width, passages, a shift of each text."""

import html
import json

import pytest
from test_corpora_cases import in_form, jsonl, made, write

from bionerflow.corpora.offsets import Counting
from bionerflow.corpora.shifts import Try, own_shift


def without_width(text):
    return text.replace("\u00ad", "").replace("\u200b", "")


#: What offsets count: a text, the strings of its mentions, and how the text before one is counted.
TEXTS = {
    "html": ("p < 0.05 & fever >38, then ague", ["fever", "ague"],
             lambda text: html.escape(text, quote=False)),
    "html_quotes": ("The \"flu\" & <a> 'cold', then ague", ["flu", "cold", "ague"], html.escape),
    "unescaped": ("p &lt; 0.05 &#38; fever &amp; then ague", ["fever", "ague"], html.unescape),
    "visible": ("He\u00adpa\u00adtitis\u00ad, \u200bfe\u00adver and ague",
                ["He\u00adpa\u00adtitis", "fe\u00adver", "ague"], without_width),
}  # fmt: skip


@pytest.mark.parametrize("form", ["brat", "jsonl"])
@pytest.mark.parametrize("unit", TEXTS)
def test_what_offsets_count_is_found(unit, form, tmp_path):
    text, strings, counted = TEXTS[unit]
    starts = [text.index(one) for one in strings]
    mentions = [
        (len(counted(text[:at])), len(counted(text[: at + len(one)])), without_width(one))
        for at, one in zip(starts, strings, strict=True)
    ]
    found = made(write(tmp_path / "in", in_form(form, text, mentions)))
    assert (found.entry.offsets, found.entry.shift, found.report["lost"]) == (unit, 0, 0)
    assert [m for _, its in found.rows for *_, m in its] == strings
    assert any("all fit if" in g and f"--offsets {unit})" in g for g in found.report["guesses"])


TITLE, ABSTRACT = "Fever and ague in May.", "Ague or fever, and ague."
#: Offsets count from the start of the title, and anew from that of the abstract.
ANEW = [("0", "5", "Fever"), ("10", "14", "ague"), ("0", "4", "Ague"), ("8", "13", "fever"),
        ("19", "23", "ague")]  # fmt: skip


def bioc(passages):
    return json.dumps({"documents": [{"id": "1", "passages": [
        {"offset": offset, "text": text, "annotations": [
            {"id": str(n), "infons": {"type": "D"}, "text": m,
             "locations": [{"offset": int(s), "length": int(e) - int(s)}]}
            for n, (s, e, m) in enumerate(mentions)]}
        for offset, text, mentions in passages]}]})  # fmt: skip


@pytest.mark.parametrize("form", ["bioc", "pubtator"])
def test_offsets_may_begin_anew_in_each_passage(form, tmp_path):
    rows = "".join(f"1\t{s}\t{e}\t{m}\tD\n" for s, e, m in ANEW)
    files = {
        "bioc": {"a.json": bioc([(0, TITLE, ANEW[:2]), (23, ABSTRACT, ANEW[2:])])},
        "pubtator": {"a.txt": f"1|t|{TITLE}\n1|a|{ABSTRACT}\n{rows}"},
    }[form]
    found = made(write(tmp_path / "in", files))
    assert (found.entry.offsets, found.report["lost"]) == ("passages", 0)
    said = {text: [(at, m) for _, [at], m in its] for text, its in found.rows}
    assert said == {
        TITLE: [((0, 5), "Fever"), ((10, 14), "ague")],
        ABSTRACT: [((0, 4), "Ague"), ((8, 13), "fever"), ((19, 23), "ague")],
    }


def test_a_mention_said_twice_stands_in_title_and_abstract(tmp_path):
    mentions = [(0, 5, "Fever"), (0, 5, "Fever"), (6, 9, "now"), (10, 14, "ague")]
    rows = "".join(f"1\t{s}\t{e}\t{m}\tD\n" for s, e, m in mentions)
    text = f"1|t|Fever now.\n1|a|Fever and ague.\n{rows}"
    found = made(write(tmp_path / "in", {"a.txt": text}))
    assert found.entry.offsets == "passages"
    assert [len(its) for _, its in found.rows] == [2, 2]


@pytest.mark.parametrize("form", ["bioc", "brat", "jsonl", "pubtator"])
def test_each_text_may_have_a_shift_of_its_own(form, tmp_path):
    texts = {"1": ("Fever and ague.", 3), "2": ("Then ague, a fever.", 7), "3": ("Ague, fever", 0)}
    mentions = {
        id: [
            (text.index(m) + shift, text.index(m) + shift + len(m), m)
            for m in ("Fever", "fever", "ague", "Ague")
            if m in text
        ]
        for id, (text, shift) in texts.items()
    }
    files = {}
    for id, (text, _) in texts.items():
        its = mentions[id]
        ann = "".join(f"T{n}\tD {s} {e}\t{m}\n" for n, (s, e, m) in enumerate(its, 1))
        own = [{"type": "D", "spans": [{"start": s, "end": e}], "text": m} for s, e, m in its]
        rows = "".join(f"{id}\t{s}\t{e}\t{m}\tD\n" for s, e, m in its)
        files |= {
            "bioc": {f"{id}.json": bioc([(0, text, its)])},
            "brat": {f"{id}.txt": text, f"{id}.ann": ann},
            "jsonl": {f"{id}.jsonl": jsonl({"doc_id": id, "text": text, "entities": own})},
            "pubtator": {f"{id}.txt": f"{id}|t|A title.\n{id}|a|{text}\n" + rows},
        }[form]
    found = made(write(tmp_path / "in", files))
    assert (found.entry.offsets, found.report["lost"]) == ("own", 0)
    said = {text: sorted(m for *_, m in its) for text, its in found.rows}
    right = {text: sorted(m for *_, m in mentions[id]) for id, (text, _) in texts.items()}
    assert {text: its for text, its in said.items() if its} == right


@pytest.mark.parametrize(
    ("mentions", "shift"),
    [
        ([(5, 10, "fever"), (11, 15, "ague")], 5),
        ([(0, 5, "fever"), (6, 10, "ague")], 0),
        ([(5, 10, "fever")], None),  # a single one may be wrong itself
        ([(5, 10, "fever"), (12, 16, "ague")], None),  # the one is moved, the other not
        ([(5, 7, "ag"), (16, 18, "ag")], None),  # nowhere
    ],
)
def test_a_shift_is_told_by_all_mentions_of_a_text(mentions, shift):
    assert own_shift([Try("fever ague", [(s, e)], m) for s, e, m in mentions]) == shift


def test_several_shifts_that_fit_are_none():
    text = "a a a a"
    assert own_shift([Try(text, [(11, 12)], "a"), Try(text, [(13, 14)], "a")]) is None


def test_what_has_no_width_is_outside_of_mentions():
    text = "\u00adgout\u00ad and"
    assert Counting("visible").located([(0, 4)], text) == [(1, 5)]


def test_a_shift_that_part_of_a_text_lacks_explains_nothing(tmp_path):
    text = "Fever, ague, gout and rash came. " + "Pain and itch. " * 150
    fits = [(at, at + 4, "Pain") for at in range(33, len(text), 15)]
    fits += [(at + 9, at + 13, "itch") for at in range(33, len(text), 15)]
    moved = [(0, 5, "Fever"), (12, 16, "ague"), (18, 22, "gout"), (27, 31, "rash")]
    ann = "".join(f"T{n}\tD {s} {e}\t{m}\n" for n, (s, e, m) in enumerate(fits + moved, 1))
    other = text.replace("Pain", "Gout").replace("itch", "cold")
    ann2 = "T1\tD 12 16\tague\nT2\tD 18 22\tgout\nT3\tD 33 37\tGout\n"
    files = {"a.txt": text, "a.ann": ann, "b.txt": other, "b.ann": ann2}
    found = made(write(tmp_path / "in", files))
    assert found.entry.offsets == "characters"
    assert found.report["lost"] == 5 * len(found.report["files"])
    assert "--offsets own" not in found.report["offsets"]
