"""What chat models write: read in each format where it can occur, and nothing invented."""

import json
import random
from pathlib import Path

import pytest
from families import families
from fuzzing import TYPES as KNOWN
from fuzzing import chat_like, check, mutated

from bionerflow.data.schema import Entity
from bionerflow.formats import FORMATS
from bionerflow.formats.grounding import Reading
from bionerflow.formats.lookalikes import alike

HANDED = Path(__file__).parents[1].parent / "shared" / "cases" / "answers.jsonl"
TEXT = "Adults with acute gout took colchicine and naproxen; two had gastric pain."
TYPES = ("Chemical", "Disease")
GOLD = [("Disease", 12, 22), ("Chemical", 28, 38), ("Chemical", 43, 51), ("Disease", 61, 73)]
ENTITIES = tuple(Entity.at(type, [(start, end)], TEXT) for type, start, end in GOLD)
DRAFT = (Entity.at("Disease", [(0, 6)], TEXT),)
JSON = ["multi_term", "json_entity", "multi_span", "json_index"]
LISTS = [*JSON, "single_term", "single_span", "conv_term"]
TAGS = ["single_tag", "multi_tag", "html", "symbolic"]
LINES = ["multi_triple", "multi_brat"]


def handed():
    """Return the cases beside the repository, where they are."""
    if not HANDED.is_file():
        return []
    cases = map(json.loads, HANDED.read_text("utf-8").splitlines())
    return [(case, name) for case in cases for name in case["formats"]]


@pytest.mark.parametrize(("case", "name"), handed(), ids=lambda part: str(part)[:60])
def test_handed_cases(case, name):
    format, types, text = FORMATS[name], case["types"], case["text"]
    right = {Entity.at(type, spans, text) for type, spans in case["right"]}
    if case.get("round_trip"):
        assert not format.can_carry(right) or read_back(format, right, text, types) == right
        return
    answer = case.get("answer")
    if answer is None:
        sign, blanks = "<", " "
        answer = {
            "nested_unknown_tags": "<x" * 1200 + ">" * 1200,
            "spaces_after_a_tag_sign": sign + blanks * 20000,
            "many_half_tags": (sign + blanks * 1500) * 66,
        }[next(part for part in reversed(case["case"].split("/")) if part != name)]
    parsed = format.parse(answer, text, types)
    assert set(parsed.entities) == right
    kinds = {problem.kind for problem in parsed.problems}
    wanted = case["problems"]
    assert bool(kinds) == bool(wanted)
    assert not isinstance(wanted, str) or wanted in kinds
    assert all(problem.detail.encode() for problem in parsed.problems if problem.detail)


def read_back(format, entities, text, types):
    read = set()
    for asked in format.queries(types):
        turns = format.render(text, entities, asked)
        answers = [turn.content for turn in turns if turn.role == "assistant"]
        read |= set(format.parse(answers, text, asked).entities)
    return read


def written(name, entities=ENTITIES):
    """Return the query and the answers of a format."""
    asked = FORMATS[name].queries(TYPES)[0]
    turns = FORMATS[name].render(TEXT, entities, asked)
    return asked, [turn.content for turn in turns if turn.role == "assistant"]


def assert_read(name, change, problems=False):
    """Assert that an answer is read as the gold one if each of its turns is changed."""
    asked, answers = written(name)
    parsed = FORMATS[name].parse([change(answer) for answer in answers], TEXT, asked)
    assert parsed.entities == tuple(e for e in ENTITIES if e.type in asked)
    assert bool(parsed.problems) == problems, parsed.problems


def bare(answer):
    return answer.removeprefix("Answer:").strip()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<reasoning>", "</reasoning>"),
        ("<scratchpad>", "</scratchpad>"),
        ("<reflection>", "</reflection>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
        ("", "</think>"),
    ],
)
def test_nothing_of_a_draft_counts(name, opens, closes):
    draft = written(name, DRAFT)[1][0]
    assert_read(name, lambda answer: f"{opens}\nI try {draft}\nNo.\n{closes}\n\n{answer}")
    if opens:
        asked = written(name)[0]
        cut = [f"{opens}\nI try\n{draft}", *[f"{opens} more"] * (len(asked) - 1)]
        parsed = FORMATS[name].parse(cut if name == "conv_term" else cut[0], TEXT, asked)
        assert parsed.entities == ()
        assert {problem.kind for problem in parsed.problems} == {"truncated"}


def test_a_type_or_a_text_may_have_the_name_of_thoughts():
    text = "a <think> b"
    entity = Entity.at("Reasoning", [(10, 11)], text)
    for name in ("multi_tag", "symbolic", "multi_term"):
        assert read_back(FORMATS[name], [entity], text, ["Reasoning"]) == {entity}


