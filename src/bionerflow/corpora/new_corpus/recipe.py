"""The recipe that is recommended for a corpus of the user's own, as an experiment.

conv_term has mfner's best F1 with small models, and all sentences train: curation pays where there
are more of them than time. A selector filters what was found.
"""

from pathlib import Path
from typing import Any

from bionerflow.config.models import Model

PAPER = "mfner"
#: For models that train on a CPU: an adapter learns more in a few steps than all weights do.
SMALL = {"method": "lora", "lora": {"r": 16, "lora_alpha": 32}, "num_train_epochs": 2}
SMALL |= {"learning_rate": 1e-3, "lr_scheduler_type": "linear"}
SMALL |= {"effective_batch_size": 8, "validations_per_epoch": 0}


def experiment(corpus: str, model: str, settings: Model) -> dict[str, Any]:
    """Return the experiment: one run with conv_term, and a selector on top of it."""
    return {
        "corpora": [corpus],
        "models": [model],
        "base": {} if settings.resources.gpus else {"train": SMALL},
        "configurations": {"conv_term": {"formats": ["conv_term"]}},
        "selectors": {"llm_cls": {"base": model}},
        "also": ["conv_term+llm_cls"],
    }


def configuration(corpus: str, folder: Path) -> dict[str, Any]:
    """Return what is laid over config/config.yaml."""
    return {
        "name": corpus,
        "corpora": str(folder / "corpora.yaml"),
        "experiments": {PAPER: str(folder / "experiment.yaml")},
    }
