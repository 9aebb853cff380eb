"""BC2GM: `.in` files of sentences and `.eval` files of mentions whose offsets skip spaces."""

import re
from collections.abc import Iterator, Mapping

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.raw import bad_line, lines
from bionerflow.data.schema import Entity, Span

MENTION = re.compile(r"([^|]+)\|(\d{1,9}) (\d{1,9})\|(.*)")
SOURCE = re.compile(r"[A-Z]*\d+")
TYPE = "GENE"


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield sentences (`id text`) with their mentions (`id|first last|mention`).

    First and last count the characters that are not white space; last is inclusive. A sentence's
    id begins with that of its article (P00001606T0076). Give GENE.eval alone: ALTGENE.eval has
    other spans of the same mentions.

    Raises:
        UserError: a line has another form.
    """
    texts: dict[str, str] = {}
    for name, data in files.items():
        if name.endswith(".in"):
            texts.update(sentences(name, data))
    entities: dict[str, list[Entity]] = {id: [] for id in texts}
    for name, data in files.items():
        if not name.endswith(".in"):
            add_mentions(reading, name, data, texts, entities)
    for id, text in texts.items():
        source = SOURCE.match(id)
        document = source.group() if source else id
        whole = (Span(0, len(text)),)
        yield Document(document, text, tuple(entities[id]), whole)


def sentences(name: str, data: bytes) -> dict[str, str]:
    """Return the sentences by id."""
    texts: dict[str, str] = {}
    for number, line in lines(name, data):
        id, space, text = line.partition(" ")
        if id in texts or (line and not space):
            raise bad_line(name, number, "a new id, a space and a sentence", line)
        if line:
            texts[id] = text
    return texts


def add_mentions(
    reading: Reading,
    name: str,
    data: bytes,
    texts: Mapping[str, str],
    entities: Mapping[str, list[Entity]],
) -> None:
    """Add the mentions of one file to the entities of their sentences."""
    for number, line in lines(name, data):
        if not line:
            continue
        match = MENTION.fullmatch(line)
        if not match:
            raise bad_line(name, number, "'id|first last|mention'", line)
        id, first, last, mention = match.groups()
        where = f"{name}:{number}"
        if id not in texts:
            reading.mentions[TYPE] += 1
            reading.note("no_text", where, line, lost=True)
            continue
        text = texts[id]
        inked = [at for at, character in enumerate(text) if not character.isspace()]
        if int(first) <= int(last) < len(inked):
            span = (inked[int(first)], inked[int(last)] + 1)
        else:
            span = (len(text), len(text) + 1)
        entity = reading.place(TYPE, [span], text, mention, where)
        if entity:
            entities[id].append(entity)
