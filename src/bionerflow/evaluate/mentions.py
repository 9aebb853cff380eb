"""Predictions and gold as flat frames: one row per sentence, mention, fragment.

Everything is read by column, and what is compared is numbers, so that a million mentions are a
matter of seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bionerflow.data.schema import verified
from bionerflow.evaluate.concepts import identifiers
from bionerflow.evaluate.keys import STRICT, Ints, among, repeated
from bionerflow.utils.errors import UserError

GOLD = ["id", "doc_id", "text", "entities"]
#: What is counted a sentence: whether its whole answer was unusable, and problems by kind.
PROBLEMS = ("unparsable", "malformed", "unknown_type", "not_in_text", "ambiguous", "truncated")


@dataclass(frozen=True)
class Mentions:
    """The mentions of a set of sentences.

    `frame`: sentence (row number of the sentence), type, start, end, inner (the boundaries between
    fragments, such as "6 19"; "" if there is one), text (its number in `texts`), confidence (NaN
    where none was recorded), length (characters of the fragments), and identifiers (of concepts, as
    one string), where the column has the field. `fragments`: mention (row
    number in `frame`), sentence, start, end.
    """

    frame: pd.DataFrame
    fragments: pd.DataFrame
    texts: pa.StringArray

    def strings(self) -> pd.Series:
        """Return the covered text of each mention."""
        return pd.Series(self.texts.to_pandas().to_numpy(object)[self.frame["text"]], dtype=object)


@dataclass(frozen=True)
class Sample:
    """What is scored: `sentences` has corpus, format, id, document, text and counts of problems."""

    sentences: pd.DataFrame
    gold: Mentions
    predicted: Mentions


def read_mentions(*columns: pa.Array) -> Iterator[Mentions]:
    """Yield the mentions of each column of lists of entities; a list is a sentence's.

    Duplicates count once. Strings are numbered over all columns, so that these compare.
    """
    flat = [pc.list_flatten(column) for column in columns]
    types, spans, texts = (
        [pc.struct_field(one, name) for one in flat] for name in ("type", "spans", "text")
    )
    placed = map(_placed, spans)
    names = zip(_categories(types), _categories(map(_inner, spans)), strict=True)
    numbers, distinct = _numbered(texts)
    for column, entities, (frame, fragments), (type, inner), text in zip(
        columns, flat, placed, names, numbers, strict=True
    ):
        sentence = pc.list_parent_indices(column).to_numpy()
        named = frame.assign(sentence=sentence, type=type, inner=inner, text=text)
        if (known := identifiers(entities)) is not None:
            named["identifiers"] = known
        yield _unique(named.assign(confidence=_confidence(entities)), fragments, distinct)


def _numbered(parts: Iterable[pa.StringArray]) -> tuple[list[Ints], pa.StringArray]:
    """Return the numbers of strings, part by part, and the distinct strings."""
    parts = list(parts)
    encoded = pc.dictionary_encode(pa.concat_arrays(parts))
    ends = np.cumsum([len(part) for part in parts[:-1]])
    return np.split(encoded.indices.to_numpy(), ends), encoded.dictionary


def _categories(parts: Iterable[pa.StringArray]) -> Iterator[pd.Categorical]:
    """Yield strings as categories, part by part: those of all parts, in order."""
    numbers, names = _numbered(parts)
    order = pc.sort_indices(names).to_numpy()
    names = names.take(order).to_pylist()
    return (pd.Categorical.from_codes(np.argsort(order)[part], names) for part in numbers)


def _placed(spans: pa.ListArray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return start, end and length of mentions, and their fragments: mention, start, end."""
    start, end = _bounds(spans)
    counts = pc.list_value_length(spans).to_numpy()
    after = np.cumsum(counts)
    first = after - counts
    covered = np.append(0, np.cumsum(end - start))
    frame = {"start": start[first], "end": end[after - 1]}
    frame["length"] = covered[after] - covered[first]
    fragments = {"mention": np.repeat(np.arange(len(spans)), counts), "start": start, "end": end}
    return pd.DataFrame(frame), pd.DataFrame(fragments)


def _inner(spans: pa.ListArray) -> pa.StringArray:
    """Return the boundaries of each mention between its first and its last one, as a string."""
    bounds = np.stack(_bounds(spans), axis=1)
    counts = pc.list_value_length(spans).to_numpy()
    after, inner = np.cumsum(counts), np.full(len(spans), "", object)
    for n in np.flatnonzero(counts > 1):
        inner[n] = " ".join(map(str, bounds[after[n] - counts[n] : after[n]].ravel()[1:-1]))
    return pa.array(inner, pa.string())


def _bounds(spans: pa.ListArray) -> tuple[Ints, Ints]:
    """Return the starts and the ends of all fragments."""
    parts = pc.list_flatten(spans)
    start, end = (
        pc.struct_field(parts, name).to_numpy().astype(np.int64) for name in ("start", "end")
    )
    return start, end