@pytest.mark.parametrize("name", FORMATS)
def test_fences_end_marks_and_words_around(name):
    around = "Sure! Here is what I found:\n\n```\n{}\n```\n\nLet me know if you need anything else."
    assert_read(name, lambda answer: around.format(bare(answer)))
    assert_read(name, lambda answer: f"{answer}<|im_end|>\n<|im_start|>user\nThanks")
    assert_read(name, lambda answer: f"<answer>{bare(answer)}</answer>")
    assert_read(name, lambda answer: f"**Answer:** {bare(answer)}")


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_wrapped_quoted_and_bulleted(name):
    assert_read(name, lambda answer: f'{{"entities": {bare(answer)}}}')
    assert_read(name, lambda answer: f'{{"result": {{"mentions": {bare(answer)}}}}}')
    assert_read(name, lambda answer: json.dumps(bare(answer)))
    items = [lambda answer: "\n".join(f"- {json.dumps(item)}" for item in json.loads(bare(answer)))]
    if name in JSON or name == "single_span":
        assert_read(name, items[0])
    assert_read(name, lambda answer: bare(answer).replace('"', "'"))
    assert_read(name, lambda answer: bare(answer)[:-1] + ",]")


@pytest.mark.parametrize("name", JSON)
def test_types_in_the_plural_in_lists_and_as_keys(name):
    key = "entity" if name == "json_entity" else "type"
    items = json.loads(bare(written(name)[1][0]))
    plural = [item | {key: f"{item[key]}s"} for item in items]
    listed = [item | {key: [item[key]]} for item in items]
    grouped = {
        t: [{k: v for k, v in i.items() if k != key} for i in items if i[key] == t] for t in TYPES
    }
    for said in (plural, listed, grouped):
        assert_read(name, lambda _, said=said: json.dumps(said))


@pytest.mark.parametrize("name", [*LINES, "multi_bio", "symbolic"])
def test_lines_with_bullets_numbers_bold_and_dots(name):
    def lines(change):
        return lambda answer: "\n".join(map(change, bare(answer).split("\n")))

    assert_read(name, lines(lambda line: f"- {line}"))
    assert_read(name, lines(lambda line: f"* {line}"))
    assert_read(
        name, lambda a: "\n".join(f"{n}. {x}" for n, x in enumerate(bare(a).split("\n"), 1))
    )
    if name in LINES:
        assert_read(name, lines(lambda line: f"{line}."))
        assert_read(name, lines(lambda line: line.replace("Disease", "**Diseases**")))
    else:
        assert_read(name, lines(lambda line: "**{}**:{}".format(*line.split(":", 1))))


@pytest.mark.parametrize(
    "said",
    [
        "entity_list.append(dict(text={text}, type={type}))",
        "entity_list.append(Entity({text}, {type}))",
        "entity_list.append(({text}, {type}))",
        "entity_list += [{{'text': {text}, 'type': {type}}}]",
        "entity_list.extend([{{'type': {type}, 'text': {text}}}])",
        "results = [{{'entity': {text}, 'label': {type}}}]  # it's one",
    ],
)
def test_code_of_other_forms(said):
    calls = [said.format(text=repr(e.text), type=repr(e.type)) for e in ENTITIES]
    assert_read("multi_code", lambda _: "```python\n" + "\n".join(calls) + "\n```")
    parsed = FORMATS["single_code"].parse("for x in found:\n    entity_list.append(x)", "x", ("A",))
    assert (parsed.entities, len(parsed.problems)) == ((), 1)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("multi_tag", "<entity type='Chemical'>{}</entity>"),
        ("multi_tag", "<Chemicals>{}</Chemicals>"),
        ("multi_tag", '<Chemical id="1" x="y">**{}**</Chemical>'),
        ("html", "<Chemical>{}</Chemical>"),
        ("html", "<Chemical: colchicine>{}</Chemical: colchicine>"),
    ],
)
def test_tags_of_other_forms(name, answer):
    parsed = FORMATS[name].parse(
        TEXT.replace("colchicine", answer.format("colchicine")), TEXT, TYPES
    )
    assert (parsed.entities, parsed.problems) == ((ENTITIES[1],), ())


PLAIN = [
    "- acute gout (Disease)\n- colchicine (Chemical)\n"
    "- naproxen (Chemical)\n- gastric pain (Disease)",
    "Diseases: acute gout, gastric pain\nChemicals: colchicine, naproxen",
    "**Chemical**:\n1. colchicine.\n2. naproxen.\n\n**Disease**:\n1. acute gout\n2. gastric pain",
]


