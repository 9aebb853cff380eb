"""BRAT standoff: a .txt and an .ann (or .a1) file a document, loose or in an archive."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from bionerflow.corpora.archives import is_archive, members
from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.raw import bad_line, decode, lines
from bionerflow.schema import Entity, Span

ANNOTATIONS = (".ann", ".a1")
MENTION = re.compile(r"(\S+) (-?\d{1,9} -?\d{1,9}(?:;-?\d{1,9} -?\d{1,9})*)")

#: A line `T…`: its place in the file, id, type, spans as given, and mention.
Row = tuple[str, str, str, list[tuple[int, int]], str]


def read(
    reading: Reading,
    files: Mapping[str, bytes],
    folders: Sequence[str] = (),
    source: str = "",
    sentences: bool = False,
    join_wrapped: bool = False,
) -> Iterator[Document]:
    """Yield texts with the `T` lines of their standoff files; other lines are not mentions.

    `folders` names the folders to read and drops them from the documents' ids, where texts and
    annotations lie apart (CADEC). `source` is a regular expression for the part of an id that
    names the source document. With `sentences` each file is one sentence. With `join_wrapped`
    fragments that only white space parts become one span (mentions wrapped over lines).
    """
    texts, annotations = paired(files, folders)
    for id in sorted(texts.keys() | annotations.keys()):
        name, rows = id, []
        if id in annotations:
            name, rows = annotations[id][0], list(mentions(*annotations[id]))
        if id not in texts:
            for where, _, type, spans, mention in rows:
                reading.mentions[type] += 1
                reading.note("no_text", where, f"{spans} {mention!r}", lost=True)
            continue
        if id not in annotations:
            reading.note("no_annotation_file", texts[id][0], name)
        text = line_ends(decode(*texts[id]), rows)
        entities = tuple(placed(reading, rows, text, join_wrapped))
        match = re.match(source, id)
        whole = (Span(0, len(text.rstrip("\r\n"))),) if sentences else None
        document_id = match.group() if match and source else id
        yield Document(document_id, text, entities, whole)


def paired(
    files: Mapping[str, bytes], folders: Sequence[str]
) -> tuple[dict[str, tuple[str, bytes]], dict[str, tuple[str, bytes]]]:
    """Return the texts and the annotation files, each by document id."""
    texts: dict[str, tuple[str, bytes]] = {}
    annotations: dict[str, tuple[str, bytes]] = {}
    for name, data in unpacked(files):
        path = PurePosixPath(name)
        if folders and path.parent.name not in folders:
            continue
        id = path.stem if folders else str(path.with_suffix(""))
        if path.suffix == ".txt":
            texts[id] = (name, data)
        elif path.suffix in ANNOTATIONS:
            annotations[id] = (name, data)
    return texts, annotations


def unpacked(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the standoff files, those of archives too; hidden files are not part of a corpus."""
    for name, data in files.items():
        found = members(name, data) if is_archive(name) else {name: data}
        for member, content in found.items():
            if not PurePosixPath(member).name.startswith("."):
                yield member.removeprefix("./"), content


def mentions(name: str, data: bytes) -> Iterator[Row]:
    """Yield the mentions of an annotation file.

    Raises:
        UserError: a line `T…` has not the form "T1<tab>Type 0 5;7 9<tab>mention".
    """
    for number, line in lines(name, data):
        if not line.startswith("T"):
            continue
        id, _, rest = line.partition("\t")
        place, tab, mention = rest.partition("\t")
        match = MENTION.fullmatch(place)
        if not match or not tab:
            raise bad_line(name, number, "'T1<tab>Type 0 5<tab>mention'", line)
        spans = [tuple(map(int, pair.split())) for pair in match[2].split(";")]
        yield f"{name}:{number}", id, match[1], spans, mention  # type: ignore[misc]


def line_ends(text: str, rows: Sequence[Row]) -> str:
    r"""Return the text with the line ends that its offsets count: \r\n as given, or as one \n."""
    if "\r\n" not in text:
        return text
    short = text.replace("\r\n", "\n")
    return max((text, short), key=lambda candidate: hits(candidate, rows))


def hits(text: str, rows: Sequence[Row]) -> int:
    """Count the mentions whose offsets fit the text."""
    return sum(
        " ".join(text[start:end] for start, end in spans).split() == mention.split()
        for _, _, _, spans, mention in rows
    )


def placed(
    reading: Reading, rows: Sequence[Row], text: str, join_wrapped: bool
) -> Iterator[Entity]:
    """Yield the mentions that can be placed."""
    for where, id, type, spans, mention in rows:
        entity = reading.place(type, spans, text, mention, f"{where} {id}")
        if entity and join_wrapped:
            entity = Entity.at(type, unwrapped(entity.spans, text), text)
        if entity:
            yield entity


def unwrapped(spans: Sequence[Span], text: str) -> list[Span]:
    """Return the spans with those made one that only white space parts."""
    whole = [spans[0]]
    for span in spans[1:]:
        if text[whole[-1].end : span.start].strip():
            whole.append(span)
        else:
            whole[-1] = Span(whole[-1].start, span.end)
    return whole
