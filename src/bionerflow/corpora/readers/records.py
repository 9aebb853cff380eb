"""Exports of annotation tools and of other libraries: JSON records with mentions by offsets.

Each form is a function from a record to what is in it (`Record`). The texts are whole documents,
whose sentences a splitter finds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bionerflow.corpora.documents import Document, Mention, Reading
from bionerflow.corpora.identifiers import of_record
from bionerflow.corpora.raw import values
from bionerflow.corpora.readers.iob import chunks
from bionerflow.utils.errors import UserError

#: Names of a mention's start, end and type in the forms of records.
STARTS = ("start", "start_offset", "begin", "start_char", "startOffset", "start_idx")
ENDS = ("end", "end_offset", "end_char", "endOffset", "end_idx")
TYPES = ("label", "labels", "type", "tag", "obj", "entity_group", "entity", "class", "entityLabel")
#: Names of the two offsets of a mention in one, or of a list of such pairs.
PAIRS = ("offsets", "span", "position", "indices", "char_span")
IDS = ("id", "doc_id", "_id", "pmid", "sourceid", "document_id")
#: The type of a mention that has none.
UNTYPED = "(no type)"


class Record(NamedTuple):
    """A text, its mentions, and what else is counted: what was passed over, by kind."""

    text: str
    mentions: list[Mention]
    passed_over: Mapping[str, int] = {}


#: What reading a value raises that has not the form it should have.
FAULTS = (
    *(KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError),
)

#: Takes a record; returns None where it holds no annotation that counts, as a rejected one.
Form = Callable[[Any], Record | None]


def reader(form: Form, title: str) -> Callable[..., Iterator[Document]]:
    """Return the reader of files of records of one form; `title` names it in errors."""

    def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
        for name, data in files.items():
            for number, (line, value) in enumerate(values(name, data)):
                where = f"{name}:{line}"
                with form_faults(where, title):
                    record = form(value)
                    if record and not isinstance(record.text, str):
                        raise TypeError("the text is not a string")
                if record is None:
                    reading.passed_over["records that were not accepted"] += 1
                    continue
                reading.passed_over.update(record.passed_over)
                yield document(reading, identifier(name, value, number), record, where)

    read.__doc__ = f"Yield the texts of {title} with their mentions."
    return read


class form_faults:  # noqa: N801 (a context manager)
    """Tell where a record has not the form that its file seems to have."""

    def __init__(self, where: str, title: str) -> None:
        self.where, self.title = where, title

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        """Raise UserError for what a record lacks or has of another kind."""
        if isinstance(error, FAULTS):
            fault = f"{type(error).__name__}: {error}"
            raise UserError(f"{self.where}: not a record of {self.title} ({fault}).") from None


def identifier(name: str, value: Any, number: int) -> str:
    """Return a document's id: the file's name with the record's id, or with its number."""
    known = [str(value[key]) for key in IDS if key in value] if isinstance(value, dict) else []
    return f"{name.partition('.')[0]}-{known[0] if known and known[0] else number}"


def document(reading: Reading, id: str, record: Record, where: str) -> Document:
    """Return a record's document with those of its mentions that can be placed."""
    return Document(id, record.text, reading.placed(record.mentions, record.text, where))


def all_of(values: Iterable[Any]) -> list[Mention]:
    """Return the mentions that values say."""
    return [one for value in values for one in mentions(value)]


def mentions(value: Any) -> list[Mention]:
    """Return a mention: a list of start, end and type, or a dictionary by any of their names.

    One that has several types is a mention of each.

    Raises:
        ValueError: an offset is no number.
    """
    identifiers: tuple[str, ...] = ()
    if isinstance(value, dict):
        spans = places(value)
        type, said = first_of(value, TYPES), value.get("text")
        identifiers = of_record(value)
    else:
        type_first = isinstance(value[0], str) and not value[0].isdecimal()
        start, end, type = (*value[1:3], value[0]) if type_first else value[:3]
        spans, said = [(whole(start), whole(end))], None
    types = (type or [None]) if isinstance(type, list) else [type]
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    text = said if isinstance(said, str) else None
    named = [str(one) if one not in (None, "") else UNTYPED for one in types]
    return [Mention(one, spans, text, identifiers) for one in named]


