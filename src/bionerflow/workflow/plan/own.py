"""A configuration of the user's own, checked before it is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bionerflow.config.models import Local, known_models
from bionerflow.corpora.new_corpus.recipe import SMALL
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import Plan

SHIPPED = Path("config/config.yaml")


def base_settings(model: str, train: int | None, test: int) -> dict[str, Any]:
    """Return the settings that runs of a model start from: those for a CPU, if it has no GPU.

    Args:
        model: A name of config/models.yaml, or a folder.
        train: Training sentences per corpus at most; None: all.
        test: Test sentences per corpus at most.
    """
    known = known_models()
    on_gpu = model in known and known[model].resources.gpus
    base: dict[str, Any] = {"curate": {"train": train}} if train else {}
    return base | ({} if on_gpu else {"train": SMALL}) | {"predict": {"test": test}}


def checked(config: Mapping[str, Any]) -> list[str]:
    """Return the ids of a configuration's runs, as the workflow will find them.

    Raises:
        UserError: the workflow is not here, or something in the configuration is wrong.
    """
    if not SHIPPED.is_file():
        raise UserError(f"There is no {SHIPPED}: call the command in a clone of the repository.")
    plan = Plan({**yaml.safe_load(SHIPPED.read_text("utf-8")), **config})
    for run in plan.runs.values():
        if isinstance(plan.models[run.model], Local):
            plan.weights(run.model)
    return list(plan.runs)
