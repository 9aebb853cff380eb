"""What was found: the best run per corpus, the configuration next to it, all runs in a picture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from bionerflow.utils.plotting import COLOURS, finish

#: Configurations in the picture, at most.
SHOWN = 20
PICTURE = "F1 with 95 % intervals: a dot per run, a row per configuration, the best ones first."

Result = Mapping[str, Any]


class Scored(NamedTuple):
    """A prediction set's score: F1 and its interval, of one corpus or of all."""

    name: str
    configuration: str
    f1: float
    low: float | None
    high: float | None
    format: str | None = None


class Best(NamedTuple):
    """The best score, and the best of another configuration, on what both were tested on."""

    on: str
    best: Scored
    next: Scored | None

    @property
    def difference(self) -> float | None:
        """By how many points the best is better."""
        return 100 * (self.best.f1 - self.next.f1) if self.next else None


def configuration(id: str) -> str:
    """Return what the draws of a run, or of a selector's predictions on it, have in common."""
    run, _, draw = id.rpartition(".draw")
    selector = draw.partition("+")[2]
    return f"{run}+{selector}" if selector else run or id


def by_f1(results: Sequence[Result]) -> list[Result]:
    """Return prediction sets, those of the most corpora first, and of these the best first."""
    return sorted(results, key=lambda r: (-len(_corpora(r)), -_pooled(r).f1, r["predictions"]))


def best_overall(results: Sequence[Result]) -> Best | None:
    """Return the best prediction set of those that were tested on the most corpora, in common."""
    compared = _comparable(results)
    if not compared:
        return None
    corpora = sorted(_corpora(compared[0]))
    on = corpora[0] if len(corpora) == 1 else f"{len(corpora)} corpora"
    return _best(on, map(_pooled, compared))


def best_per_corpus(results: Sequence[Result]) -> list[Best]:
    """Return the best prediction set of each corpus, by the corpora's names."""
    found: dict[str, list[Scored]] = {}
    for result in results:
        for score in result["scores"]:
            if score["corpus"] and score["format"]:
                found.setdefault(score["corpus"], []).append(_scored(result, score))
    return [_best(corpus, found[corpus]) for corpus in sorted(found)]


def published(numbers: Sequence[Mapping[str, str]]) -> dict[str, tuple[float, str]]:
    """Return the best published F1, and whose it is, of each corpus that is a row of a table."""
    rows: dict[str, list[Mapping[str, str]]] = {}
    for cell in numbers:
        rows.setdefault(cell.get("row", ""), []).append(cell)
    best: dict[str, tuple[float, str]] = {}
    for cells in rows.values():
        ours = [cell for cell in cells if cell.get("source") == "measured"]
        corpora = {cell.get("corpora") for cell in ours}
        theirs = [
            (float(cell["value"]), cell["column"].removeprefix("published "))
            for cell in cells
            if cell.get("source") == "published" and cell.get("value")
        ]
        if theirs and len(corpora) == 1 and {cell.get("metric") for cell in ours} == {"f1"}:
            best[str(corpora.pop())] = max(theirs)
    return best


def picture(results: Sequence[Result]) -> Figure | None:
    """Draw the pooled F1 of the prediction sets that can be compared, with intervals."""
    rows: dict[str, list[Scored]] = {}
    for result in _comparable(results):
        score = _pooled(result)
        rows.setdefault(score.configuration, []).append(score)
    if not rows:
        return None
    shown = list(rows.items())[:SHOWN]
    begin = common_begin([name for name, _ in shown])
    figure = Figure(figsize=(7, 0.8 + 0.3 * len(shown)), layout="constrained")
    panel = figure.subplots()
    for place, (_, draws) in enumerate(shown):
        for n, one in enumerate(draws):
            at = place + 0.5 * (n - (len(draws) - 1) / 2) / len(draws)
            if one.low is not None and one.high is not None:
                panel.plot([one.low, one.high], [at, at], color=COLOURS[0], alpha=0.6)
            panel.plot(one.f1, at, "o", color=COLOURS[0], markersize=5)
    panel.set_yticks(range(len(shown)), [name[len(begin) :] for name, _ in shown])
    panel.set(ylim=(len(shown) - 0.5, -0.5), xlim=(0, 1), xlabel="strict F1")
    panel.grid(axis="x", alpha=0.3)
    finish(figure, panel, from_zero=False)
    return figure


def common_begin(names: Sequence[str]) -> str:
    """Return the parts that all names begin with, such as experiment and model, with their dots."""
    parts = zip(*(name.split(".")[:-1] for name in names), strict=False)
    same = takewhile(lambda of_all: len(set(of_all)) == 1, parts)
    return "".join(f"{one}." for one, *_ in same) if len(names) > 1 else ""


def left_out(results: Sequence[Result]) -> int:
    """Return how many prediction sets the picture does not show."""
    names = [configuration(result["predictions"]) for result in _comparable(results)]
    shown = list(dict.fromkeys(names))[:SHOWN]
    return len(results) - sum(name in shown for name in names)


def _best(on: str, scores: Any) -> Best:
    best, *others = sorted(scores, key=lambda score: -score.f1)
    next_one = (one for one in others if one.configuration != best.configuration)
    return Best(on, best, next(next_one, None))


def _comparable(results: Sequence[Result]) -> list[Result]:
    """Return the prediction sets of the set of corpora that has most of them, the best first."""
    sets = Counter(_corpora(result) for result in results)
    most = max(sets, key=lambda one: (len(one), sets[one], sorted(one)), default=frozenset())
    return [result for result in by_f1(results) if _corpora(result) == most]


def _corpora(result: Result) -> frozenset[str]:
    return frozenset(score["corpus"] for score in result["scores"]) - {None}


def _pooled(result: Result) -> Scored:
    return _scored(result, result["scores"][-1])


def _scored(result: Result, score: Mapping[str, Any]) -> Scored:
    f1, name = score["strict"]["f1"], result["predictions"]
    value = f1["value"] or 0.0
    return Scored(name, configuration(name), value, f1["low"], f1["high"], score["format"])
