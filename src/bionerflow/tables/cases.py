"""Fills the table of cases: what runs found in single sentences (unified, Table VIII)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.evaluate.keys import SPANS, STRICT, hits
from bionerflow.evaluate.match import overlaps
from bionerflow.evaluate.mentions import read_sample
from bionerflow.tables.define import GOLD, OWN, SENTENCE, Definition, entity
from bionerflow.tables.fill import Number

NONE = "None"
#: What makes a gold mention the same one in all runs.
IDENTITY = ["id", "type", *SPANS]
#: An example, and which of its mentions.
Place = tuple[str, int]


def cases(definition: Definition, predictions: Mapping[str, Path], gold: Path) -> list[Number]:
    """Return what stands in each cell: the sentence, the gold mention, what a set found there.

    Each set shows its first draw. The paper's mentions are looked for in the test sample by their
    text, those of one example in one sentence. Below them stand two cases of our own: the first
    mention (by the sentence's id) that the last set finds exactly and the first set does not, and
    the first that no set finds.
    """
    sets, corpora = _sets(definition), definition.cells[0].corpora
    found = {
        line: _found(predictions[id], gold, corpora)
        for line, id in sets.items()
        if id in predictions
    }
    mentions = _joined(found)
    chosen = _printed(definition.mentions, mentions) | _own(mentions, list(found))
    places = [
        (example, n) for example, texts in definition.mentions.items() for n in range(len(texts))
    ]
    return [
        _number(place, line, sets.get(line, ""), mentions, chosen) | {"corpora": " ".join(corpora)}
        for place in [*places, *((own, 0) for own in OWN)]
        for line in (SENTENCE, GOLD, *sets)
        if line != SENTENCE or place[1] == 0
    ]


def _sets(definition: Definition) -> dict[str, str]:
    """Return the prediction set that each line of an example shows: its first draw."""
    example = f"{next(iter(definition.mentions))} "
    return {
        cell.row.removeprefix(example): next(iter(cell.models.values()), [""])[0]
        for cell in definition.cells
        if cell.row.startswith(example)
    }


def _number(
    place: Place, line: str, run: str, mentions: pd.DataFrame, chosen: Mapping[Place, int]
) -> Number:
    example, n = place
    number: Number = {"row": f"{example} {line}", "column": entity(n), "source": "measured"}
    number |= {"metric": "case", "runs": run}
    if place not in chosen:
        return number | {"reason": "no sentence that was tested on has it"}
    if line not in mentions:
        return number | {"reason": "the experiment has no such run"}
    return number | {"text": mentions[line][chosen[place]]}


def _found(path: Path, gold: Path, corpora: Sequence[str]) -> pd.DataFrame:
    """Return the gold mentions in a set's first format: what overlaps each, and whether it is it.

    Columns: the mention's identity, the sentence's text, the mention's text, `right`, `answer`.
    """
    sample = read_sample(path, gold)
    frame, predicted = sample.gold.frame, sample.predicted.frame
    pairs = overlaps(sample.predicted, sample.gold)
    words = sample.predicted.strings() + " (" + predicted["type"].astype(str) + ")"
    answers = words[pairs["left"]].groupby(pairs["right"].to_numpy()).agg("; ".join)
    frame = frame.assign(
        right=hits(frame, predicted, STRICT), answer=answers.reindex(frame.index).fillna(NONE)
    )
    frame = frame.astype({"type": str, "inner": str}).assign(text=sample.gold.strings())
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
    base[GOLD] = base["text"] + " (" + base.index.get_level_values("type") + ")"
    joined = base.join(frames, how="inner")
    return joined.sort_index(level="id", kind="stable").reset_index()


def _printed(examples: Mapping[str, Sequence[str]], mentions: pd.DataFrame) -> dict[Place, int]:
    """Return the rows of the paper's mentions, where one sentence has all of an example's."""
    if mentions.empty:
        return {}
    low, places = mentions["text"].str.casefold(), dict[Place, int]()
    for example, texts in examples.items():
        wanted = [text.casefold() for text in texts]
        there = low[low.isin(wanted)]
        ids = mentions["id"].reindex(there.index)
        whole = there.groupby(ids).nunique() == len(set(wanted))
        for id in whole.index[whole][:1]:
            first = {text: place for place, text in reversed(list(there[ids == id].items()))}
            places |= {(example, n): first[text] for n, text in enumerate(wanted)}
    return places


def _own(mentions: pd.DataFrame, sets: list[str]) -> dict[Place, int]:
    """Return the rows of the first mention that was gained, and of the first that all missed."""
    if len(sets) < 2 or mentions.empty:
        return {}
    right = mentions[[(name, "right") for name in sets]].to_numpy(bool)
    kinds = dict(zip(OWN, (right[:, -1] & ~right[:, 0], ~right.any(axis=1)), strict=True))
    return {(row, 0): int(mask.argmax()) for row, mask in kinds.items() if mask.any()}
