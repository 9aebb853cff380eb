"""WebAnno TSV 3 and UIMA CAS (XMI, JSON): what INCEpTION and WebAnno export.

CAS is read by dkpro-cassis. Layers of mentions are told from those of grammar by their names.
"""

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from bionerflow.corpora.archives import is_archive, members
from bionerflow.corpora.documents import Document, Reading, joined
from bionerflow.corpora.identifiers import name_of, parted
from bionerflow.corpora.offsets import Counting
from bionerflow.corpora.raw import bad_line, lines
from bionerflow.corpora.readers.records import form_faults
from bionerflow.data.schema import Entity, Span
from bionerflow.utils.errors import UserError

if TYPE_CHECKING:
    import cassis

#: Last parts of the names of layers that hold no mentions.
GRAMMAR = frozenset(
    (
        *("Sentence", "Token", "POS", "Lemma", "Stem", "Morpheme", "MorphologicalFeatures"),
        *("SurfaceForm", "Dependency", "ROOT", "Constituent", "Chunk", "Compound", "NGram"),
        *("StopWord", "Paragraph", "Heading", "Div", "Anomaly", "SpellingAnomaly", "SofA"),
        *("DocumentAnnotation", "DocumentMetaData", "CASMetadata", "TagsetDescription"),
        *("TagDescription", "FeatureDefinition", "LayerDefinition", "ImmutableAnnotation"),
        *("CoreferenceLink", "CoreferenceChain", "SofaChangeAnnotation", "TextContent"),
        *("XmlElement", "XmlAttribute", "XmlDocument", "XmlTextNode"),
    )
)
#: Features that name a mention's type, the likeliest first; others are passed over.
FEATURES = ("value", "label", "type", "category", "class", "entity", "tag", "name")
#: Features of every annotation, and those that lead to other data than a type.
NO_TYPE = frozenset(("sofa", "begin", "end", "identifier", "order", "id", "xmiID"))
UNIT = Counting("utf16")
ESCAPED = re.compile(r"\\(->|[\\\[\]|_;tn*])")
ROW = re.compile(r"(\d+)-(\d+)(?:\.\d+)?\t(\d{1,9})-(\d{1,9})\t")
VALUE = re.compile(r"(.*?)(?:\[(\d+)\])?")


class Layer(NamedTuple):
    """A layer of spans in a TSV file: its name, the column of its type, and that of identifiers."""

    name: str
    column: int
    concepts: int | None = None


class Piece(NamedTuple):
    """A sentence in TSV: the line it begins at, its text, and the cells of its rows."""

    line: int
    text: str
    rows: list[list[str]]


def read_tsv(
    reading: Reading, files: Mapping[str, bytes], layers: Sequence[str] = ()
) -> Iterator[Document]:
    """Yield the sentences of WebAnno TSV 3 files, each file is one document.

    `layers` names the layers that hold mentions, by their names' last parts; otherwise all are
    read that do not hold grammar. Offsets count UTF-16 code units; relations are not read.

    Raises:
        UserError: a row has not the columns that the head of its file names.
    """
    for name, data in files.items():
        head, pieces = parsed(name, data)
        chosen = span_layers(reading, head, layers)
        sentences = [(piece.text, tsv_entities(reading, name, piece, chosen)) for piece in pieces]
        yield joined(str(PurePosixPath(name).with_suffix("")), sentences)


def parsed(name: str, data: bytes) -> tuple[list[str], list[Piece]]:
    """Return the lines of a file's head that describe layers, and its sentences."""
    head: list[str] = []
    pieces: list[Piece] = []
    text: list[str] = []
    for number, line in lines(name, data):
        if line.startswith("#Text="):
            if not text or not pieces or pieces[-1].rows:
                text = []
                pieces.append(Piece(number, "", []))
            text.append(unescaped(line.removeprefix("#Text=")))
            pieces[-1] = pieces[-1]._replace(text="\n".join(text))
        elif line.startswith("#"):
            head.append(line)
        elif line.strip():
            if not pieces or not ROW.match(line):
                raise bad_line(name, number, "'1-1<tab>0-5<tab>token<tab>…' under #Text=", line)
            pieces[-1].rows.append([str(number), *line.split("\t")])
    return head, pieces


def unescaped(text: str) -> str:
    """Return text without the escapes of WebAnno TSV."""
    return ESCAPED.sub(lambda m: {"t": "\t", "n": "\n"}.get(m[1], m[1]), text)


def span_layers(reading: Reading, head: Sequence[str], wanted: Sequence[str]) -> list[Layer]:
    """Return the layers of mentions that a file's head describes; count the others."""
    found, column = [], 1  # after the token's text
    for line in head:
        kind, _, rest = line.partition("=")
        if kind not in ("#T_SP", "#T_CH", "#T_RL"):
            continue
        name, *features = rest.split("|")
        short = name.rpartition(".")[2]
        is_wanted = short in wanted if wanted else short not in GRAMMAR
        if kind == "#T_SP" and is_wanted:
            at = type_feature(features)
            named = name_of(tuple(features))
            concepts = None if named is None else column + features.index(named)
            found.append(Layer(short, column + (at or 0), concepts))
        else:
            reading.passed_over[f"layer {short}"] += 1
        column += max(len(features), 1)
    return found


def type_feature(features: Sequence[str]) -> int | None:
    """Return which feature names a mention's type."""
    for wanted in FEATURES:
        if wanted in features:
            return features.index(wanted)
    others = [number for number, name in enumerate(features) if name not in NO_TYPE]
    return others[0] if others else None


