"""Differences between two runs over several draws: standard error, p value, effect size, power.

A score is a ratio of sums over documents. Its linearisation gives each document and draw a value
whose mean is the score, so that a difference of two scores is a mean of paired values. Documents
and draws are crossed: every draw was tested on the same documents. The variance of such a mean, and
its degrees of freedom, are those of the analysis of multireader multicase studies, where readers
stand for draws and cases for documents (Hillis, Statistics in Medicine 26:596, 2007).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bionerflow.evaluate.statistics import LEVEL

POWER = 0.8

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean over draws and documents, its standard error, and the degrees of freedom of that."""

    value: float
    error: float
    df: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the bounds of the two-sided confidence interval."""
        reach = self.error * float(stats.t.ppf((1 + level) / 2, self.df))
        return self.value - reach, self.value + reach

    def p(self) -> float:
        """Return the two-sided p value of the hypothesis that the mean is zero."""
        if self.error == 0:
            return float(self.value == 0)
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.df))

    def detectable(self, power: float = POWER, level: float = LEVEL) -> float:
        """Return the smallest true difference that a test at 1 - `level` finds with this power."""
        quantiles = stats.t.ppf([(1 + level) / 2, power], self.df)
        return self.error * float(quantiles.sum())


def linearised(numerator: Floats, denominator: Floats) -> Floats:
    """Return values whose mean is sum(numerator) / sum(denominator).

    Both are (draws, documents). The standard error of the values' mean is that of the ratio by the
    delta method. NaN where the denominator is zero.
    """
    total = denominator.sum()
    if total == 0:
        return np.full(numerator.shape, np.nan)
    ratio = numerator.sum() / total
    return ratio + (numerator - ratio * denominator) * (numerator.size / total)


def scores(counts: NDArray[np.int64]) -> dict[str, Floats]:
    """Return the linearised values of each metric.

    `counts`: (draws, documents, 3) of correct, gold and predicted.
    """
    correct, gold, predicted = np.moveaxis(counts, -1, 0)
    return {
        "precision": linearised(correct, predicted),
        "recall": linearised(correct, gold),
        "f1": linearised(2 * correct, gold + predicted),
    }


def crossed(values: Floats) -> Estimate:
    """Return the mean of (draws, documents) as an estimate for other draws and other documents.

    With one draw only documents vary. With two, 95 % intervals hold the truth in 91 to 92 % where
    this was simulated; from three draws on they keep their level.
    """
    draws, documents = values.shape
    mean = float(values.mean())
    if documents < 2 or np.isnan(mean):
        return Estimate(mean, np.nan, np.nan)
    by_document, by_draw = values.mean(axis=0), values.mean(axis=1)
    between_documents = draws * by_document.var(ddof=1)
    if draws == 1:
        return Estimate(mean, float(np.sqrt(between_documents / documents)), documents - 1)
    between_draws = documents * by_draw.var(ddof=1)
    rest = values - by_document - by_draw[:, None] + mean
    residual = (rest**2).sum() / ((draws - 1) * (documents - 1))
    total = between_draws + max(between_documents - residual, 0)
    df = documents - 1.0
    if between_draws > 0:
        df = min(df, (draws - 1) * (total / between_draws) ** 2)
    return Estimate(mean, float(np.sqrt(total / values.size)), df)


def cohens_d(values: Floats) -> Estimate:
    """Return the mean in standard deviations of documents (Cohen's d of paired values).

    `values` are (draws, documents). The standard error is by the delta method with the values' own
    skewness and kurtosis, since they are not normal.
    """
    mean, by_document = crossed(values), values.mean(axis=0)
    deviation = by_document.std(ddof=1) if len(by_document) > 1 else np.nan
    if not deviation > 0:
        return Estimate(np.nan, np.nan, np.nan)
    d = mean.value / deviation
    skewness, kurtosis = stats.skew(by_document), stats.kurtosis(by_document, fisher=False)
    shape = (d**2 * (kurtosis - 1) / 4 - d * skewness) / len(by_document)
    variance = (mean.error / deviation) ** 2 + shape
    return Estimate(float(d), float(np.sqrt(max(variance, 0))), mean.df)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for how many there are (Holm, Scand. J. Statistics 6:65, 1979).

    A missing one (NaN) stays missing and is not counted.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]
    corrected = np.full(len(p), np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(one) for one in corrected]
