"""BRAT standoff: one .txt and one .ann (or .a1) file per document, loose or in an archive."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from bionerflow.corpora.archives import is_archive, members
from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.identifiers import NO_BASE, parted
from bionerflow.corpora.offsets import RawSpans
from bionerflow.corpora.raw import bad_line, decode, lines
from bionerflow.data.schema import Entity, Span

ANNOTATIONS = (".ann", ".a1")
MENTION = re.compile(r"(\S+) (-?\d{1,9} -?\d{1,9}(?:;-?\d{1,9} -?\d{1,9})*)")
#: Lines that are no mentions, by their first character.
OTHER_LINES = {
    "R": "relation lines", "E": "event lines", "*": "equivalence lines", "A": "attribute lines",
    "M": "attribute lines", "N": "normalisation lines", "#": "annotators' notes", "X": "X lines",
}  # fmt: skip
#: Texts about a corpus, beside its own.
ABOUT = re.compile(
    r"(read[-_ ]?me|licen[cs]e|change(s|log)|notice|citation|copying|authors|contributors|manifest"
    r"|(annotation[-_ ]?)?guide(lines?)?)([-_. ].*)?",
    re.IGNORECASE,
)

#: A line `N…`: a mention and the concept that it refers to.
REFERENCE = re.compile(r"N\S*\t\S+ (\S+) (\S+)(?:\t.*)?")


class Row(NamedTuple):
    """A line `T…`: its place in the file, id, type, spans as given, mention, and concepts."""

    where: str
    id: str
    type: str
    spans: RawSpans
    mention: str
    identifiers: tuple[str, ...] = ()


Files = list[tuple[str, bytes]]


def read(
    reading: Reading,
    files: Mapping[str, bytes],
    folders: Sequence[str] = (),
    source: str = "",
    sentences: bool = False,
) -> Iterator[Document]:
    """Yield texts with the `T` lines of their standoff files; other lines are not mentions.

    A text may have several standoff files (a.a1 and a.ann). `folders` names the folders to read and
    drops them from the documents' ids, where texts and annotations lie apart (CADEC). `source` is a
    regular expression for the part of an id that names the source document. With `sentences` each
    file is one sentence.
    """
    texts, annotations = paired(reading, files, folders)
    for id in sorted(texts.keys() | annotations.keys()):
        rows = [row for file in annotations.get(id, ()) for row in mentions(reading, *file)]
        if id not in texts:
            for row in rows:
                reading.lose(row.type, "no_text", row.where, f"{row.spans} {row.mention!r}")
            continue
        if id not in annotations:
            reading.note("no_annotation_file", texts[id][0], id)
        text, shift = as_counted(*texts[id], rows)
        if shift:
            reading.note("byte_order_mark_counted", texts[id][0], "offsets are one too large")
        entities = tuple(placed(reading, rows, text, shift))
        match = re.match(source, id)
        whole = (Span(0, len(text.rstrip("\r\n"))),) if sentences else None
        document_id = match.group() if match and source else id
        yield Document(document_id, text, entities, whole)


def paired(
    reading: Reading, files: Mapping[str, bytes], folders: Sequence[str]
) -> tuple[dict[str, tuple[str, bytes]], dict[str, Files]]:
    """Return the texts and their annotation files by document id; count the files not read."""
    texts: dict[str, tuple[str, bytes]] = {}
    annotations: dict[str, Files] = {}
    for name, data in unpacked(files):
        folder, stem, suffix = parts_of(name)
        if folders and folder not in folders:
            reading.passed_over[f"files in folder {folder or '.'}"] += 1
            continue
        id = stem if folders else name[: len(name) - len(suffix)]
        ending = suffix.casefold()
        if ending == ".txt":
            texts[id] = (name, data)
        elif ending in ANNOTATIONS:
            annotations.setdefault(id, []).append((name, data))
        else:
            reading.passed_over[f"files *{suffix or stem}"] += 1
    for id in [id for id in texts if id not in annotations and about(id)]:
        reading.passed_over[f"file {texts.pop(id)[0]}"] += 1
    return texts, annotations


def parts_of(name: str) -> tuple[str, str, str]:
    """Return the folder that a file is in, its name, and its ending with the dot.

    The same as `PurePosixPath` of a name without `//` and `/./`, in less time.
    """
    above, _, base = name.rpartition("/")
    at = base.rfind(".")
    at = at if 0 < at < len(base) - 1 else len(base)
    return above.rpartition("/")[2], base[:at], base[at:]


def about(id: str) -> bool:
    """Say whether a text's name is that of a text about a corpus, such as README."""
    return bool(ABOUT.fullmatch(PurePosixPath(id).name))


