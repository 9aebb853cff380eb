"""Scores of a run's predictions: what each number means is docs/evaluation.md.

`mentions` reads predictions and gold into frames, `keys` compares their rows, `match` says what
kind of mention each is and how the wrong ones fail, `statistics` turns counts into scores with
intervals and compares two runs,
`conventions` emulates other papers' scorers, `scores` puts one record together.
"""

from bionerflow.evaluate.scores import evaluate
from bionerflow.utils.modules import make_callable

__all__ = ["evaluate"]

make_callable(__name__)