def _confidence(flat: pa.StructArray) -> np.ndarray:
    if flat.type.get_field_index("confidence") < 0:
        return np.full(len(flat), np.nan)
    values = pc.cast(pc.struct_field(flat, "confidence"), pa.float64())
    return pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False)


def _unique(frame: pd.DataFrame, fragments: pd.DataFrame, texts: pa.StringArray) -> Mentions:
    fragments["sentence"] = frame["sentence"].to_numpy()[fragments["mention"]]
    keep = ~repeated(frame, STRICT)
    if not keep.all():
        place = np.cumsum(keep) - 1
        fragments = fragments[keep[fragments["mention"]]].reset_index(drop=True)
        fragments["mention"] = place[fragments["mention"]]
        frame = frame[keep].reset_index(drop=True)
    return Mentions(frame, fragments, texts)


def read_sample(
    predictions: str | Path, gold: str | Path, split: str = "test", corpus: str | None = None
) -> Sample:
    """Read a run's predictions and the gold of the sentences that it answered.

    `gold` is the folder that holds {corpus}/{split}.parquet; with `corpus`, only its sentences are
    read. The predicted ids are the test sample: the same for every format of a corpus, each once a
    format, each in gold (else a UserError).
    """
    columns = ["corpus", "format", "id", "entities", "problems"]
    chosen = None if corpus is None else pc.field("corpus") == corpus
    table = pq.read_table(verified(predictions), columns=columns, filters=chosen)
    sentences = table.select(columns[:3]).to_pandas()
    truth, place = _gold_of(sentences, Path(gold), split, predictions)
    _check(sentences.assign(row=place), predictions)
    truth = truth.take(pa.array(place))
    sentences["document"] = truth["doc_id"].to_pandas()
    sentences["text"] = truth["text"].to_pandas()
    entities = (one["entities"].combine_chunks() for one in (truth, table))
    expected, found = read_mentions(*entities)
    problems = _problems(table["problems"].combine_chunks(), found, len(sentences))
    return Sample(sentences.join(problems), expected, found)


def _gold_of(
    sentences: pd.DataFrame, folder: Path, split: str, source: str | Path
) -> tuple[pa.Table, Ints]:
    """Return the split's sentences of all corpora, and the row of each predicted one there."""
    tables, begun, place = [], 0, np.zeros(len(sentences), np.int64)
    for corpus, rows in sentences.groupby("corpus", sort=False).indices.items():
        path = folder / str(corpus) / f"{split}.parquet"
        if not path.is_file():
            raise UserError(f"{path} is not there: make the corpus '{corpus}' first.")
        table = pq.read_table(verified(path), columns=GOLD)
        ids = pa.array(sentences["id"].iloc[rows])
        found = pc.index_in(ids, value_set=table["id"].combine_chunks())
        if found.null_count:
            raise UserError(
                f"{source}: {found.null_count} predicted ids are not in gold, such as "
                f"'{ids.filter(found.is_null())[0]}' of {corpus}: predict again with the corpus "
                f"of {folder}."
            )
        place[rows] = found.to_numpy() + begun
        begun += len(table)
        tables.append(table)
    if not tables:
        raise UserError("No sentence was predicted: nothing can be scored.")
    return pa.concat_tables(tables, promote_options="permissive"), place


def _check(sentences: pd.DataFrame, source: str | Path) -> None:
    """Refuse a sentence that is predicted twice, and formats of different samples."""
    twice = sentences[sentences.duplicated(["format", "row"])]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(
            f"{source}: '{row['id']}' of {row['corpus']} is predicted twice as {row['format']}: "
            "remove the file and predict again."
        )
    for corpus, rows in sentences.groupby("corpus"):
        sizes = rows.groupby("format").size()
        ids = rows["row"].nunique()
        if (sizes != ids).any():
            raise UserError(
                f"{source}: the formats of {corpus} were tested on different sentences "
                f"({sizes.to_dict()} of {ids}): predict all on the same sample."
            )


def _problems(column: pa.ListArray, predicted: Mentions, rows: int) -> pd.DataFrame:
    """Count problems by kind a sentence, and whether its answer was unusable as a whole."""
    kinds = pd.DataFrame(
        {
            "sentence": pc.list_parent_indices(column).to_numpy(),
            "kind": pc.struct_field(pc.list_flatten(column), "kind").to_pandas(),
        }
    )
    counts = pd.crosstab(kinds["sentence"], kinds["kind"]).reindex(range(rows), fill_value=0)
    counts = counts.reindex(columns=list(PROBLEMS), fill_value=0)
    empty = ~among(predicted.frame["sentence"], rows)
    return counts.assign(unparsable=(empty & (counts["malformed"] > 0)).astype(int))
