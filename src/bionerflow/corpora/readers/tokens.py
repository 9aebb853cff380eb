"""Tokens as JSON or Parquet: data sets of Hugging Face, GLiNER's and W2NER's training data."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, groupby
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bionerflow.corpora.documents import Document, Mention, Reading
from bionerflow.corpora.offsets import RawSpans
from bionerflow.corpora.raw import values
from bionerflow.corpora.readers.iob import chunks
from bionerflow.corpora.readers.records import first_of, form_faults, identifier
from bionerflow.utils.errors import UserError

#: Columns of a data set with tags of tokens.
TOKENS = ("tokens", "words", "token")
TAGS = ("ner_tags", "tags", "labels", "ner", "label")
#: The description of a data set, whose features name the tags that are numbers.
INFO = "dataset_info.json"

#: Types with the numbers of their tokens.
Mentions = list[tuple[str, Sequence[int]]]
Sentence = tuple[Sequence[str], Mentions]


def read_dataset(
    reading: Reading, files: Mapping[str, bytes], joiner: str = " "
) -> Iterator[Document]:
    """Yield the rows of a data set of Hugging Face: `tokens` and `ner_tags`, a sentence each.

    Files are Parquet, or JSON with `dataset_info.json` where the tags are numbers.

    Raises:
        UserError: a file has no such columns, or numbers for tags that nothing names.
    """
    described = {name: data for name, data in files.items() if name.endswith(INFO)}
    names = next((described_names(*one) for one in described.items()), None)
    for name, data in files.items():
        if name in described:
            continue
        rows, known = parquet_rows(name, data) if data.startswith(b"PAR1") else (None, None)
        found = by_row(name, values(name, data)) if rows is None else rows
        for number, (line, row) in enumerate(found):
            where = f"{name}:{line}"
            with form_faults(where, "a data set with tokens and ner_tags"):
                sentence = tagged(where, row, known or names)
            yield piece(reading, identifier(name, row, number), sentence, joiner, where)


def by_row(name: str, found: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Yield rows; an object of whole columns (`Dataset.to_dict`) has a list for each row."""
    for line, value in found:
        tokens = value.get("tokens") if isinstance(value, dict) else None
        if not (isinstance(tokens, list) and tokens and isinstance(tokens[0], list)):
            yield line, value
            continue
        with form_faults(f"{name}:{line}", "a data set of columns"):
            columns = {k: v for k, v in value.items() if isinstance(v, list)}
            rows = zip(*columns.values(), strict=True)
            several = [dict(zip(columns, row, strict=True)) for row in rows]
        yield from ((line, row) for row in several)


def described_names(name: str, data: bytes) -> Sequence[str] | None:
    """Return the names of the tags in a description of a data set."""
    with form_faults(name, INFO):
        return tag_names(json.loads(data))


@contextmanager
def parquet_faults(name: str) -> Iterator[None]:
    """Tell where a Parquet file is damaged, as pyarrow finds it while it reads."""
    try:
        yield
    except (
        pa.ArrowException,
        *(OSError, ValueError, KeyError, TypeError, RecursionError),
    ) as error:
        said = " ".join(str(error).split())  # thrift's errors end in a line feed
        raise UserError(f"{name}:1: not a whole Parquet file ({said}).") from None


def parquet_rows(
    name: str, data: bytes
) -> tuple[Iterator[tuple[int, dict[str, Any]]], Sequence[str] | None]:
    """Return the rows of a Parquet file, and the names of its tags where its schema has them."""
    with parquet_faults(name):
        file = pq.ParquetFile(io.BytesIO(data))
        described = (file.schema_arrow.metadata or {}).get(b"huggingface")
        info = json.loads(described)["info"] if described else {}
    with form_faults(name, "a description of a data set"):
        names = tag_names(info)

    def numbered() -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        batches = file.iter_batches()
        while True:
            with parquet_faults(name):
                batch = next(batches, None)
                rows = batch.to_pylist() if batch else None
            if rows is None:
                return
            for row in rows:
                number += 1
                yield number, row

    return numbered(), names


