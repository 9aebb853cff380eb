"""What holds of every format: on any string, on long answers, on real corpora."""

import fuzzing
import pytest
from fuzzing import TYPES, check, is_linear, mutated
from hypothesis import example as also
from hypothesis import given, settings
from hypothesis import strategies as st

from bionerflow.config.corpora import load_corpora
from bionerflow.corpora.download import fetch
from bionerflow.corpora.normalise import normalise
from bionerflow.data.schema import Entity, read_examples
from bionerflow.formats import FORMATS


def test_mutated_answers_give_entities_of_the_text_or_problems():
    for case in mutated(8000, seed=1):  # a million: python tests/fuzzing.py
        check(*case)


marks = st.sampled_from(
    ["[", "]", "<A>", "</A>", "<A:a>", "@@", "##", "\\", '"', "a", "b", " ", "\n"]
)
strings = st.lists(marks | st.characters(), max_size=40).map("".join)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(answer=strings, text=strings)
def test_any_string_is_parsed(name, answer, text):
    check(name, answer, text, ("A",))


@st.composite
def marked_texts(draw):
    text = draw(strings)
    cuts = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(cuts, cuts, st.sampled_from("AB")), max_size=5))
    return text, {Entity.at(type, [(a, b)], text) for a, b, type in spans if a < b}


EXACT = [name for name, f in FORMATS.items() if f.own_offsets and not f.whole_tokens]


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=150, deadline=None)
@given(example=marked_texts())
@also(("\n[ ", {Entity.at("A", [(1, 3)], "\n[ ")}))
@also(('"]', {Entity.at("A", [(0, 1)], '"]')}))
@also(("<A><A>", {Entity.at("A", [(0, end)], "<A><A>") for end in (2, 3)}))
@also(("[[[[[\n|", {Entity.at("A", [(0, 7)], "[[[[[\n|")}))
@also(("\t**a", {Entity.at("A", [(0, 4)], "\t**a")}))
@also(("aa|", {Entity.at("A", [(0, 1), (2, 3)], "aa|")}))
@also(("<a>**</a>", set()))
@also(("＜a>", {Entity.at("B", [(2, 3)], "＜a>")}))
@also(("a><A:", {Entity.at("A", [(1, 3)], "a><A:"), Entity.at("B", [(0, 1)], "a><A:")}))
@also(("＜a:", {Entity.at("B", [(2, 3)], "＜a:")}))
@also(("**<think", {Entity.at("A", [(3, 8)], "**<think")}))
@also((" \n", {Entity.at("A", [(0, 1)], " \n")}))
@also(("a\na:é", {Entity.at("A", [(0, 1)], "a\na:é")}))
@also(("[think", {Entity.at("B", [(1, 6)], "[think")}))
def test_formats_with_own_offsets_lose_nothing(name, example):
    text, entities = example
    if "\\" in text:  # Marks cannot be escaped then (docs/formats.md).
        text = text.replace("\\", "/")
        entities = {Entity.at(e.type, e.spans, text) for e in entities}
    format = FORMATS[name]
    if not format.can_carry(entities):
        return
    read = set()
    for types in format.queries(("A", "B")):
        turns = format.render(text, entities, types)
        read |= set(format.parse(turns[-1].content, text, types).entities)
    assert read == entities


def test_html_refuses_a_mention_that_its_tag_cannot_hold():
    for length in (499, 500):
        text = "a" * length
        entity = Entity.at("A", [(0, length)], text)
        carried = FORMATS["html"].can_carry([entity])
        [turn] = FORMATS["html"].render(text, [entity], ("A",))
        assert carried == (FORMATS["html"].parse(turn.content, text, ("A",)).entities == (entity,))
        assert carried == (length < 500)


SENTENCE = "These results suggest that BCL6 plays a role in activated lymphocytes. "
ENDLESS = ['["BCL6", ', "['a", '{"text": "a", "type": "protein"}, ', "[", "[{]", "[[", "1 1 "]
ENDLESS += ["@@", "<protein>", "<protein:", "<x>", "protein: [BCL6]\n", "O ", " ", SENTENCE + "x"]
ENDLESS += ['Type: protein\nAnswer: ["a"]\n', "T1\tprotein 27 31\tBCL6\n", "a; is a; protein\n"]
ENDLESS += ['entity_list.append("']


@pytest.mark.parametrize("name", FORMATS)
def test_long_answers_take_linear_time(name):
    types = FORMATS[name].queries(TYPES)[0]
    for unit in ENDLESS:
        assert is_linear(name, unit, SENTENCE * 20, types), unit


def test_time_that_grows_with_the_square_is_noticed(monkeypatch):
    monkeypatch.setattr(fuzzing, "check", lambda name, answer, *_: len(answer) ** 2 / 1e9)
    assert not is_linear("", "a", "", ())
    monkeypatch.setattr(fuzzing, "check", lambda name, answer, *_: len(answer) / 1e5)
    assert is_linear("", "a", "", ())


@pytest.mark.parametrize("name", FORMATS)
def test_a_long_answer_is_read_whole(name):
    text = SENTENCE * 300
    entities = [
        Entity.at("protein", [(at + 27, at + 31)], text)
        for at in range(0, len(text), len(SENTENCE))
    ]
    turns = FORMATS[name].render(text, entities, ("protein",))
    assert FORMATS[name].parse(turns[-1].content, text, ("protein",)).entities == tuple(entities)


@pytest.fixture(scope="module")
def real(corpora_mirror, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    corpora = load_corpora("config/corpora.yaml")

    def examples(name):
        for file in corpora[name].files:
            fetch(corpora[name].entry(file), folder / "raw" / name / file, corpora_mirror)
        normalise(name, corpora[name], folder / "raw" / name, folder / name)
        return corpora[name].types, list(read_examples(folder / name / "test.parquet"))

    return {name: examples(name) for name in ("ncbi_disease", "pgxcorpus")}


@pytest.mark.parametrize("corpus", ["ncbi_disease", "pgxcorpus"])
@pytest.mark.parametrize("name", FORMATS)
def test_round_trip_on_real_text(name, corpus, real):
    types, examples = real[corpus]
    format = FORMATS[name]
    hits = found = gold = 0
    for example in examples[:300]:
        if not format.can_carry(example.entities):
            continue
        read = set()
        for asked in format.queries(types):
            turns = format.render(example.text, example.entities, asked)
            answers = [turn.content for turn in turns if turn.role == "assistant"]
            read |= set(format.parse(answers, example.text, asked).entities)
        if name in EXACT:
            assert read == set(example.entities)
        hits += len(read & set(example.entities))
        found += len(read)
        gold += len(set(example.entities))
    assert 200 * hits / (found + gold) >= 99.5
