"""Scores of documents: which names stand in a document, wherever and however often.

This is how the chemical document indexing task of CHEMDNER counted (Krallinger et al., Journal of
Cheminformatics 7:S1, 2015): unique names per document, micro-averaged, and macro-averaged over
documents. Names are compared as they are written, and, since corpora have several types, by type.
"""

from typing import Any

import numpy as np
import pandas as pd

from bionerflow.evaluate.keys import Ints, hits, repeated
from bionerflow.evaluate.mentions import Sample
from bionerflow.evaluate.statistics import prf

NAME = ["document", "type", "text"]


def document_level(sample: Sample) -> Ints:
    """Return (documents, 3): correct, gold and predicted names per document.

    A document that was answered in several formats is one for each of them.
    """
    documents = sample.sentences.groupby(["corpus", "format", "document"]).ngroup()
    gold, predicted = (_names(side.frame, documents) for side in (sample.gold, sample.predicted))
    columns = (gold[hits(gold, predicted, NAME)], gold, predicted)
    size = int(documents.max()) + 1
    return np.stack([np.bincount(one["document"], minlength=size) for one in columns], axis=1)


def _names(frame: pd.DataFrame, documents: pd.Series) -> pd.DataFrame:
    placed = frame.assign(document=documents[frame["sentence"]].to_numpy())
    return placed[~repeated(placed, NAME)]


def macro(counts: Ints) -> dict[str, Any]:
    """Return means over documents, each over those in which the score is defined.

    Precision: documents with a predicted name; recall: with a gold one; F1: with either.
    """
    means = {}
    for metric, values in prf(*counts.T).items():
        defined = values[~np.isnan(values)]
        means[metric] = float(defined.mean()) if len(defined) else np.nan
    return means
