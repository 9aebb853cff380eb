"""How much draws vary, pooled over the pairs of one table: exactly, and by simulation."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from scipy import stats

from bionerflow.config.base import load
from bionerflow.config.tables import Claims, Tables
from bionerflow.evaluate.compare import COUNTS, difference, pooled_draws
from bionerflow.evaluate.effects import Draws, cohens_d, crossed, pooled

DRAWS, DOCUMENTS = 2, 300


def claims() -> list[tuple[str, str]]:
    """Return the two sides of each of the 36 claims; many claims share a side."""
    (table,) = (
        table
        for table in load(Tables, ROOT / "config" / "tables.yaml").tables.values()
        if isinstance(table, Claims)
    )
    return [(claim.higher, claim.lower) for claim in table.rows.values()]


# exactly


def test_pairs_without_a_common_run_add_up_their_degrees_of_freedom():
    means = np.random.default_rng(0).normal(0, 1, (5, 3))
    found = pooled(means, [(f"a{n}", f"b{n}") for n in range(5)])
    assert found == (pytest.approx(means.var(axis=1, ddof=1).mean()), pytest.approx(10))


def test_the_same_pair_counts_once_in_whatever_order_and_one_pair_is_its_own():
    means = np.array([[0.1, 0.3], [-0.1, -0.3], [0.1, 0.3]])
    one = pooled(means[:1], [("a", "b")])
    assert one == (pytest.approx(0.02), pytest.approx(1))
    assert pooled(means, [("a", "b"), ("b", "a"), ("a", "b")]) == pytest.approx(one)
    values = np.random.default_rng(1).normal(0, 1, (3, 20))
    alone = pooled(values.mean(axis=1)[None], [("a", "b")])
    assert np.allclose(crossed(values, alone).shares, crossed(values).shares)
    assert crossed(values, alone).error == pytest.approx(crossed(values).error)


@pytest.mark.parametrize(
    "runs",
    [
        [("hub", n) for n in range(12)],
        [(n, n + 1) for n in range(12)],
        list(combinations(range(5), 2)),
        claims(),
    ],
    ids=["one against all", "neighbours", "each two", "claims"],
)
def test_the_degrees_of_freedom_are_those_of_the_pooled_variance(runs):
    """A variance with so many degrees of freedom varies by 2 / df of its squared mean."""
    names = sorted({str(run) for pair in runs for run in pair})
    place = {name: n for n, name in enumerate(names)}
    first, second = ([place[str(pair[side])] for pair in runs] for side in (0, 1))
    seeds = np.random.default_rng(2).normal(0, 1, (20_000, len(names), DRAWS))
    variances = (seeds[:, first] - seeds[:, second]).var(axis=2, ddof=1).mean(axis=1)
    df = pooled(seeds[0, first] - seeds[0, second], runs).df
    assert 2 * variances.mean() ** 2 / variances.var() == pytest.approx(df, rel=0.05)
    assert df <= min(len(runs), len(names) - 1) * (DRAWS - 1)


def test_interval_p_power_and_effect_rest_on_the_same_pooled_variance():
    rng = np.random.default_rng(3)
    values = rng.normal(0.2, 1, (DRAWS, 200)) + rng.normal(0, 0.1, (DRAWS, 1))
    vary = Draws(0.02, 12)
    found, effect = crossed(values, vary), cohens_d(values, vary)
    between = 200 * 0.02
    total = found.error**2 * values.size
    assert found.shares == ((pytest.approx(between / total), 12), (1 - found.shares[0][0], 199))
    assert effect.shares == found.shares
    more = (effect.error**2 - cohens_d(values, Draws(0.01, 12)).error ** 2) * values.mean(
        axis=0
    ).var(ddof=1)
    assert more == pytest.approx((0.02 - 0.01) / DRAWS)  # of the variance of the mean over draws
    quantile = np.average(stats.t.ppf(0.975, [12, 199]), weights=[between, total - between])
    power = np.average(stats.t.ppf(0.8, [12, 199]), weights=[between, total - between])
    assert found.interval()[1] == pytest.approx(found.value + quantile * found.error)
    assert found.detectable() == pytest.approx((quantile + power) * found.error)
    low, high = found.interval(1 - found.p())
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-3 * found.error)


def counted(seed: int, draws: int = DRAWS) -> pd.DataFrame:
    """Return the counts of two runs by chance, as `documents` does."""
    rng, size = np.random.default_rng(seed), 40
    frame = pd.DataFrame({"corpus": "c", "document": np.tile(np.arange(size), draws)})
    frame["draw"] = np.repeat(np.arange(draws), size)
    for side, right in ((1, 0.8), (2, 0.6)):
        gold = np.full(len(frame), 4)
        correct = rng.binomial(gold, right + rng.uniform(-0.1, 0.1, draws)[frame["draw"]])
        predicted = correct + rng.poisson(0.5, len(frame))
        frame[[f"{count}_{side}" for count in COUNTS]] = np.array([correct, gold, predicted]).T
    return frame


def test_a_row_takes_what_its_table_knows_of_draws():
    tables = [counted(seed) for seed in range(6)]
    runs = [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h"), ("i", "j"), ("k", "l")]
    vary = pooled_draws(runs, tables)
    alone = [difference(one) for one in tables]
    found = [difference(one, draws_vary=vary) for one in tables]
    assert [one["difference"] for one in found] == [one["difference"] for one in alone]
    for key in ("p", "effect", "detectable", "intervals"):
        assert all(one[key] != other[key] for one, other in zip(found, alone, strict=True))
    widths = [
        np.mean([one["intervals"]["f1"]["high"] - one["difference"] for one in rows])
        for rows in (found, alone)
    ]
    assert widths[0] < widths[1] / 2


def test_one_draw_a_run_against_itself_and_missing_values_are_not_pooled():
    pair, two = [("a", "b")], counted(1)
    assert pooled_draws([], []) == pooled_draws(pair, [counted(1, draws=1)]) == {}
    assert pooled_draws([("a", "a")], [two]) == {}
    empty = two.assign(correct_1=0, predicted_1=0)
    assert set(pooled_draws(pair, [empty])) == {"recall", "f1"}
    vary = pooled_draws([*pair, ("a", "a"), ("c", "b")], [two, two, empty])
    assert vary["precision"] == pooled_draws(pair, [two])["precision"]


# by simulation


class Covered(NamedTuple):
    """How often intervals held the truth, in the worst row, and their mean half width in points."""

    share: float
    worst: float
    together: float
    width: float
    width_together: float


def simulated(
    seed: int, seeds_differ: np.ndarray, runs: list[tuple[str, str]], names: list[str]
) -> np.ndarray:
    """Return paired differences (pairs, draws, documents) whose true mean is zero.

    In points: a document's score varies by 35, and documents differ in how well a run suits them
    by 15, as in the tests of NCBI-Disease. `seeds_differ` is the standard deviation of draws of
    each run.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 35, (len(names), DRAWS, DOCUMENTS))
    values += rng.normal(0, 15, (len(names), 1, DOCUMENTS))
    values += seeds_differ[:, None, None] * rng.normal(0, 1, (len(names), DRAWS, 1))
    first, second = ([names.index(pair[side]) for pair in runs] for side in (0, 1))
    return values[first] - values[second]


