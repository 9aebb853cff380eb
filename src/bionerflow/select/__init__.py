"""The contrastive entity selector: a trained filter of predicted entities (unified, section II.C).

`samples` draws true mentions and near misses, `kinds` has the paper's three classifiers and `model`
what they share, `sharing` reads beginnings once, `fit` trains one, `filter` applies it to a run's
predictions, `threshold` tunes it, `figure` draws what was tuned.
"""
