"""Differences over draws and documents: by independent implementations, and by simulation."""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from bionerflow.evaluate.effects import cohens_d, crossed, holm, linearised, scores
from bionerflow.evaluate.statistics import differences, interval, prf, randomisation_test

DOCUMENTS = 100


def simulated(rng: np.random.Generator, times: int, draws: int, seeds_differ: float, size: int):
    """Return the counts of two runs by chance, so many times: (times, 2, draws, documents, 3).

    Documents differ in length and difficulty, runs in skill, draws of a run in skill by
    `seeds_differ` (standard deviation of the log odds).
    """
    gold = 1 + rng.poisson(4, (times, 1, 1, size))
    difficulty = rng.normal(0, 0.8, (times, 1, 1, size))
    skill = np.array([1.0, 0.8])[:, None, None] + rng.normal(0, seeds_differ, (times, 2, draws, 1))
    odds = np.exp(skill + difficulty + rng.normal(0, 0.3, (times, 2, draws, size)))
    correct = rng.binomial(gold, odds / (1 + odds))
    predicted = correct + rng.poisson(0.8, correct.shape)
    return np.stack([correct, np.broadcast_to(gold, correct.shape), predicted], axis=-1)


def counts(rng: np.random.Generator, draws: int, seeds_differ: float, size: int = DOCUMENTS):
    """Return the counts of two runs by chance (2, draws, documents, 3)."""
    return simulated(rng, 1, draws, seeds_differ, size)[0]


def f1_difference(pair: np.ndarray) -> np.ndarray:
    return scores(pair[0])["f1"] - scores(pair[1])["f1"]


@cache
def truth(seeds_differ: float) -> float:
    """Return the difference in F1 over very many draws and documents."""
    rng = np.random.default_rng(99)
    sums = sum(counts(rng, 50, seeds_differ, 500).sum(axis=(1, 2)) for _ in range(60))
    one, two = prf(*np.asarray(sums).T)["f1"]
    return float(one - two)


def share_covered(bounds: list[tuple[float, float]], value: float) -> float:
    low, high = np.array(bounds).T
    return float(np.mean((low <= value) & (value <= high)))


def test_holm_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 40):
        p = rng.random(n) ** 4
        p[n // 2 :] = p[-1]
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([]) == []
    assert holm([0.02, np.nan, 0.04]) == pytest.approx([0.04, np.nan, 0.04], nan_ok=True)


def test_scores_are_the_means_of_their_linearised_values():
    pair = counts(np.random.default_rng(1), 3, 0.2)
    for metric, values in scores(pair[0]).items():
        assert values.mean() == pytest.approx(prf(*pair[0].sum(axis=(0, 1)))[metric])
    assert np.isnan(linearised(np.zeros((1, 4)), np.zeros((1, 4)))).all()


def test_the_error_of_a_difference_is_that_of_the_jackknife_over_documents():
    pair = counts(np.random.default_rng(2), 1, 0)
    left = pair.sum(axis=2) - pair[:, 0, :].swapaxes(0, 1).reshape(DOCUMENTS, 2, 1, 3)
    one, two = prf(*np.moveaxis(left[:, :, 0], -1, 0))["f1"].T
    jackknife = np.sqrt((DOCUMENTS - 1) * np.var(one - two))
    assert crossed(f1_difference(pair)).error == pytest.approx(jackknife, rel=0.02)


def test_with_one_draw_it_is_a_paired_t_test():
    values = np.random.default_rng(3).normal(0.1, 1, (1, 80))
    found, expected = crossed(values), stats.ttest_1samp(values[0], 0)
    assert (found.p(), found.shares) == (pytest.approx(expected.pvalue), ((1, 79),))
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval()))


def test_with_several_draws_the_mean_squares_are_those_of_a_two_way_analysis_of_variance():
    rng = np.random.default_rng(4)
    values = rng.normal(0, 1, (4, 1)) + rng.normal(0, 1, (1, 25)) + rng.normal(0, 1, (4, 25))
    long = pd.DataFrame(values).melt(var_name="document", value_name="y", ignore_index=False)
    table = anova_lm(ols("y ~ C(draw) + C(document)", long.reset_index(names="draw")).fit())
    draws, rows, rest = table["mean_sq"]
    total = draws + rows - rest
    found = crossed(values)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(np.sqrt(total / 100))
    assert found.shares == (
        (pytest.approx(draws / total), 3),
        (pytest.approx(1 - draws / total), 24),
    )
    weights, ends = (draws, rows - rest), stats.t.isf(0.025, [3, 24])
    reach = np.average(ends, weights=weights) * found.error  # Cochran, Biometrics 20:191, 1964
    assert found.interval() == pytest.approx((found.value - reach, found.value + reach))


@pytest.mark.parametrize("draws", [1, 2, 4])
@pytest.mark.parametrize("mean", [0.02, 0.2, 0.5])
def test_an_interval_of_the_level_that_p_leaves_ends_at_zero(draws, mean):
    rng = np.random.default_rng(13)
    found = crossed(mean + rng.normal(0, 0.1, (draws, 1)) + rng.normal(0, 1, (draws, 60)))
    low, high = found.interval(1 - found.p())
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-3 * found.error)


def test_the_error_is_that_of_a_bootstrap_over_draws_and_documents():
    """Owen, Annals of Applied Statistics 1:386, 2007: both are drawn, each by itself."""
    rng = np.random.default_rng(5)
    pair = counts(rng, 25, 0.3, 200)
    drawn = []
    for _ in range(1500):
        places = np.ix_(rng.integers(0, 25, 25), rng.integers(0, 200, 200))
        one, two = (prf(*side[places].sum(axis=(0, 1)))["f1"] for side in pair)
        drawn.append(one - two)
    assert crossed(f1_difference(pair)).error == pytest.approx(np.std(drawn), rel=0.15)