def tsv_entities(
    reading: Reading, name: str, piece: Piece, layers: Sequence[Layer]
) -> list[Entity]:
    """Return the mentions of a sentence: equal numbers in brackets are one mention."""
    where = f"{name}:{piece.line}"
    found = []
    for layer in layers:
        for type, start, end, concepts in tsv_mentions(piece, layer):
            span = UNIT.located([(start, end)], piece.text)
            known = parted(concepts)
            found.append(reading.place(type, span, piece.text, None, where, known))
    return [entity for entity in found if entity]


def tsv_mentions(piece: Piece, layer: Layer) -> Iterator[tuple[str, int, int, str]]:
    """Yield types with starts and ends in the sentence, in UTF-16 code units, and identifiers."""
    found: dict[tuple[str, str], tuple[int, int, str]] = {}
    base = None
    for number, _, offsets, *cells in piece.rows:
        start, end = map(int, offsets.split("-"))
        base = start if base is None else base
        named = values_in(cells, layer.concepts)
        for at, value in enumerate(values_in(cells, layer.column)):
            match = VALUE.fullmatch(value)
            if value not in ("_", "") and match:
                type = layer.name if match[1] == "*" else unescaped(match[1])
                key = (type, match[2] or f"line {number}")
                first, _, known = found.get(key, (start - base, 0, ""))
                concept = VALUE.fullmatch(named[at]) if at < len(named) else None
                found[key] = (first, end - base, known or unescaped(concept[1] if concept else ""))
    for (type, _), place in found.items():
        yield type, *place


def values_in(cells: Sequence[str], column: int | None) -> list[str]:
    """Return the values in a column of a row, one of each mention."""
    cell = cells[column] if column is not None and column < len(cells) else "_"
    return re.split(r"(?<!\\)\|", cell)


def read_cas(
    reading: Reading, files: Mapping[str, bytes], layers: Sequence[str] = ()
) -> Iterator[Document]:
    """Yield UIMA CAS documents (XMI with its type system, or JSON), each with its sentences.

    `layers` names the layers that hold mentions, by their names' last parts; otherwise all are
    read that do not hold grammar.

    Raises:
        UserError: a file is no CAS, or an XMI file has no type system beside it.
    """
    contents = dict(unpacked(files))
    systems = {name: data for name, data in contents.items() if is_system(data)}
    for name, data in contents.items():
        if name not in systems and PurePosixPath(name).suffix.casefold() in (
            ".xmi",
            ".xml",
            ".json",
        ):
            cas = loaded(name, data, systems)
            with form_faults(name, "UIMA CAS"):
                document = cas_document(reading, name, cas, layers)
            yield document


def unpacked(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the files, those of archives by the archive's name and their own."""
    for name, data in files.items():
        if is_archive(name):
            yield from ((f"{name}/{inner}", one) for inner, one in members(name, data).items())
        else:
            yield name, data


def is_system(data: bytes) -> bool:
    """Say whether a file is a type system."""
    return b"<typeSystemDescription" in data[:2000]


def loaded(name: str, data: bytes, systems: Mapping[str, bytes]) -> "cassis.Cas":
    """Return the CAS of a file; the type system of an XMI file is the nearest to it."""
    import cassis

    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UserError(f"{name}: declares entities, which a corpus must not.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if data.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{"):
                return cassis.load_cas_from_json(io.BytesIO(data))
            if not systems:
                raise UserError(f"{name}: export it with TypeSystem.xml, or as UIMA CAS JSON.")
            folder = PurePosixPath(name).parent
            near = [one for one in systems if PurePosixPath(one).parent == folder]
            system = systems[(near or sorted(systems))[0]]
            types = cassis.load_typesystem(io.BytesIO(system))
            return cassis.load_cas_from_xmi(io.BytesIO(data), typesystem=types, lenient=True)
    except UserError:
        raise
    except Exception as error:  # cassis and lxml raise errors of many kinds
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{name}: not a UIMA CAS ({said}).") from None


def cas_document(reading: Reading, name: str, cas: "cassis.Cas", layers: Sequence[str]) -> Document:
    """Return the document of a CAS; cassis gives offsets in code points."""
    text, found, passed = cas.sofa_string or "", list[Entity](), Counter[str]()
    borders = []
    for one in cas.select_all_annotations():
        short = one.type.name.rpartition(".")[2]
        if short == "Sentence" and 0 <= one.begin <= one.end <= len(text):
            borders.append(Span(one.begin, one.end))
        elif short == "Sentence":
            passed["sentences outside of the text"] += 1
        if short in layers if layers else short not in GRAMMAR:
            type = cas_type(one, short)
            span, where, known = [(one.begin, one.end)], f"{name}: {short}", cas_identifiers(one)
            entity = reading.place(type, span, text, None, where, known)
            found += [entity] if entity else []
        elif short not in ("Sentence", "Token", "DocumentMetaData", "DocumentAnnotation"):
            passed[f"layer {short}"] += 1
    reading.passed_over.update(passed)
    id = str(PurePosixPath(name).with_suffix(""))
    return Document(id, text, tuple(found), tuple(sorted(borders)) or None)


def cas_type(annotation: "cassis.typesystem.FeatureStructure", layer: str) -> str:
    """Return the value of the feature that names the type, or the layer's name."""
    names = [feature.name for feature in annotation.type.all_features]
    at = type_feature(names)
    value = getattr(annotation, names[at], None) if at is not None else None
    return value if isinstance(value, str) and value else layer


def cas_identifiers(annotation: "cassis.typesystem.FeatureStructure") -> tuple[str, ...]:
    """Return the identifiers of a mention's concepts, where its layer has a feature for them."""
    name = name_of(tuple(feature.name for feature in annotation.type.all_features))
    value = getattr(annotation, name, None) if name else None
    return parted(value) if isinstance(value, str) else ()