def coverage(times: int, ratio: float, *, together: bool) -> Covered:
    """Simulate the table of claims; half of the runs have seeds that differ by 2 points.

    Args:
        times: Number of simulated tables.
        ratio: Variance of the other half's seeds over that of the first half.
        together: Pool over the table; else each row by itself.
    """
    runs = claims()
    names = list(dict.fromkeys(run for pair in runs for run in pair))
    seeds_differ = np.where(np.arange(len(names)) % 2, 2 * np.sqrt(ratio), 2)
    reached = []
    for seed in range(times):
        values = simulated(seed, seeds_differ, runs, names)
        vary = pooled(values.mean(axis=2), runs) if together else None
        found = [crossed(row, vary) for row in values]
        reached.append(
            [(one.value, *(one.interval(level)[1] for level in LEVELS)) for one in found]
        )
    value, high, high_together = np.moveaxis(np.array(reached), 2, 0)
    reach, reach_together = high - value, high_together - value
    held = np.abs(value) <= reach
    return Covered(
        held.mean(),
        held.mean(axis=0).min(),
        (np.abs(value) <= reach_together).all(axis=1).mean(),
        reach.mean(),
        reach_together.mean(),
    )


LEVELS = (0.95, 1 - 0.05 / 36)


def test_intervals_of_36_rows_cover_95_percent_and_are_narrower():
    found, before = (coverage(30, 1, together=together) for together in (True, False))
    assert 0.92 <= found.share <= 0.98
    assert found.width < before.width / 2
    assert found.width_together < before.width_together / 20


@pytest.mark.long
def test_intervals_of_36_rows_cover_95_percent_3000_times():
    found = coverage(3000, 1, together=True)
    assert 0.93 <= found.share <= 0.97
    assert found.worst >= 0.93
    assert found.together >= 0.93


@pytest.mark.long
def test_where_the_variance_of_seeds_differs_by_three_some_rows_cover_less():
    found = coverage(3000, 3, together=True)
    assert 0.93 <= found.share <= 0.97
    assert found.worst >= 0.90
    assert found.together >= 0.90
