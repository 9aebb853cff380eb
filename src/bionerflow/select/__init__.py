"""The contrastive entity selector: a trained filter of predicted entities (unified, section II.C).

`samples` draws true mentions and near misses, `model` is the classifier, `fit` trains it, `filter`
applies it to a run's predictions.
"""
