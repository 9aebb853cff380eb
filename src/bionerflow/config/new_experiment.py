"""An experiment of one's own in one file, which is laid over config/config.yaml."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from bionerflow.utils.errors import UserError

#: What may not be in the name of a configuration or model.
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
#: The groups of settings that a configuration may change, as `--grid` names them.
GROUPS = ("curate", "train", "predict")
HEAD = """\
# An experiment of your own: each configuration, model and draw is a run, and each run is trained
# and tested on all corpora. docs/own-experiment.md explains the keys.
#   bionerflow check results/report.html --configfile {file}
#   snakemake results/report.html --cores 2 --configfile {file}
"""

Grid = Mapping[str, Sequence[str]]


def new_experiment(
    name: str,
    model: str,
    corpora: Sequence[str],
    formats: Sequence[str],
    grid: Grid,
    base: Mapping[str, Any],
    draws: Sequence[int] = (1,),
) -> dict[str, Any]:
    """Return a configuration with an experiment.

    Args:
        name: The experiment's, and the prefix of its runs.
        model: A name of config/models.yaml, or the folder of a base model.
        corpora: Names of config/corpora.yaml.
        formats: Output formats; each is a configuration, or several with a grid.
        grid: Values by setting, such as `train.learning_rate`; all combinations are run.
        base: The settings that every run starts from, by group.
        draws: Seeds.

    Raises:
        UserError: the grid names no setting.
    """
    folder = Path(model)
    called = NOT_IN_NAMES.sub("_", folder.name).strip("_-") if folder.is_dir() else model
    experiment = {
        "corpora": list(corpora),
        "models": [called],
        "draws": list(draws),
        "base": dict(base),
        "configurations": configurations(formats, grid),
    }
    own = {called: local(folder)} if folder.is_dir() else {}
    config: dict[str, Any] = {"name": name, "primary_paper": name}
    return config | ({"own_models": own} if own else {}) | {"experiments": {name: experiment}}


def local(folder: Path) -> dict[str, Any]:
    """Return the entry of a base model in a folder."""
    entry = {"source": "local", "path": str(folder), "licence": "see the model's card"}
    return {**entry, "resources": {"gpus": 0, "cpus": 2, "memory_mb": 4000}}


def configurations(formats: Sequence[str], grid: Grid) -> dict[str, Any]:
    """Return the configurations by name: each format with each combination of the grid's values.

    Raises:
        UserError: a key of the grid is no `group.setting`, or has no value.
    """
    for key, values in grid.items():
        if key.partition(".")[0] not in GROUPS or not key.partition(".")[2] or not values:
            raise UserError(
                f"--grid {key}: name a setting and its values, such as train.learning_rate 1e-3 "
                f"5e-4; the groups are {', '.join(GROUPS)}."
            )
    return {
        called([format, *map("-".join, zip(map(setting, grid), chosen, strict=True))]): {
            "formats": [format],
            **changes(dict(zip(grid, chosen, strict=True))),
        }
        for format in formats
        for chosen in product(*grid.values())
    }


def setting(key: str) -> str:
    """Return the last part of a setting's name."""
    return key.rpartition(".")[2]


def called(parts: Sequence[str]) -> str:
    """Return the name of a configuration of such parts."""
    return NOT_IN_NAMES.sub("_", "-".join(parts))


def changes(chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return settings by group, nested as their dotted names are."""
    found: dict[str, Any] = {}
    for key, value in chosen.items():
        *groups, last = key.split(".")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = number(value)
    return found


def number(value: str) -> Any:
    """Return a value of the command line; YAML would take 1e-3 for a text."""
    try:
        return float(value) if re.search(r"\d[eE][-+]?\d", value) else yaml.safe_load(value)
    except (ValueError, yaml.YAMLError):
        return value


def as_yaml(config: Mapping[str, Any], file: Path) -> str:
    """Return the text of the configuration's file."""
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)
    return HEAD.format(file=file) + text
