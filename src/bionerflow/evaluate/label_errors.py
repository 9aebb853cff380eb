"""Gold mentions that several systems contradict: a list for review, the most doubtful first.

A system contradicts a gold mention where it does not find it exactly. It does so with the
confidence of what it found in its place or, where it found nothing there, with the share of gold
mentions of that type that it does find. What several systems found where gold has nothing may be a
mention that was missed, and is listed, too. The score is the mean over systems; one that agrees
with gold counts zero. Systems are models or configurations: the draws and formats of one are
averaged first, so that no system has more than one voice.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bionerflow.evaluate.keys import SPANS, STRICT, among, hits
from bionerflow.evaluate.match import overlaps
from bionerflow.evaluate.mentions import Mentions, Sample, read_sample
from bionerflow.utils.errors import UserError

KEY = ["id", "type", *SPANS]
ALTERNATIVE = ["suggested", "suggested_type", "suggested_text"]
COLUMNS = [
    "rank", "score", "kind", "id", "document", "type", "spans", "text", "suggested",
    "suggested_type", "suggested_text", "contradicting", "systems", "sentence",
]  # fmt: skip
#: Systems that must contradict a mention.
SEVERAL = 2


def label_errors(
    systems: Mapping[str, Sequence[str | Path]], gold: str | Path, corpus: str
) -> pd.DataFrame:
    """Return the mentions of a corpus's test set that at least two systems contradict.

    `systems` has the prediction files of each system's draws, `gold` the folder of
    {corpus}/test.parquet. A row (COLUMNS): `kind` is type, boundary, not_found (no system found
    anything there) or not_annotated (gold has nothing there); `spans`, such as "6-10 12-19", are in
    the sentence; `suggested` are those of the mention that was found in its place with most
    evidence; `contradicting` of `systems` that were asked.

    Raises:
        UserError: fewer than two systems.
    """
    if len(systems) < SEVERAL:
        raise UserError(
            f"Label errors of {corpus} need predictions of two systems or more: there are "
            f"{len(systems)}."
        )
    read = [
        _evidence(read_sample(path, gold, corpus=corpus)).assign(system=name)
        for name, paths in systems.items()
        for path in paths
    ]
    every = pd.concat(read, ignore_index=True)
    return _listed(every, _asked(every))


def _evidence(sample: Sample) -> pd.DataFrame:
    """Return the evidence of a prediction file: a row per gold mention, and per mention without.

    Each sentence has a row without any mention, too, which says that it was asked for.
    """
    gold, predicted = sample.gold, sample.predicted
    right = hits(predicted.frame, gold.frame, STRICT)
    confidence = predicted.frame["confidence"].fillna(right.mean() if len(right) else 0).to_numpy()
    doubts = _doubts(sample, right, confidence)
    touched = among(overlaps(predicted, gold)["left"], len(predicted.frame))
    extra = _rows(predicted, ~touched).assign(evidence=confidence[~touched], gold=False)
    asked = pd.DataFrame({"sentence": sample.sentences.index})
    rows = pd.concat([doubts, extra, asked], ignore_index=True)
    names = sample.sentences[["id", "document", "format", "text"]].rename(
        columns={"text": "sentence_text"}
    )
    return rows.join(names, on="sentence")


def _doubts(sample: Sample, right: np.ndarray, confidence: np.ndarray) -> pd.DataFrame:
    """Return the rows of gold mentions, with the evidence against each and what was found there."""
    gold, predicted = sample.gold, sample.predicted
    found = hits(gold.frame, predicted.frame, STRICT)
    recall = pd.Series(found).groupby(gold.frame["type"].astype(str).to_numpy()).transform("mean")
    rows = _rows(gold, np.ones(len(found), bool)).assign(gold=True)
    evidence = np.where(found, 0.0, recall)
    pairs = overlaps(gold, predicted)
    pairs = pairs[~right[pairs["right"]] & ~found[pairs["left"]]]
    pairs = pairs.assign(confidence=confidence[pairs["right"]])
    best = pairs.sort_values(["left", "confidence", "shared"]).drop_duplicates("left", keep="last")
    evidence[best["left"]] = best["confidence"]
    other = _rows(predicted, np.ones(len(right), bool)).iloc[best["right"]]
    instead = pd.DataFrame(
        {
            "suggested": other["spans"].to_numpy(),
            "suggested_type": other["type"].to_numpy(),
            "suggested_text": other["text"].to_numpy(),
        },
        index=best["left"].to_numpy(),
    )
    return rows.assign(evidence=evidence).join(instead)


def _rows(mentions: Mentions, chosen: np.ndarray) -> pd.DataFrame:
    """Return mentions as plain columns, numbered anew."""
    frame = mentions.frame[["sentence", "type", *SPANS]].astype({"type": str, "inner": str})
    told = frame.assign(text=mentions.strings().to_numpy(), spans=_spans(mentions))
    return told[chosen].reset_index(drop=True)


def _spans(mentions: Mentions) -> np.ndarray:
    """Return the spans of each mention in words, such as "6-10 12-19"."""
    fragments = mentions.fragments
    words = fragments["start"].astype(str) + "-" + fragments["end"].astype(str)
    joined = words.groupby(fragments["mention"]).agg(" ".join)
    return joined.reindex(range(len(mentions.frame))).to_numpy(object)


def _asked(every: pd.DataFrame) -> pd.DataFrame:
    """Return how many answers (draws, formats) each system gave to each sentence."""
    asked = every[every["type"].isna()]
    return asked.groupby(["id", "system"]).size().rename("answers").reset_index()


def _listed(every: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """Average within systems, then over the systems that answered the sentence; the list."""
    rows = every[every["type"].notna()]
    voices = rows.groupby([*KEY, "system"])["evidence"].sum().reset_index()
    voices = voices.merge(asked, on=["id", "system"])
    voices["evidence"] /= voices["answers"]
    votes = voices.assign(contradicting=voices["evidence"] > 0).groupby(KEY)
    scores = votes[["evidence", "contradicting"]].sum().reset_index()
    systems = asked.groupby("id").size().rename("systems")
    scores = scores.join(systems, on="id")
    scores["score"] = (scores["evidence"] / scores["systems"]).round(6)
    scores = scores[scores["contradicting"] >= SEVERAL]
    told = rows.drop_duplicates(KEY)[[*KEY, "gold", "document", "text", "spans", "sentence_text"]]
    listed = scores.merge(told, on=KEY).merge(_instead(rows), on=KEY, how="left")
    listed["kind"] = _kinds(listed)
    order = ["score", "contradicting", "id", "start", "end", "type"]
    listed = listed.sort_values(order, ascending=[False, False, True, True, True, True])
    listed["rank"] = range(1, len(listed) + 1)
    return listed.rename(columns={"sentence_text": "sentence"})[COLUMNS].reset_index(drop=True)


def _instead(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of each gold mention what was found in its place with most evidence in all."""
    found = rows[rows["suggested"].notna()]
    sums = found.groupby([*KEY, *ALTERNATIVE])["evidence"].sum().reset_index()
    order = sums.sort_values([*KEY, "evidence", *ALTERNATIVE], kind="stable")
    return order.drop_duplicates(KEY, keep="last").drop(columns="evidence")


def _kinds(listed: pd.DataFrame) -> np.ndarray:
    same = listed["suggested"] == listed["spans"]
    conditions = [~listed["gold"].astype(bool), listed["suggested"].isna(), same]
    return np.select(conditions, ["not_annotated", "not_found", "type"], "boundary")