@pytest.mark.parametrize("answer", PLAIN)
@pytest.mark.parametrize("name", ["multi_term", "json_entity"])
def test_lists_without_brackets(name, answer):
    assert_read(name, lambda _: answer)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("colchicine, naproxen", 2),
        ("- colchicine\n- naproxen", 2),
        ("* **colchicine**.\n* naproxen.", 2),
        ("Chemicals: colchicine; naproxen", 2),
        ('"colchicine"', 1),
        ("The adults took colchicine.", 0),
        ("Yes, naproxen.", 0),
        (TEXT, 0),
        ('I saw ["gastric pain"], no chemical. Answer: ["naproxen"]', 1),
        ('["colchicine", "naproxen"]\n\nI left out ["gastric pain"] on purpose.', 2),
    ],
)
def test_words_are_no_lists(answer, kept):
    for name in ("single_term", "conv_term"):
        parsed = FORMATS[name].parse([answer], TEXT, ("Chemical",))
        assert len(parsed.entities) == kept
        assert all(entity in ENTITIES for entity in parsed.entities)
        assert parsed.entities or parsed.problems


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "answer", ["No entities found.", "None", "There are no such mentions in the text.", "N/A"]
)
def test_words_that_say_nothing(name, answer):
    asked = FORMATS[name].queries(TYPES)[0]
    turns = len(asked) if name == "conv_term" else 1
    parsed = FORMATS[name].parse([answer] * turns, TEXT, asked)
    assert (parsed.entities, parsed.problems) == ((), ())


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ('["the "old" gout", "5\' end"]', ['the "old" gout', "5' end"]),
        ("['Crohn's disease', 'the \"old\" gout']", ['the "old" gout', "Crohn's disease"]),
        ('["so "a", "b" c"]', ['so "a", "b" c']),
        ('["the "new" gout", "gout"]', ["gout"]),
    ],
)
def test_quotes_that_nothing_escapes(answer, kept):
    text = 'the "old" gout, 5\' end, Crohn\'s disease, so "a", "b" c.'
    for said in (
        answer,
        *[f"entity_list.append({part})" for part in [answer[1:-1]] if len(kept) == 1],
    ):
        name = "single_code" if said != answer else "single_term"
        if "new" in said and name == "single_code":
            continue
        found = [e.text for e in FORMATS[name].parse(said, text, ("A",)).entities]
        assert sorted(found) == sorted(kept)


ALIKE = [
    ("Addison’s disease", "Addison's disease"),
    ("5′ end", "5' end"),
    ("“wet” gangrene", '"wet" gangrene'),
    *[(f"PCR{hyphen}negative", "PCR-negative") for hyphen in "‐‑‒–—―−"],
    ("PCR-negative", "PCR–negative"),
    ("40 µg", "40 μg"),
    ("Sjögren", "Sjo\u0308gren"),
    ("Sjo\u0308gren", "Sjögren"),
    ("Ménière", "Me\u0301nie\u0300re"),
    ("Gout Attack", "gout attack"),
    ("ﬁbrosis", "fibrosis"),
    ("proﬁ", "profi"),
    ("fibrosis", "ﬁbrosis"),
    ("ＣＯＶＩＤ－１９", "COVID-19"),
    ("COVID-19", "ＣＯＶＩＤ－１９"),
    ("40\u00a0mg", "40 mg"),
    ("40\u2009mg", "40 mg"),
    ("40\u202fmg dose", "40 mg dose"),
    ("as\u200bpirin", "aspirin"),
    ("aspirin", "as\u200bpi\u00adrin\ufeff"),
    ("TNF-α", "TNF-a"),
    ("ß-catenin", "β-catenin"),
    ("β-catenin", "ß-catenin"),
    ("∆F508", "ΔF508"),
    ("ϕX174", "φX174"),
    ("сancer", "cancer"),
    ("2×2 grid", "2x2 grid"),
    ("H₂O", "H2O"),
    ("10⁻⁶ M", "10-6 M"),
    ("37 ºC", "37 °C"),
    ("3 \u212b", "3 Å"),
]
#: Formats whose answers say no word of the sentence: there is nothing to be looked for.
WORDLESS = ("multi_bio", "single_span", "multi_span")
#: White space of another kind is looked for before, where mentions are strings.
SPACED = ("40\u00a0mg", "40\u2009mg", "40\u202fmg dose")


