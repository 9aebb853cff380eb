"""Generative biomedical named entity recognition: a library and a workflow on top of it."""

__version__ = "0.1.0"
