"""GENIA XML: sentences with nested `cons` elements whose `sem` names the type."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from xml.etree.ElementTree import Element

from bionerflow.corpora.documents import Document, Reading, joined
from bionerflow.corpora.elements import elements
from bionerflow.utils.errors import UserError

#: The type of a part of a coordinated term, which carries no `sem` of its own.
WITHOUT_SEM = "(none)"

#: One `cons`: its `sem`, start and end in its sentence.
Cons = tuple[str, int, int]


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield articles, whose sentences are joined by line feeds.

    Raises:
        UserError: the file is not XML, or declares entities (which could fill the memory).
    """
    for name, data in files.items():
        for line, article in elements(name, BytesIO(data), "article"):
            id = article.findtext("articleinfo/bibliomisc", "").strip()
            sentences = []
            for number, element in enumerate(article.iter("sentence")):
                where = f"{name}:{line}: {id}:{number}"
                text, terms = flat(element, where)
                placed = [
                    reading.place(sem, [(start, end)], text, None, where)
                    for sem, start, end in terms
                ]
                sentences.append((text, [entity for entity in placed if entity]))
            yield joined(id, sentences)


def flat(sentence: Element, where: str) -> tuple[str, list[Cons]]:
    """Return the text of a sentence and its `cons` in document order, outer ones first."""
    pieces: list[str] = []
    terms: list[Cons] = []
    try:
        walk(sentence, 0, pieces, terms)
    except RecursionError:
        raise UserError(f"{where}: elements nested too deeply for a sentence.") from None
    return "".join(pieces), terms


def walk(element: Element, start: int, pieces: list[str], terms: list[Cons]) -> int:
    """Collect the pieces of text and the terms below `element`; return where it ends."""
    at, place = start, len(terms)
    for piece, child in children(element):
        pieces.append(piece)
        at += len(piece)
        if child is not None:
            at = walk(child, at, pieces, terms)
    if element.tag == "cons":
        terms.insert(place, (element.get("sem", WITHOUT_SEM), start, at))
    return at


def children(element: Element) -> Iterator[tuple[str, Element | None]]:
    """Yield each piece of text of an element with the child that follows it."""
    piece = element.text or ""
    for child in element:
        yield piece, child
        piece = child.tail or ""
    yield piece, None
