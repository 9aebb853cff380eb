"""What is computed for all mentions at once is what a plain loop over them gives."""

import re
import string

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bionerflow.data.schema import ENTITIES, Entity, entity_row
from bionerflow.evaluate.conventions import normalised
from bionerflow.evaluate.keys import codes, hits, repeated
from bionerflow.evaluate.match import overlaps
from bionerflow.evaluate.mentions import Mentions, read_mentions
from bionerflow.evaluate.tokens import TOGETHER, TOKEN, Tokens

TEXT = "The [3H] a-b the A, B ab\n药剂 [x]"

spans = st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda s: (s[0], s[0] + s[1]))
entities = st.builds(
    lambda type, found: Entity.at(type, apart(found), TEXT),
    st.sampled_from("AB"),
    st.lists(spans, min_size=1, max_size=3),
)
sides = st.lists(st.lists(entities, max_size=4), min_size=3, max_size=3)


def apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out the fragments that overlap or touch one before them."""
    kept: list[tuple[int, int]] = []
    for span in sorted(spans):
        if not kept or span[0] > kept[-1][1]:
            kept.append(span)
    return kept


def read(*columns: list[list[Entity]]) -> list[Mentions]:
    rows = [[list(map(entity_row, sentence)) for sentence in column] for column in columns]
    return list(read_mentions(*(pa.array(column, ENTITIES) for column in rows)))


def characters(entity: Entity) -> set[int]:
    return {place for span in entity.spans for place in range(*span)}


@given(sides, sides)
@settings(max_examples=50, deadline=None)
def test_mentions_are_read_once_each_and_overlaps_are_those_of_their_characters(one, two):
    left, right = read(one, two)
    distinct = [
        [(n, entity) for n, sentence in enumerate(side) for entity in dict.fromkeys(sentence)]
        for side in (one, two)
    ]
    for side, expected in zip((left, right), distinct, strict=True):
        frame = side.frame
        found = zip(frame["sentence"], frame["type"], side.strings(), strict=True)
        assert list(found) == [(n, entity.type, entity.text) for n, entity in expected]
        assert frame["length"].tolist() == [len(characters(entity)) for _, entity in expected]
        placed = side.fragments.groupby("mention")[["start", "end"]].agg(list)
        for (_, entity), (start, end) in zip(expected, placed.to_numpy(), strict=True):
            assert list(zip(start, end, strict=True)) == list(entity.spans)
    shared = {
        (i, j): len(characters(a) & characters(b))
        for i, (m, a) in enumerate(distinct[0])
        for j, (n, b) in enumerate(distinct[1])
        if m == n
    }
    pairs = overlaps(left, right)
    counted = {(i, j): n for i, j, n in pairs[["left", "right", "shared"]].to_numpy().tolist()}
    assert counted == {pair: n for pair, n in shared.items() if n}
    for i, j, same in pairs[["left", "right", "same_type"]].to_numpy().tolist():
        assert same == (distinct[0][i][1].type == distinct[1][j][1].type)


@given(st.lists(st.tuples(*[st.sampled_from([0, 1, 2**40, -(2**40)])] * 3), max_size=8))
@settings(max_examples=50, deadline=None)
def test_rows_are_equal_where_their_keys_are_however_large(rows):
    frame = pd.DataFrame(rows, columns=list("abc"), dtype=np.int64)
    left, right = frame.iloc[::2], frame.iloc[1::2]
    one, two = codes([left, right], list("abc"))
    numbers = dict(zip([*rows[::2], *rows[1::2]], [*one, *two], strict=True))
    assert len(set(numbers.values())) == len(set(rows))
    assert hits(left, right, list("abc")).tolist() == [row in rows[1::2] for row in rows[::2]]
    expected = [row in rows[:i] for i, row in enumerate(rows)]
    assert repeated(frame, list("abc")).tolist() == expected


@given(st.lists(st.text(), max_size=4), st.data())
@settings(max_examples=30, deadline=None)
def test_tokens_are_counted_as_one_text_after_another_has_them(texts, data):
    texts = [*texts, TEXT, *texts]
    tokens = Tokens(np.array(texts, object))
    for n, text in enumerate(texts):
        place = data.draw(st.integers(0, len(text)))
        expected = sum(match.start() < place for match in TOKEN.finditer(text))
        begun = tokens.before(np.array([n]), np.array([0]))
        assert tokens.before(np.array([n]), np.array([place])) - begun == expected


def test_tokens_go_on_from_one_block_of_texts_to_the_next():
    texts = [f"a{n} b" for n in range(TOGETHER + 2)]
    tokens = Tokens(np.array(texts, object))
    last = np.array([TOGETHER - 1, TOGETHER, TOGETHER + 1])
    counted = tokens.before(last, np.array([len(texts[n]) for n in last]))
    assert (counted - tokens.before(last, np.zeros(3, int))).tolist() == [2, 2, 2]


@given(st.lists(st.text() | st.sampled_from(["The a\nB", "ΑΣ", "an-A", "", "İ the"]), max_size=6))
@settings(max_examples=100, deadline=None)
def test_texts_are_normalised_as_uniner_does_one_by_one(texts):
    def alone(text: str) -> str:
        letters = "".join(letter for letter in text.lower() if letter not in string.punctuation)
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", letters).split())

    assert normalised(texts) == [alone(text) for text in texts]
