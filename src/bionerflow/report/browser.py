"""Sentences for the error browser: gold and predicted mentions with what became of each."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.evaluate.mentions import Mentions, read_sample
from bionerflow.evaluate.scores import judge


def sentences(predictions: Iterable[Path], gold: Path, limit: int) -> list[dict[str, Any]]:
    """Return at most `limit` sentences, evenly from all files in their order, errors first.

    A sentence: run, corpus, format, id, text, and mentions [status, type, [[start, end], ...]],
    where the status is correct, inexact (gold that a prediction only overlaps) or an error class.
    """
    paths = list(predictions)
    share = limit // max(1, len(paths))
    return [sentence for path in paths for sentence in _of(path, gold, share)]


def _of(path: Path, gold: Path, limit: int) -> Iterator[dict[str, Any]]:
    sample = judge(read_sample(path, gold), frequencies={})
    wrong = set(sample.predicted.frame.query("error != ''")["sentence"])
    wrong |= set(sample.gold.frame.query("not correct")["sentence"])
    order = list(sample.sentences.index)
    random.Random(f"0:{path.stem}").shuffle(order)
    chosen = sorted(order, key=lambda sentence: sentence not in wrong)[:limit]
    chosen.sort(key=lambda sentence: (sentence not in wrong, sentence))
    gold_mentions = _mentions(sample.gold, chosen, {"": "inexact"})
    found = _mentions(sample.predicted, chosen, {})
    for sentence in chosen:
        row = sample.sentences.loc[sentence]
        mentions = gold_mentions.get(sentence, [])
        mentions = mentions + [m for m in found.get(sentence, []) if m[0] != "correct"]
        yield {
            "run": path.stem,
            **{key: row[key] for key in ("corpus", "format", "id", "text")},
            "mentions": sorted(mentions, key=lambda mention: mention[2]),
        }


def _mentions(mentions: Mentions, chosen: list[int], names: dict[str, str]) -> dict[int, list]:
    """Return the mentions of the chosen sentences as [status, type, spans] by sentence."""
    frame = mentions.frame[mentions.frame["sentence"].isin(chosen)]
    status = frame["error"].astype(str).replace(names).where(~frame["correct"], "correct")
    spans = _spans(mentions.fragments[mentions.fragments["sentence"].isin(chosen)])
    found: dict[int, list] = {}
    for mention, sentence, one, type in zip(
        frame.index, frame["sentence"], status, frame["type"], strict=True
    ):
        found.setdefault(sentence, []).append([one, type, spans[mention]])
    return found


def _spans(fragments: pd.DataFrame) -> dict[int, list[list[int]]]:
    """Return the spans of each mention."""
    spans: dict[int, list[list[int]]] = {}
    for mention, start, end in fragments[["mention", "start", "end"]].to_numpy().tolist():
        spans.setdefault(mention, []).append([start, end])
    return spans