@pytest.mark.parametrize(("stands", "said"), ALIKE)
@pytest.mark.parametrize("name", FORMATS)
def test_lookalikes_are_grounded_counted_and_switchable(name, stands, said):
    text, other = f"They saw {stands} and more here.", f"They saw {said} and more here."
    gold = Entity.at("A", [(9, 9 + len(stands))], text)
    format = FORMATS[name]
    answer = format.render(other, [Entity.at("A", [(9, 9 + len(said))], other)], ["A"])[-1].content
    parsed = format.parse([answer], text, ("A",))
    if name in WORDLESS:
        assert parsed == format.parse([answer], text, ("A",), lookalikes=False)
        return
    assert (parsed.entities, parsed.problems) == ((gold,), ())
    assert alike(stands, said)
    if stands in SPACED and name not in TAGS:
        assert parsed.lookalikes == 0
        return
    assert parsed.lookalikes == 1
    off = format.parse([answer], text, ("A",), lookalikes=False)
    assert gold not in off.entities
    assert (off.lookalikes, bool(off.problems)) == (0, True)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in WORDLESS])
def test_what_only_looks_near_is_not_grounded(name):
    for stands, said in (("naive", "naïve"), ("40 μg", "40 mg"), ("IL-2", "IL-3"), ("a", "\u200b")):
        text, other = f"They saw {stands} here.", f"They saw {said} here."
        answer = FORMATS[name].render(other, [Entity.at("A", [(9, 9 + len(said))], other)], ["A"])
        assert not alike(stands, said)
        assert FORMATS[name].parse([answer[-1].content], text, ("A",)).entities == ()


@pytest.mark.parametrize("said", ["\u200b", "\u00ad\u2060", "\ufeff"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_mention_without_any_visible_character_is_told(name, said):
    for answer in (
        f'Answer: ["{said}"]',
        f'[{{"text": "{said}", "type": "A"}}]',
        f"{said}; is a; A",
    ):
        parsed = FORMATS[name].parse([answer], "no such thing", ("A",))
        assert parsed.entities == ()
        assert parsed.problems


NAMES = [
    "Adverse Drug Event",
    "Grade 3",
    "grade 3 4",
    "B-cell",
    "a:b",
    "x<y>",
    "p/q",
    "is; a; z",
    "I-O",
    "a\tb",
    " a",
]


@pytest.mark.parametrize("name", FORMATS)
def test_names_of_types_are_carried_or_refused(name):
    text = "Renal failure and 15 mg aspirin caused nausea"
    for type in NAMES:
        entities = {Entity.at(type, [(0, 13)], text), Entity.at(type, [(39, 45)], text)}
        carried = FORMATS[name].can_carry(entities)
        assert carried == (FORMATS[name].unwritable([type]) == [])
        if carried:
            assert read_back(FORMATS[name], entities, text, ["Drug", type]) == entities


def test_most_names_are_carried():
    carried = {name: len(FORMATS[name].unwritable(NAMES)) for name in FORMATS}
    assert carried["multi_term"] == carried["single_tag"] == 0
    assert max(carried.values()) <= 5


@pytest.mark.parametrize("name", FORMATS)
def test_what_does_not_come_back_is_refused(name):
    text = "chronic renal\nfailure of the NA kidney "
    for type_spans in ([(8, 13), (14, 21)], [(22, 25)], [(0, 8)], [(29, 31)], [(7, 8)]):
        entities = {Entity.at("A", type_spans, text)}
        if FORMATS[name].can_carry(entities) and not FORMATS[name].whole_tokens:
            assert read_back(FORMATS[name], entities, text, ["A"]) == entities


@pytest.mark.parametrize("name", FORMATS)
def test_the_fast_way_reads_as_the_slow_one(name, monkeypatch):
    cases = [case[1:] for case in mutated(3000, seed=5) if case[0] == name]
    fast = [FORMATS[name].parse(*case) for case in cases]
    monkeypatch.setattr(Reading, "_only_occurrences", lambda _: False)
    assert fast == [FORMATS[name].parse(*case) for case in cases]
    monkeypatch.setattr(type(FORMATS[name]), "read_exact", lambda *_: False)
    assert fast == [FORMATS[name].parse(*case) for case in cases]


def test_chat_like_answers_are_sound():
    random_ = random.Random(3)
    for name in FORMATS:
        asked, answers = written(name)
        for _ in range(60):
            check(name, chat_like("\n".join(answers), asked, random_), TEXT, asked)


@pytest.mark.parametrize("name", FORMATS)
def test_time_grows_with_the_length_alone(name):
    asked = FORMATS[name].queries(KNOWN)[0]
    for string in families(60, 6000, seed=2):
        assert check(name, string, TEXT * 10, asked) < 0.4, string[:80]


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_a_hundred_thousand_characters_take_a_second(name):
    asked = FORMATS[name].queries(KNOWN)[0]
    for string in families(150, 100_000, seed=4):
        assert check(name, string, TEXT * 10, asked) < 1, string[:80]
