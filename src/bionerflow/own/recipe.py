"""The recipe that is recommended for a corpus of one's own, as an experiment.

conv_term has mfner's best F1 with small models, and all sentences train: curation pays where there
are more of them than time. A selector filters what was found.
"""

from pathlib import Path
from typing import Any

from bionerflow.settings.models import Model, Pretrain

PAPER = "mfner"
TINY = {"epochs": 5, "learning_rate": 4e-4, "beta2": 0.98, "schedule": "linear", "warmup": 0.05}
TINY |= {"batch_size": 8, "validations": 0}
VOCABULARY = 3000


def experiment(corpus: str, model: str, settings: Model) -> dict[str, Any]:
    """Return the experiment: one run with conv_term, and a selector on top of it."""
    tiny = isinstance(settings, Pretrain)
    return {
        "corpora": [corpus],
        "models": [model],
        "base": {"train": TINY} if tiny else {},
        "configurations": {"conv_term": {"formats": ["conv_term"]}},
        "selectors": {"llm_cls": {"base": model}},
        "also": ["conv_term+llm_cls"],
    }


def configuration(corpus: str, folder: Path, settings: Model) -> dict[str, Any]:
    """Return what is laid over config/config.yaml."""
    return {
        "name": corpus,
        "corpora": str(folder / "corpora.yaml"),
        "experiments": {PAPER: str(folder / "experiment.yaml")},
        **({"vocabulary": VOCABULARY} if isinstance(settings, Pretrain) else {}),
    }
