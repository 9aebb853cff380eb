"""Answers of a model: generation, prefix sharing, constrained decoding, confidences."""
