"""Answers of chat models in many habits: what is said is read, and nothing else.

`chat_answers.jsonl` has a case per line: the answer, the formats that read it, `right` (by default
all mentions of the types asked for; of one type the last of TYPES, or the first of its `types`),
and `problems`: whether there are any, or null where both will do; `text` and `types`, where they
are others.
"""

import json
from pathlib import Path

import pytest

from bionerflow.data.schema import Entity
from bionerflow.formats import FORMATS

TEXT = "Adults with acute gout took colchicine and naproxen; two had gastric pain, one gout."
TYPES = ("Chemical", "Disease")
MENTIONS = [
    ("Disease", 12, 22), ("Chemical", 28, 38), ("Chemical", 43, 51), ("Disease", 61, 73),
    ("Disease", 79, 83),
]  # fmt: skip
ENTITIES = {Entity.at(type, [(start, end)], TEXT) for type, start, end in MENTIONS}
LINES = (Path(__file__).parent / "chat_answers.jsonl").read_text("utf-8").splitlines()
CASES = [(case, name) for case in map(json.loads, LINES) for name in case["formats"]]


@pytest.mark.parametrize(("case", "name"), CASES, ids=lambda part: str(part)[:50])
def test_what_an_answer_says_is_read_and_nothing_else(case, name):
    format = FORMATS[name]
    types = tuple(case.get("types", TYPES))
    first = types[:1] if "types" in case else TYPES[-1:]
    asked = first if format.per_type else types
    text, right = case.get("text", TEXT), {one for one in ENTITIES if one.type in asked}
    if "right" in case:
        right = {Entity.at(type, spans, text) for type, spans in case["right"]}
    parsed = format.parse(case["answer"], text, asked)
    assert set(parsed.entities) == right
    assert case["problems"] in (None, bool(parsed.problems)), parsed.problems


def test_a_turn_is_not_the_whole_conversation():
    answers = ['["colchicine", "naproxen"]', "- acute gout\n- gastric pain\n- gout"]
    parsed = FORMATS["conv_term"].parse(answers, TEXT, TYPES)
    assert (set(parsed.entities), parsed.problems) == (ENTITIES, ())


def test_commas_of_the_sentence_are_part_of_a_mention():
    text = "a breast, colon, and lung cancer of 2,4-D"
    gold = [Entity.at("A", [(2, 9), (26, 32)], text), Entity.at("A", [(36, 41)], text)]
    answer = json.dumps({"A": [entity.text for entity in gold]})
    for name in ("single_term", "multi_term", "multi_code"):
        assert FORMATS[name].parse(answer, text, ("A",)).entities == tuple(gold)


NAMES = (
    *("Grade 3", "C++", "Disease - Sign", "A  B", "I-O", "Layer 1", "T1", "is a", "None", "text"),
    *("Drug 1 2", "drug/gene (human)", "a:b", "a;b", 'a"b', "a\\b", "12 22", "@@", "##", "Drugs"),
    *("Type: x", "名称", "疾病 1", "药物（西药）", "think", "plan", "A & B", "#1", "[y]", "a|b"),
)


@pytest.mark.parametrize("type", NAMES)
def test_any_name_of_a_type_comes_back_or_is_refused(type):
    types = (type, "Drug")
    places = zip((type, "Drug", type, type, "Drug"), MENTIONS, strict=True)
    gold = {Entity.at(type, [(start, end)], TEXT) for type, (_, start, end) in places}
    for format in FORMATS.values():
        if format.unwritable(types) or not format.can_carry(sorted(gold)):
            continue
        read = set()
        for asked in format.queries(types):
            turns = format.render(TEXT, sorted(one for one in gold if one.type in asked), asked)
            answers = [turn.content for turn in turns if turn.role == "assistant"]
            parsed = format.parse(answers, TEXT, asked)
            assert not parsed.problems, (format.name, parsed.problems)
            read |= set(parsed.entities)
        assert read == gold, format.name
