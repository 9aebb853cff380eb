"""One record of scores for each corpus and format, each corpus, each format, and all together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bionerflow.data.schema import verified
from bionerflow.evaluate import abstention, calibration, conventions, match, semeval
from bionerflow.evaluate.concepts import seen, training_concepts
from bionerflow.evaluate.deviation import deviations
from bionerflow.evaluate.document_level import document_level, macro
from bionerflow.evaluate.keys import STRICT, SURFACE, hits, repeated
from bionerflow.evaluate.mentions import PROBLEMS, Mentions, Sample, read_sample
from bionerflow.evaluate.statistics import interval, prf, relaxed_prf
from bionerflow.evaluate.strata import strata
from bionerflow.evaluate.tokens import Tokens

FAR = 5
SEEN = ("seen", "unseen")
COUNTS = ("correct", "gold", "predicted")
PLACE = ("sentence", "start", "end")


def evaluate(predictions: str | Path, gold: str | Path, train: str | Path) -> dict[str, Any]:
    """Score a run's predictions (Parquet) against the gold folder (docs/evaluation.md).

    `train` is the run's training file: it says which mention strings and concepts were seen.
    Returns what results/evaluate/{predictions}.json holds: `scores`, where a null corpus or format
    is pooled.
    """
    frequencies, concepts = training_frequencies(train), training_concepts(train, gold)
    sample = judge(read_sample(predictions, gold), frequencies, concepts)
    return {"predictions": Path(predictions).stem, "scores": list(records(sample))}


def training_frequencies(train: str | Path) -> dict[str, int]:
    """Return how often each lower-cased mention string stands in a training file."""
    column = pq.read_table(verified(train), columns=["entities"])["entities"]
    counts = pc.value_counts(pc.struct_field(pc.list_flatten(column), "text"))
    found: Counter[str] = Counter()
    for count in counts.to_pylist():
        found[count["values"].lower()] += count["counts"]
    return dict(found)


def judge(
    sample: Sample, frequencies: Mapping[str, int], concepts: frozenset[str] = frozenset()
) -> Sample:
    """Mark every mention: correct, surface (its string counts as correct), kind, error.

    Gold mentions are marked with what recall is split by, too: seen, frequency (of the string in
    training, `frequencies`), concept (whether it is one of training's, `concepts`), tokens and
    depth. Sentences get the other conventions' counts.
    """
    gold, predicted = sample.gold, sample.predicted
    for one, other in ((gold, predicted), (predicted, gold)):
        one.frame["correct"] = hits(one.frame, other.frame, STRICT)
        one.frame["first"] = ~repeated(one.frame, SURFACE)
        one.frame["surface"] = hits(one.frame, other.frame, SURFACE)
        one.frame["kind"] = match.kinds(one)
    pairs = match.overlaps(predicted, gold)
    gold.frame["relaxed"], predicted.frame["relaxed"] = match.relaxed(gold, predicted, pairs)
    gold.frame["error"], predicted.frame["error"] = match.error_classes(gold, predicted, pairs)
    tokens = Tokens(sample.sentences["text"].to_numpy(object))
    found = deviations(gold, predicted, pairs, tokens)
    predicted.frame["deviation"], predicted.frame["shift"] = found["deviation"], found["shift"]
    times = [frequencies.get(text.lower(), 0) for text in gold.texts.to_pylist()]
    gold.frame["frequency"] = np.array(times, np.int64)[gold.frame["text"]]
    gold.frame["seen"] = gold.frame["frequency"] > 0
    if "identifiers" in gold.frame:
        gold.frame["concept"] = seen(gold.frame["identifiers"], concepts)
    gold.frame["depth"] = match.depths(gold)
    gold.frame["tokens"] = tokens.within(*(gold.frame[n].to_numpy() for n in PLACE))
    return Sample(sample.sentences.join(_conventions(sample, pairs, tokens)), gold, predicted)


def _conventions(sample: Sample, pairs: pd.DataFrame, tokens: Tokens) -> pd.DataFrame:
    """Return each convention's counts per sentence, in columns (convention, count)."""
    gold, predicted, size = sample.gold, sample.predicted, len(sample.sentences)
    counts: dict[str, np.ndarray] = dict(conventions.counts(gold, predicted, size))
    counts |= semeval.counts(gold, predicted, pairs, size)
    counts["seqeval"] = conventions.seqeval(gold, predicted, tokens, size)
    names = [f"{name}.{count}" for name in counts for count in COUNTS]
    return pd.DataFrame(np.hstack(list(counts.values())), columns=names)


def records(sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield the records of a judged sample, the finest first; pooling adds counts up.

    Groups of the same sentences, such as a corpus and its only format, are scored once.
    """
    known: dict[bytes, dict[str, Any]] = {}
    for keys in (["corpus", "format"], ["corpus"], ["format"], []):
        groups: Iterable[tuple[Any, pd.DataFrame]] = [((), sample.sentences)]
        if keys:
            groups = sample.sentences.groupby(keys, sort=True)
        for values, sentences in groups:
            name = dict.fromkeys(("corpus", "format")) | dict(zip(keys, values, strict=True))
            rows = sentences.index.to_numpy().tobytes()
            if rows not in known:
                known[rows] = record(_part(sample, sentences))
            yield name | known[rows]


def _part(sample: Sample, sentences: pd.DataFrame) -> Sample:
    """Return the part of a sample that belongs to some of its sentences."""
    frames = []
    for mentions in (sample.gold, sample.predicted):
        inside = np.zeros(len(sample.sentences), bool)
        inside[sentences.index] = True
        chosen = mentions.frame[inside[mentions.frame["sentence"]]]
        frames.append(Mentions(chosen, mentions.fragments, mentions.texts))
    return Sample(sentences, *frames)


def record(sample: Sample) -> dict[str, Any]:
    """Return all scores of a judged sample."""
    gold, predicted = sample.gold.frame, sample.predicted.frame
    return {
        "n": {
            "sentences": len(sample.sentences),
            "documents": sample.sentences.groupby(["corpus", "document"]).ngroups,
            "gold": len(gold),
            "predicted": len(predicted),
            "correct": int(gold["correct"].sum()),
        },
        "strict": with_interval(document_counts(sample)),
        "surface": scored(
            (gold["surface"] & gold["first"]).sum(), gold["first"].sum(), predicted["first"].sum()
        ),
        "relaxed": _relaxed(gold, predicted),
        "conventions": _other_conventions(sample),
        "types": _types(gold, predicted),
        "kinds": _kinds(gold, predicted),
        "seen": _recall(gold[gold["seen"]]),
        "unseen": _recall(gold[~gold["seen"]]),
        **_by_concept(gold),
        "strata": strata(gold),
        "document_level": _document_level(sample),
        "errors": _errors(gold, predicted),
        "deviations": _deviations(predicted["deviation"]),
        "shifts": _shifts(predicted["shift"]),
        "calibration": _calibration(predicted),
        "abstention": abstention.record(predicted),
        "problems": {name: int(sample.sentences[name].sum()) for name in PROBLEMS},
    }


def document_counts(sample: Sample) -> np.ndarray:
    """Return (documents, 3): correct, gold and predicted mentions per document, in sorted order."""
    names = sample.sentences.groupby(["corpus", "document"]).ngroup()
    size = names.max() + 1
    gold, predicted = sample.gold.frame, sample.predicted.frame
    columns = (gold["sentence"][gold["correct"]], gold["sentence"], predicted["sentence"])
    return np.stack([np.bincount(names[column], minlength=size) for column in columns], axis=1)


def with_interval(counts: np.ndarray) -> dict[str, Any]:
    """Return precision, recall and F1, each with its value and 95 % interval (low, high)."""
    values, bounds = prf(*counts.sum(axis=0)), interval(counts)
    return {
        metric: {
            "value": _number(value),
            "low": _number(bounds[metric][0]),
            "high": _number(bounds[metric][1]),
        }
        for metric, value in values.items()
    }


def scored(correct: Any, gold: Any, predicted: Any) -> dict[str, Any]:
    """Return the counts with their precision, recall and F1."""
    counts = {"correct": int(correct), "gold": int(gold), "predicted": int(predicted)}
    return counts | {metric: _number(value) for metric, value in prf(**counts).items()}


def _number(value: Any) -> float | None:
    """Return a JSON number with six decimals; a score that is not defined is null, not zero."""
    return None if np.isnan(value) else round(float(value), 6)


def _errors(gold: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, int]:
    return {
        name: int((predicted["error"] == name).sum() + (gold["error"] == name).sum())
        for name in match.ERRORS
    }


def _deviations(tokens: pd.Series) -> dict[str, int]:
    """Count boundary errors by their distance in tokens; the last count is of all that are more."""
    near = tokens.dropna().clip(upper=FAR).value_counts()
    return {f"{n}" if n < FAR else f"{n}+": int(near.get(n, 0)) for n in range(FAR + 1)}


def _shifts(characters: pd.Series) -> dict[str, int]:
    """Count boundary errors by how far their start is off, signed; the ends of the range are open.

    The first count is of all that start `FAR` or more characters too early.
    """
    near = characters.dropna().clip(-FAR, FAR).value_counts()
    return {str(n): int(near.get(n, 0)) for n in range(-FAR, FAR + 1)}


def _relaxed(gold: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, Any]:
    """Return scores for overlap with the same type, and how many overlap on either side."""
    touching, touched = int(predicted["relaxed"].sum()), int(gold["relaxed"].sum())
    scores = relaxed_prf(touching, len(predicted), touched, len(gold))
    found = {metric: _number(value) for metric, value in scores.items()}
    return {"touching": touching, "touched": touched} | found


def _calibration(predicted: pd.DataFrame) -> dict[str, Any]:
    filled = calibration.bins(predicted)
    return {"bins": filled, "error": _number(calibration.expected_error(filled))}


def _document_level(sample: Sample) -> dict[str, Any]:
    """Return micro and macro scores of the sets of names of documents."""
    counts = document_level(sample)
    averages = {name: _number(value) for name, value in macro(counts).items()}
    return {"micro": scored(*counts.sum(axis=0)), "macro": averages}


def _other_conventions(sample: Sample) -> dict[str, Any]:
    """Return precision, recall and F1 as other papers' scorers would have given them."""
    sums: dict[str, Any] = {
        name: {count: _count(sample.sentences[f"{name}.{count}"]) for count in COUNTS}
        for name in conventions.NAMES
    }
    return {
        name: counts
        | {metric: _number(x) for metric, x in conventions.scores(name, **counts).items()}
        for name, counts in sums.items()
    }


def _count(column: pd.Series) -> float:
    """Return a sum as JSON should have it: halves only where there are any."""
    total = float(column.sum())
    return int(total) if total.is_integer() else total


def _recall(gold: pd.DataFrame) -> dict[str, Any]:
    correct = int(gold["correct"].sum())
    recall = _number(prf(correct, len(gold), len(gold))["recall"])
    return {"correct": correct, "gold": len(gold), "recall": recall}


def _by_concept(gold: pd.DataFrame) -> dict[str, Any]:
    """Return recall of concepts that training has and has not, where mentions have identifiers."""
    if "concept" not in gold or not (gold["concept"] != "").any():
        return {}
    return {f"{kind}_concepts": _recall(gold[gold["concept"] == kind]) for kind in SEEN}


def _types(gold: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, Any]:
    names = sorted(set(gold["type"].unique()) | set(predicted["type"].unique()))
    right, found = gold[gold["correct"]]["type"], predicted["type"]
    counts = (right.value_counts(), gold["type"].value_counts(), found.value_counts())
    return {name: scored(*(count.get(name, 0) for count in counts)) for name in names}


def _kinds(gold: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, Any]:
    """Return recall a kind; F1 for discontinuous mentions alone.

    Being discontinuous is a property of a prediction by itself. Whether one is nested depends on
    the others that were predicted, so that a precision would mix two questions.
    """
    kinds = {kind: _recall(gold[gold["kind"] == kind]) for kind in match.KINDS}
    answered = int((predicted["kind"] == "discontinuous").sum())
    chosen = kinds["discontinuous"]
    kinds["discontinuous"] = scored(chosen["correct"], chosen["gold"], answered)
    return kinds