def unpacked(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the standoff files, those of archives too; hidden files are not part of a corpus."""
    for name, data in files.items():
        found = members(name, data) if is_archive(name) else {name: data}
        for member, content in found.items():
            plain = str(PurePosixPath(member)) if "//" in member or "./" in member else member
            if not plain.rpartition("/")[2].startswith("."):
                yield plain, content


def mentions(reading: Reading, name: str, data: bytes) -> list[Row]:
    """Return the mentions of an annotation file; count its other lines, and lose unknown ones.

    Raises:
        UserError: a line `T…` has not the form "T1<tab>Type 0 5;7 9<tab>mention".
    """
    rows: list[Row] = []
    references: dict[str, list[str]] = {}
    for number, line in lines(name, data):
        if not line.startswith("T"):
            match = REFERENCE.fullmatch(line) if line.startswith("N") else None
            if match:
                references.setdefault(match[1], []).append(match[2].removeprefix(f"{NO_BASE}:"))
            else:
                other(reading, name, number, line)
            continue
        id, _, rest = line.partition("\t")
        place, tab, mention = rest.partition("\t")
        match = MENTION.fullmatch(place)
        if not match or not tab:
            raise bad_line(name, number, "'T1<tab>Type 0 5<tab>mention'", line)
        spans = [(int(start), int(end)) for start, end in map(str.split, match[2].split(";"))]
        rows.append(Row(f"{name}:{number}", id, match[1], spans, mention))
    if not references:
        return rows
    ids = {row.id for row in rows}
    left = sum(len(its) for id, its in references.items() if id not in ids)
    reading.passed_over[OTHER_LINES["N"]] += left
    known = {id: parted(its) for id, its in references.items()}
    return [Row(*row[:-1], known.get(row.id, ())) for row in rows]


def other(reading: Reading, name: str, number: int, line: str) -> None:
    """Count a line that is no mention; one of no known kind may be a mention, and is lost."""
    kind = OTHER_LINES.get(line[:1])
    if kind:
        reading.passed_over[kind] += 1
    elif line.strip():
        reading.unreadable(f"{name}:{number}", line)


def as_counted(name: str, data: bytes, rows: Sequence[Row]) -> tuple[str, int]:
    r"""Return the text as its offsets count it, and by how much they are too large.

    Offsets may count \r\n as two characters or as one, and a byte order mark or not.
    """
    text = decode(name, data)
    forms = [text, text.replace("\r\n", "\n")] if "\r\n" in text else [text]
    moves = [0, 1] if data.startswith(BOM_UTF8) else [0]
    candidates = [(form, shift) for shift in moves for form in forms]
    if len(candidates) == 1:
        return candidates[0]
    return max(candidates, key=lambda candidate: hits(candidate[0], candidate[1], rows))


def hits(text: str, shift: int, rows: Sequence[Row]) -> int:
    """Count the mentions whose offsets fit the text."""
    return sum(
        " ".join(text[max(start - shift, 0) : end - shift] for start, end in row.spans).split()
        == row.mention.split()
        for row in rows
    )


def placed(reading: Reading, rows: Sequence[Row], text: str, shift: int) -> Iterator[Entity]:
    """Yield the mentions that can be placed."""
    reading.begin(text, ((row.spans, row.mention) for row in rows))
    for where, id, type, spans, mention, known in rows:
        moved = [(start - shift, end - shift) for start, end in spans] if shift else spans
        entity = reading.place(type, moved, text, mention, f"{where} {id}", known)
        if entity:
            yield entity
