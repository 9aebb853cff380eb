"""Predictions and gold as flat frames: one row a sentence, one row a mention, one row a fragment.

Everything is read by column, so that a million mentions are a matter of seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bionerflow.errors import UserError

STRINGS = ("type", "spans", "text")


@dataclass(frozen=True)
class Mentions:
    """The mentions of a set of sentences.

    `frame`: sentence (row number of the sentence), type, spans (such as "3-9;12-15"), text,
    confidence (NaN where none was recorded), and length (characters). `fragments`: mention (row
    number in `frame`), sentence, start, end.
    """

    frame: pd.DataFrame
    fragments: pd.DataFrame

    @classmethod
    def read(cls, column: pa.ChunkedArray | pa.Array) -> "Mentions":
        """Read a column of lists of entities, one list a sentence; duplicates count once."""
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        flat = pc.list_flatten(column)
        spans = pc.struct_field(flat, "spans")
        inner = pc.list_flatten(spans)
        fragments = pd.DataFrame(
            {
                "mention": pc.list_parent_indices(spans).to_numpy(),
                "start": pc.struct_field(inner, "start").to_numpy(zero_copy_only=False),
                "end": pc.struct_field(inner, "end").to_numpy(zero_copy_only=False),
            }
        )
        frame = pd.DataFrame(
            {
                "sentence": pc.list_parent_indices(column).to_numpy(),
                "type": pc.struct_field(flat, "type").to_pandas().astype("category"),
                "spans": _span_keys(spans, inner),
                "text": pc.struct_field(flat, "text").to_pandas(),
                "confidence": _confidence(flat),
            }
        )
        return cls._unique(frame, fragments)

    @classmethod
    def _unique(cls, frame: pd.DataFrame, fragments: pd.DataFrame) -> "Mentions":
        length = (fragments["end"] - fragments["start"]).groupby(fragments["mention"]).sum()
        frame["length"] = length.reindex(frame.index, fill_value=0)
        fragments["sentence"] = frame["sentence"].to_numpy()[fragments["mention"]]
        keep = ~frame.duplicated(["sentence", "type", "spans"]).to_numpy()
        place = np.cumsum(keep) - 1
        fragments = fragments[keep[fragments["mention"]]].copy()
        fragments["mention"] = place[fragments["mention"]]
        return cls(frame[keep].reset_index(drop=True), fragments.reset_index(drop=True))

    def outline(self) -> pd.DataFrame:
        """Return the start and the end of each mention, a discontinuous one with its gap."""
        return self.fragments.groupby("mention").agg(start=("start", "min"), end=("end", "max"))


@dataclass(frozen=True)
class Sample:
    """What is scored: `sentences` has corpus, format, id, document, text and counts of problems."""

    sentences: pd.DataFrame
    gold: Mentions
    predicted: Mentions


def _confidence(flat: pa.StructArray) -> np.ndarray:
    if flat.type.get_field_index("confidence") < 0:
        return np.full(len(flat), np.nan)
    values = pc.cast(pc.struct_field(flat, "confidence"), pa.float64())
    return pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False)


def _span_keys(spans: pa.ListArray, inner: pa.StructArray) -> pd.Series:
    """Write each mention's spans as one string, so that equal spans are equal keys."""
    start, end = (pc.cast(pc.struct_field(inner, name), pa.string()) for name in ("start", "end"))
    lengths = pc.list_value_length(spans).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    pieces = pa.ListArray.from_arrays(offsets, pc.binary_join_element_wise(start, end, "-"))
    return pc.binary_join(pieces, ";").to_pandas()


