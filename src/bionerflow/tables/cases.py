"""Fills the table of cases: what runs found in single sentences (unified, Table VIII)."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.evaluate.match import STRICT, hits, overlaps
from bionerflow.evaluate.mentions import read_sample
from bionerflow.tables.define import Definition
from bionerflow.tables.fill import Number

SENTENCE, GOLD, NONE = "sentence", "GS", "None"
#: What makes a gold mention the same one in all runs.
IDENTITY = ["id", "type", "spans"]


def cases(definition: Definition, predictions: Mapping[str, Path], gold: Path) -> list[Number]:
    """Return what stands in each cell: the sentence, the gold mention, what a set found there.

    Each set shows its first draw. The paper's mentions are looked for in the test sample by their
    text, those of one example in one sentence. Below them stand two cases of our own: the first
    mention (by the sentence's id) that the last set finds exactly and the first set does not, and
    the first that no set finds.
    """
    sets = {cell.column: next(iter(cell.models.values()), [""])[0] for cell in definition.cells}
    corpora = definition.cells[0].corpora
    found = {
        column: _found(predictions[id], gold, corpora)
        for column, id in sets.items()
        if id in predictions
    }
    mentions = _joined(found)
    chosen = _printed(definition.mentions, mentions) | _own(mentions, list(found))
    numbers = []
    for row in definition.rows:
        for column in definition.columns:
            number: Number = {"row": row, "column": column, "source": "measured", "metric": "case"}
            number |= {"corpora": " ".join(corpora), "runs": sets.get(column, "")}
            if row not in chosen:
                number["reason"] = "no sentence that was tested on has it"
            elif column not in mentions:
                number["reason"] = "the experiment has no such run"
            else:
                number["text"] = mentions[column][chosen[row]]
            numbers.append(number)
    return numbers


def _found(path: Path, gold: Path, corpora: Sequence[str]) -> pd.DataFrame:
    """Return the gold mentions in a set's first format: what overlaps each, and whether it is it.

    Columns: the mention's identity, the sentence's text, the mention's text, `right`, `answer`.
    """
    sample = read_sample(path, gold)
    frame, predicted = sample.gold.frame, sample.predicted.frame
    pairs = overlaps(sample.predicted, sample.gold)
    words = (predicted["text"] + " (" + predicted["type"].astype(str) + ")")[pairs["left"]]
    answers = words.groupby(pairs["right"].to_numpy()).agg("; ".join)
    frame = frame.assign(
        right=hits(frame, predicted, STRICT), answer=answers.reindex(frame.index).fillna(NONE)
    )
    sentences = sample.sentences[sample.sentences["corpus"].isin(corpora)]
    first = sentences["format"].min()
    inside = sentences.loc[sentences["format"] == first, ["id", "text"]]
    inside = inside.rename(columns={"text": SENTENCE})
    return frame.merge(inside, left_on="sentence", right_index=True, suffixes=("_row", ""))


def _joined(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the mentions that all sets were tested on: SENTENCE, GOLD, `text`, a column a set.

    The index counts them in the order of ids; (set, "right") says whether a set found it exactly.
    """
    if not found:
        return pd.DataFrame()
    frames: list[Any] = [
        frame.set_index(IDENTITY)[["answer", "right"]].set_axis([name, (name, "right")], axis=1)
        for name, frame in found.items()
    ]
    base = next(iter(found.values())).set_index(IDENTITY)[[SENTENCE, "text"]]
    base[GOLD] = base["text"] + " (" + base.index.get_level_values("type").astype(str) + ")"
    joined = base.join(frames, how="inner")
    return joined.sort_index(level="id", kind="stable").reset_index()


def _printed(printed: Mapping[str, str], mentions: pd.DataFrame) -> dict[str, int]:
    """Return the places of the paper's mentions, where one sentence has all of an example's."""
    if mentions.empty:
        return {}
    low, places = mentions["text"].str.casefold(), dict[str, int]()
    for _, group in groupby(printed, key=lambda row: row.partition(" ")[0]):
        wanted = {row: printed[row].casefold() for row in group}
        there = low[low.isin(wanted.values())]
        ids = mentions["id"].reindex(there.index)
        whole = there.groupby(ids).nunique() == len(set(wanted.values()))
        for id in whole.index[whole][:1]:
            first = {text: place for place, text in reversed(list(there[ids == id].items()))}
            places |= {row: first[text] for row, text in wanted.items()}
    return places


def _own(mentions: pd.DataFrame, sets: list[str]) -> dict[str, int]:
    """Return the places of the first mention that was gained, and of the first that all missed."""
    if len(sets) < 2 or mentions.empty:
        return {}
    right = mentions[[(name, "right") for name in sets]].to_numpy(bool)
    kinds = {"Own 1": right[:, -1] & ~right[:, 0], "Own 2": ~right.any(axis=1)}
    return {row: int(mask.argmax()) for row, mask in kinds.items() if mask.any()}