def test_nothing_is_said_of_one_document_and_equal_runs_do_not_differ():
    assert np.isnan(crossed(np.ones((1, 1))).p())
    assert np.isnan(cohens_d(np.ones((2, 1))).value)
    for draws in (1, 3):
        same = crossed(np.zeros((draws, 9)))
        assert (same.p(), same.interval(), same.detectable()) == (1, (0, 0), 0)


def test_cohens_d_is_in_standard_deviations_of_documents():
    values = np.random.default_rng(6).normal(0.3, 1, (1, 400))
    found = cohens_d(values)
    assert found.value == pytest.approx(values.mean() / values.std(ddof=1))
    normal = np.sqrt(1 / 400 + found.value**2 / 800)  # Hedges and Olkin, 1985, for normal values
    assert found.error == pytest.approx(normal, rel=0.05)


def test_the_detectable_difference_is_that_of_statsmodels_and_is_found_in_80_percent():
    rng = np.random.default_rng(7)
    values = rng.normal(0, 1, (1, DOCUMENTS))
    found = crossed(values).detectable()
    effect = TTestPower().solve_power(nobs=DOCUMENTS, alpha=0.05, power=0.8)
    assert found == pytest.approx(effect * values.std(ddof=1), rel=0.01)
    samples = rng.normal(effect, 1, (2000, 1, DOCUMENTS))
    assert np.mean([crossed(one).p() < 0.05 for one in samples]) == pytest.approx(0.8, abs=0.025)


def crossed_covers(draws: int, seeds_differ: float, times: int) -> float:
    rng, value = np.random.default_rng(8), truth(seeds_differ)
    pairs = simulated(rng, times, draws, seeds_differ, DOCUMENTS)
    return share_covered([crossed(f1_difference(pair)).interval() for pair in pairs], value)


VARIANCES = pytest.mark.parametrize(
    ("draws", "seeds_differ"),
    [(1, 0), *product((2, 3), (0, 0.1, 0.3, 0.6)), (5, 0.1), (5, 0.3)],
)


@VARIANCES
def test_intervals_over_draws_and_documents_cover_95_percent(draws, seeds_differ):
    assert 0.925 <= crossed_covers(draws, seeds_differ, 1000) <= 0.975


@pytest.mark.long
@VARIANCES
def test_intervals_over_draws_and_documents_cover_95_percent_5000_times(draws, seeds_differ):
    assert 0.93 <= crossed_covers(draws, seeds_differ, 5000) <= 0.97


def test_one_t_with_satterthwaites_degrees_of_freedom_says_too_little_of_two_draws():
    rng, value, bounds = np.random.default_rng(8), truth(0.1), []
    for pair in simulated(rng, 1000, 2, 0.1, DOCUMENTS):
        found = crossed(f1_difference(pair))
        df = min(1 / found.shares[0][0] ** 2, DOCUMENTS - 1)
        reach = found.error * stats.t.isf(0.025, df)
        bounds.append((found.value - reach, found.value + reach))
    assert share_covered(bounds, value) < 0.925


def test_intervals_over_documents_alone_say_too_little_where_draws_differ():
    rng, value = np.random.default_rng(9), truth(0.3)
    pooled = [counts(rng, 3, 0.3).sum(axis=1, keepdims=True) for _ in range(300)]
    assert share_covered([crossed(f1_difference(one)).interval() for one in pooled], value) < 0.8


def bootstrap_covers(times: int, resamples: int) -> tuple[float, float]:
    """Return how often the bootstrap intervals of a score and of a difference hold the truth."""
    rng = np.random.default_rng(10)
    many = sum(counts(rng, 1, 0, 30_000).sum(axis=(1, 2)) for _ in range(50))
    one, two = prf(*np.asarray(many).T)["f1"]
    pairs = [counts(rng, 1, 0)[:, 0] for _ in range(times)]
    alone = [interval(pair[0], resamples, n)["f1"] for n, pair in enumerate(pairs)]
    between = [differences(*pair, resamples, n)["f1"] for n, pair in enumerate(pairs)]
    bounds = [(found["low"], found["high"]) for found in between]
    return share_covered(alone, one), share_covered(bounds, one - two)


def test_bootstrap_intervals_cover_95_percent():
    alone, between = bootstrap_covers(300, 400)
    assert 0.92 <= alone <= 0.98
    assert 0.92 <= between <= 0.98


@pytest.mark.long
def test_bootstrap_intervals_cover_95_percent_5000_times():
    alone, between = bootstrap_covers(5000, 1000)
    assert 0.93 <= alone <= 0.97
    assert 0.93 <= between <= 0.97


@pytest.mark.long
@pytest.mark.parametrize("draws", [1, 3])
def test_intervals_of_cohens_d_cover_95_percent_5000_times(draws):
    rng = np.random.default_rng(11)
    many = [cohens_d(f1_difference(counts(rng, draws, 0, 100_000))).value for _ in range(20)]
    bounds = [cohens_d(f1_difference(counts(rng, draws, 0))).interval() for _ in range(5000)]
    assert 0.93 <= share_covered(bounds, float(np.mean(many))) <= 0.97


@pytest.mark.long
def test_equal_runs_differ_by_chance_in_5_percent_of_randomisation_tests():
    rng, found = np.random.default_rng(12), []
    for n in range(2000):
        pair = counts(rng, 2, 0)[0]
        found.append(randomisation_test(pair[0], pair[1], 1000, n))
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.015)