def read_sample(predictions: str | Path, gold: str | Path) -> Sample:
    """Read a run's predictions and the gold of the sentences that it answered.

    `gold` is the folder that holds {corpus}/test.parquet. The predicted ids are the test sample:
    the same for every format of a corpus, each once a format, each in gold (else a UserError).
    """
    columns = ["corpus", "format", "id", "entities", "problems"]
    table = pq.read_table(predictions, columns=columns)
    sentences = table.select(columns[:3]).to_pandas()
    _check_ids(sentences, predictions)
    truth = _gold_of(sentences["corpus"].unique(), Path(gold))
    place = truth.index.get_indexer(pd.MultiIndex.from_frame(sentences[["corpus", "id"]]))
    if (place < 0).any():
        row = sentences[place < 0].iloc[0]
        raise UserError(
            f"{predictions}: {(place < 0).sum()} predicted ids are not in gold, such as "
            f"'{row['id']}' of {row['corpus']}: predict again with the corpus of {gold}."
        )
    truth = truth.iloc[place]
    sentences["document"] = truth["doc_id"].to_numpy()
    sentences["text"] = truth["text"].to_numpy()
    entities = pa.concat_arrays(truth.attrs["entities"]).take(pa.array(truth["row"].to_numpy()))
    predicted = Mentions.read(table["entities"])
    sentences = sentences.join(
        _problems(table["problems"].combine_chunks(), predicted, len(sentences))
    )
    return Sample(sentences, Mentions.read(entities), predicted)


def _check_ids(sentences: pd.DataFrame, source: str | Path) -> None:
    twice = sentences[sentences.duplicated()]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(
            f"{source}: '{row['id']}' of {row['corpus']} is predicted twice as {row['format']}: "
            "remove the file and predict again."
        )
    for corpus, rows in sentences.groupby("corpus"):
        sizes = rows.groupby("format").size()
        ids = rows["id"].nunique()
        if (sizes != ids).any():
            raise UserError(
                f"{source}: the formats of {corpus} were tested on different sentences "
                f"({sizes.to_dict()} of {ids}): predict all on the same sample."
            )


def _gold_of(corpora: Iterable[str], folder: Path) -> pd.DataFrame:
    """Return doc_id, text and row (in attrs["entities"]) of all test sentences by corpus and id."""
    frames, entities = [], []
    for corpus in corpora:
        path = folder / corpus / "test.parquet"
        if not path.is_file():
            raise UserError(f"{path} is not there: make the corpus '{corpus}' first.")
        table = pq.read_table(path, columns=["id", "doc_id", "text", "entities"])
        frames.append(table.select(["id", "doc_id", "text"]).to_pandas().assign(corpus=corpus))
        entities.append(table["entities"].combine_chunks())
    truth = pd.concat(frames, ignore_index=True) if frames else _no_gold()
    truth["row"] = np.arange(len(truth))
    truth = truth.set_index(["corpus", "id"])
    truth.attrs["entities"] = entities
    return truth


def _no_gold() -> pd.DataFrame:
    raise UserError("No sentence was predicted: nothing can be scored.")


def _problems(column: pa.ListArray, predicted: Mentions, rows: int) -> pd.DataFrame:
    """Count problems by kind a sentence, and whether its answer was unusable as a whole."""
    kinds = pd.DataFrame(
        {
            "sentence": pc.list_parent_indices(column).to_numpy(),
            "kind": pc.struct_field(pc.list_flatten(column), "kind").to_pandas(),
        }
    )
    counts = pd.crosstab(kinds["sentence"], kinds["kind"]).reindex(range(rows), fill_value=0)
    names = ["malformed", "unknown_type", "not_in_text", "ambiguous", "truncated"]
    counts = counts.reindex(columns=names, fill_value=0)
    empty = ~np.isin(np.arange(rows), predicted.frame["sentence"])
    counts.insert(0, "unparsable", (empty & (counts["malformed"] > 0)).astype(int))
    return counts


def comparable(*sides: Mentions) -> Iterator[Mentions]:
    """Yield copies with strings as categories of all sides together, which compare as numbers."""
    both = pd.concat([side.frame for side in sides], ignore_index=True)
    both = both.astype(dict.fromkeys(STRINGS, "category"))
    begun = 0
    for side in sides:
        frame = both.iloc[begun : begun + len(side.frame)].reset_index(drop=True)
        yield Mentions(frame, side.fragments)
        begun += len(frame)
