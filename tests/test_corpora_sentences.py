"""Sentence borders."""

from bionerflow.corpora.documents import Document
from bionerflow.corpora.sentences import joined, sentences, split
from bionerflow.data.schema import Entity, Span


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text, "en")]


def test_split_drops_only_the_space_around_sentences():
    text = " Lead 𠮷 (e.g. 5 mg) is toxic.  T. brucei (Fig. 1) is not.\nIs it? "
    assert pieces(text) == ["Lead 𠮷 (e.g. 5 mg) is toxic.", "T. brucei (Fig. 1) is not.", "Is it?"]


def test_split_of_nothing():
    assert pieces("") == pieces(" \n ") == []


def test_given_borders_are_kept_but_blank_ones():
    document = Document("1", "a.\n \nb.", (), (Span(0, 2), Span(3, 4), Span(5, 7)))
    assert sentences(document, "en") == [(0, 2), (5, 7)]


def test_sentences_that_an_entity_crosses_are_one():
    text = "aa bb cc dd"
    found = [Span(0, 2), Span(3, 5), Span(6, 8), Span(9, 11)]
    entities = [
        Entity.at("X", [(4, 7)], text),
        Entity.at("X", [(0, 1)], text),
        Entity.at("X", [(9, 10)], text),
    ]
    assert list(joined(found, entities)) == [(0, 2), (3, 8), (9, 11)]
    discontinuous = Entity.at("X", [(0, 1), (10, 11)], text)
    assert list(joined(found, [discontinuous])) == [(0, 11)]