def places(value: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return the spans of a mention: by start and end, by pairs, or by offset and length.

    Raises:
        KeyError: there is none of them.
        ValueError: an offset is no number.
    """
    pairs = next((value[key] for key in PAIRS if isinstance(value.get(key), list)), None)
    if pairs:
        several = pairs if isinstance(pairs[0], list | tuple) else [pairs]
        return [(whole(start), whole(end)) for start, end in several]
    if value.get("points"):  # Dataturks counts the last character
        return [(whole(one["start"]), whole(one["end"]) + 1) for one in value["points"]]
    if value.get("length") is not None and value.get("offset") is not None:
        start = whole(value["offset"])
        return [(start, start + whole(value["length"]))]
    start, end = (first_of(value, names) for names in (STARTS, ENDS))
    return [(whole(start), whole(end))]


def whole(value: Any) -> int:
    """Return a number without a fraction, which may be given as text."""
    if isinstance(value, bool) or int(value) != float(value):
        raise ValueError(f"{value!r} is not an offset")
    return int(value)


def first_of(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the value under the first name that there is.

    Raises:
        KeyError: there is none of them.
    """
    for name in names:
        if value.get(name) is not None:
            return value[name]
    raise KeyError(" or ".join(names[:3]))


def doccano(value: Any) -> Record | None:
    """Read a record of doccano: `label` (older: `labels`) or `entities`."""
    found: list[Any] = next((value[k] for k in ("label", "labels", "entities") if value.get(k)), [])
    if found and not isinstance(found[0], list | dict):
        raise ValueError("the labels are of whole texts, not of mentions")
    text = first_of(value, ("text", "data"))
    passed = {"relations": len(value.get("relations") or ())}
    return Record(text, all_of(found), passed)


def label_studio(value: Any) -> Record | None:
    """Read a task of Label Studio, JSON or JSON-MIN; of several annotators the first.

    Predictions count where a task has no annotations.

    Raises:
        ValueError: it cannot be told which field of the task is the text.
    """
    if "data" not in value:
        labels = value.get("label") or []
        return Record(first_of(value, ("text",)), all_of(labels))
    by_people = value.get("annotations") or value.get("completions")
    predictions = value.get("predictions") or []
    given = by_people or predictions
    valid = [one for one in given if not one.get("was_cancelled")]
    if not valid:
        return None
    results = valid[0].get("result") or []
    found = [one for one in results if "labels" in one.get("type", "labels").casefold()]
    passed = {
        "results that are no labels": len(results) - len(found),
        "annotations by further annotators": len(valid) - 1,
        "predictions": len(predictions) if by_people else 0,
    }
    text = task_text(value["data"], found)
    return Record(text, all_of(label_studio_mention(one["value"]) for one in found), passed)


def label_studio_mention(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mention of Label Studio as others have it; hypertext has global offsets."""
    places = value.get("globalOffsets") or value
    kinds = [key for key in value if key.endswith("labels")]
    label = value[kinds[0]] if kinds else None
    return {**value, "start": places["start"], "end": places["end"], "label": label}


def task_text(data: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> str:
    """Return a task's text: the field named text, the one the labels go to, or the only one."""
    texts = {key: one for key, one in data.items() if isinstance(one, str)}
    for key in ("text", *(str(one.get("to_name")) for one in found[:1])):
        if key in texts:
            return texts[key]
    if len(texts) != 1:
        raise ValueError(f"which of {sorted(texts)} is the text: rename it to text")
    return next(iter(texts.values()))


def prodigy(value: Any) -> Record | None:
    """Read a record of Prodigy; those rejected or ignored do not count."""
    if value.get("answer", "accept") != "accept":
        return None
    found = all_of(value.get("spans") or [])
    return Record(value["text"], found, {"relations": len(value.get("relations") or ())})


def spacy_json(value: Any) -> Record | None:
    """Read a document of spaCy: of `Doc.to_json`, of version 2, or a pair with offsets."""
    if isinstance(value, list):
        text, kinds = value
        return Record(text, all_of(kinds.get("entities", [])))
    if "paragraphs" in value:
        return spacy_2(value)
    groups = value.get("spans") or {}
    found = [*(value.get("ents") or []), *(one for group in groups.values() for one in group)]
    return Record(value["text"], all_of(found))


def spacy_2(value: Mapping[str, Any]) -> Record:
    """Read a document of version 2's training JSON: its paragraphs, line feeds between."""
    texts: list[str] = []
    found: list[Mention] = []
    for paragraph in value["paragraphs"]:
        start = sum(len(text) + 1 for text in texts)
        text, mentions = spacy_paragraph(paragraph)
        texts.append(text)
        for one in mentions:
            [(begin, end)] = one.spans
            found.append(one._replace(spans=[(begin + start, end + start)]))
    return Record("\n".join(texts), found)


def spacy_paragraph(paragraph: Mapping[str, Any]) -> tuple[str, list[Mention]]:
    """Return a paragraph's text and mentions: `entities` by offsets, or tags of its tokens."""
    if "entities" in paragraph:
        return paragraph["raw"], all_of(paragraph["entities"])
    tokens = [token for one in paragraph["sentences"] for token in one["tokens"]]
    raw, at, borders = paragraph.get("raw"), 0, []
    text = raw if isinstance(raw, str) else " ".join(token["orth"] for token in tokens)
    for token in tokens:
        at = text.index(token["orth"], at)
        borders.append((at, at + len(token["orth"])))
        at = borders[-1][1]
    found = chunks([token.get("ner") or "O" for token in tokens])
    return text, [Mention(c.type, [(borders[c.first][0], borders[c.last][1])]) for c in found]


def pubannotation(value: Any) -> Record | None:
    """Read a document of PubAnnotation: `denotations`."""
    found = all_of(one["span"] | {"obj": one["obj"]} for one in value.get("denotations") or [])
    return Record(value["text"], found, {"relations": len(value.get("relations") or ())})


def bigbio(value: Any) -> Record | None:
    """Read a document of BigBio's schema for knowledge bases: passages, entities with offsets."""
    passages = sorted(value["passages"], key=lambda one: one["offsets"][0][0])
    text = ""
    for passage in passages:
        text = text.ljust(passage["offsets"][0][0]) + "".join(passage["text"])
    found = [
        said._replace(identifiers=concepts(one))
        for one in value.get("entities") or []
        for said in mentions({**one, "text": " ".join(one["text"])})
    ]
    passed = {what: len(value.get(what) or ()) for what in ("relations", "events")}
    return Record(text, found, passed)


def concepts(entity: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the concepts of an entity of BigBio, each with its knowledge base."""
    known = [(one.get("db_name"), one.get("db_id")) for one in entity.get("normalized") or []]
    return tuple(f"{base}:{one}" if base else str(one) for base, one in known if one)


def spans(value: Any) -> Record | None:
    """Read a record of a text and `entities` (or spans, annotations), each with its offsets."""
    names = ("entities", "spans", "annotations", "mentions", "ner", "annotation", "tokens")
    found = first_of(value, names)
    text = first_of(value, ("text", "content", "raw", "sentence", "document"))
    return Record(text, all_of(found))
