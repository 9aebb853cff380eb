"""Documents in the raw forms again, so that the reader of a form gives back what was written."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from bionerflow.corpora.documents import Document
from bionerflow.corpora.identifiers import NO_BASE
from bionerflow.data.schema import Entity, gold_row
from bionerflow.utils.errors import UserError

#: Takes documents, and returns raw files by name.
Writer = Callable[[Sequence[Document]], dict[str, bytes]]


def brat(documents: Sequence[Document]) -> dict[str, bytes]:
    """Return one .txt and one .ann file per document."""
    files: dict[str, bytes] = {}
    for document in documents:
        rows: list[str] = []
        referred = 0
        for number, entity in enumerate(document.entities, start=1):
            spans = ";".join(f"{start} {end}" for start, end in entity.spans)
            rows.append(f"T{number}\t{entity.type} {spans}\t{on_one_line(entity.text)}\n")
            named = references(entity, number, referred)
            referred += len(named)
            rows += named
        files[f"{document.id}.txt"] = document.text.encode()
        files[f"{document.id}.ann"] = "".join(rows).encode()
    return files


def references(entity: Entity, number: int, before: int) -> list[str]:
    """Return the lines of BRAT that say a mention's concepts; each has a knowledge base."""
    said = on_one_line(entity.text)
    return [
        f"N{n}\tReference T{number} {one if ':' in one else f'{NO_BASE}:{one}'}\t{said}\n"
        for n, one in enumerate(entity.identifiers, start=before + 1)
    ]


def concepts(entity: Entity) -> str:
    """Return a mention's identifiers as PubTator and BioC have them; -1 says that it has none."""
    return "|".join(entity.identifiers) or "-1"


def pubtator(documents: Sequence[Document]) -> dict[str, bytes]:
    """Return one file; each text is a title.

    Raises:
        UserError: a text has line breaks, or an entity several spans.
    """
    blocks = []
    for document in documents:
        if set(document.text) & set("\r\n"):
            raise UserError(f"{document.id}: PubTator cannot carry line breaks.")
        rows = [f"{document.id}|t|{document.text}", f"{document.id}|a|"]
        for entity in document.entities:
            start, end = only_span(document, entity)
            mention = on_one_line(entity.text)
            rows.append(
                f"{document.id}\t{start}\t{end}\t{mention}\t{entity.type}\t{concepts(entity)}"
            )
        blocks.append("\n".join(rows) + "\n")
    return {"corpus.PubTator": "\n".join(blocks).encode()}


def bioc_json(documents: Sequence[Document]) -> dict[str, bytes]:
    """Return one BioC JSON file; each text is a passage."""
    rows = [{"id": document.id, "passages": [passage(document)]} for document in documents]
    value = {"source": "", "date": "", "key": "", "infons": {}, "documents": rows}
    return {"corpus.BioC.JSON": json.dumps(value, ensure_ascii=False, indent=1).encode()}


def passage(document: Document) -> dict[str, Any]:
    """Return a text as BioC JSON has it."""
    return {
        "offset": 0,
        "infons": {},
        "text": document.text,
        "annotations": [
            {
                "id": str(number),
                "infons": infons(entity),
                "text": entity.text,
                "locations": [{"offset": s, "length": e - s} for s, e in entity.spans],
            }
            for number, entity in enumerate(document.entities)
        ],
        "relations": [],
    }


def infons(entity: Entity) -> dict[str, str]:
    """Return the infons of an annotation: its type, and its identifiers if it has any."""
    named = {"identifier": concepts(entity)} if entity.identifiers else {}
    return {"type": entity.type, **named}


def bioc_xml(documents: Sequence[Document]) -> dict[str, bytes]:
    """Return one BioC XML file; each text is a passage."""
    rows = [
        f"<document><id>{xml(document.id)}</id><passage><offset>0</offset>"
        f"<text>{xml(document.text)}</text>{''.join(annotations(document))}</passage></document>"
        for document in documents
    ]
    head = "<?xml version='1.0' encoding='UTF-8'?><!DOCTYPE collection SYSTEM 'BioC.dtd'>"
    body = f"<collection><source/><date/><key/>{''.join(rows)}</collection>"
    return {"corpus.BioC.XML": (head + body).encode()}


def annotations(document: Document) -> Iterator[str]:
    """Yield the annotation elements of a document."""
    for number, entity in enumerate(document.entities):
        places = "".join(f'<location offset="{s}" length="{e - s}"/>' for s, e in entity.spans)
        inner = "".join(
            f'<infon key="{key}">{xml(value)}</infon>' for key, value in infons(entity).items()
        )
        yield (
            f"<annotation id={quoteattr(str(number))}>"
            f"{inner}{places}"
            f"<text>{xml(entity.text)}</text></annotation>"
        )


def xml(text: str) -> str:
    r"""Escape a text; \r too, as XML parsers read it as \n."""
    return escape(text, {"\r": "&#13;"})


def iob(documents: Sequence[Document]) -> dict[str, bytes]:
    """Return one IOB2 file; each document is a sentence of tokens with single spaces between.

    Raises:
        UserError: entities overlap, have several spans, or do not begin and end with a token.
    """
    return {"corpus.tsv": "\n".join(map(iob_block, documents)).encode()}


def iob_block(document: Document) -> str:
    """Return the lines of a sentence."""
    tokens = document.text.split(" ")
    if not all(tokens) or set(document.text) & set("\t\r\n"):
        raise UserError(f"{document.id}: IOB needs tokens with single spaces between.")
    starts = [0, *accumulate(len(token) + 1 for token in tokens)]
    first = {start: at for at, start in enumerate(starts[:-1])}
    after = {start - 1: at for at, start in enumerate(starts[1:], start=1)}
    tags = ["O"] * len(tokens)
    for entity in document.entities:
        start, end = only_span(document, entity)
        if start not in first or end not in after:
            raise UserError(f"{document.id}: {entity.text!r} does not end with a token.")
        for at in range(first[start], after[end]):
            if tags[at] != "O":
                raise UserError(f"{document.id}: IOB cannot carry overlapping entities.")
            tags[at] = f"{'B' if at == first[start] else 'I'}-{entity.type}"
    return "".join(f"{token}\t{tag}\n" for token, tag in zip(tokens, tags, strict=True))


def jsonl(documents: Sequence[Document]) -> dict[str, bytes]:
    """Return one file of JSON lines; each document is a sentence."""
    rows = [
        {
            "doc_id": document.id,
            "text": document.text,
            "entities": [gold_row(entity) for entity in document.entities],
        }
        for document in documents
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return {"corpus.jsonl": text.encode()}


def only_span(document: Document, entity: Entity) -> tuple[int, int]:
    """Return the span of a contiguous entity."""
    if len(entity.spans) > 1:
        raise UserError(f"{document.id}: this form cannot carry {entity.text!r}, discontinuous.")
    return entity.spans[0]


def on_one_line(text: str) -> str:
    """Return the text with spaces for tabs and line breaks."""
    return text.translate({ord(c): " " for c in "\t\r\n"})


WRITERS: dict[str, Writer] = {
    "bioc_json": bioc_json,
    "bioc_xml": bioc_xml,
    "brat": brat,
    "iob": iob,
    "jsonl": jsonl,
    "pubtator": pubtator,
}