def tag_names(info: Mapping[str, Any]) -> Sequence[str] | None:
    """Return the names of the tags in a data set's description."""
    features = info.get("features") or {}
    for column in TAGS:
        feature = features.get(column) or {}
        inner = feature.get("feature") or feature.get("sequence") or feature
        inner = inner.get("class_label", inner) if isinstance(inner, dict) else {}
        names = inner.get("names")
        if names:
            return list(names.values()) if isinstance(names, dict) else names
    return None


def tagged(where: str, row: Mapping[str, Any], names: Sequence[str] | None) -> Sentence:
    """Return the tokens of a row, and its mentions by its tags."""
    tokens = words(first_of(row, TOKENS))
    tags = first_of(row, TAGS)
    if any(isinstance(tag, int) for tag in tags):
        if not names:
            raise UserError(
                f"{where}: tags are numbers without names: put dataset_info.json beside the file, "
                "export the data set as Parquet with its features, or write names for numbers."
            )
        tags = [names[tag] for tag in tags]
    if len(tags) != len(tokens):
        raise UserError(f"{where}: {len(tags)} tags for {len(tokens)} tokens.")
    found: Mentions = [(one.type, range(one.first, one.last + 1)) for one in chunks(tags, where)]
    return tokens, found


def gliner(value: Any) -> Sentence:
    """Return a record of GLiNER: `tokenized_text`, `ner` with first and last token and type."""
    tokens = words(value["tokenized_text"])
    found: Mentions = [  # a token that there is none of is enough to tell that a mention misses
        (str(type), range(max(int(first), -1), min(int(last), len(tokens)) + 1))
        for first, last, type in value.get("ner", [])
    ]
    return tokens, found


def w2ner(value: Any) -> Sentence:
    """Return a record of W2NER: `sentence`, `ner` with the indices of a mention's tokens."""
    found: Mentions = [
        (str(one["type"]), [int(at) for at in one["index"]]) for one in value.get("ner", [])
    ]
    return words(value["sentence"]), found


def words(tokens: Any) -> list[str]:
    """Return the tokens of a record as text.

    Raises:
        TypeError: they are no list, or one is neither text nor a number.
    """
    if isinstance(tokens, str) or not all(isinstance(one, str | int | float) for one in tokens):
        raise TypeError("the tokens are not a list of strings")
    return list(map(str, tokens))


def reader(form: Callable[[Any], Sentence], title: str) -> Callable[..., Iterator[Document]]:
    """Return the reader of files of tokenised records."""

    def read(reading: Reading, files: Mapping[str, bytes], joiner: str = " ") -> Iterator[Document]:
        for name, data in files.items():
            for number, (line, value) in enumerate(values(name, data)):
                where = f"{name}:{line}"
                with form_faults(where, title):
                    sentence = form(value)
                yield piece(reading, identifier(name, value, number), sentence, joiner, where)

    read.__doc__ = f"Yield the sentences of {title}."
    return read


def piece(reading: Reading, id: str, sentence: Sentence, joiner: str, where: str) -> Document:
    """Return the document of a tokenised sentence; `joiner` is put between the tokens."""
    tokens, found = sentence
    starts = [0, *accumulate(len(token) + len(joiner) for token in tokens)]
    mentions: list[Mention] = [Mention(type, extents(at, tokens, starts)) for type, at in found]
    return reading.piece(id, joiner.join(tokens), mentions, where)


def extents(at: Sequence[int], tokens: Sequence[str], starts: Sequence[int]) -> RawSpans:
    """Return the spans of tokens, those that follow each other as one; -1 for no token."""
    runs = groupby(enumerate(sorted(at)), key=lambda pair: pair[1] - pair[0])
    spans = []
    for _, run in runs:
        numbers = [number for _, number in run]
        first, last = numbers[0], numbers[-1]
        known = first >= 0 and last < len(tokens)
        spans.append((starts[first], starts[last] + len(tokens[last])) if known else (-1, 0))
    return spans
