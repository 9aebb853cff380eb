"""Model folders as engines of other libraries take them: full weights, and how answers end."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from transformers import AutoConfig, GenerationConfig

from bionerflow.models.loading import ADAPTER, load_merged, load_tokenizer, save


def config_of(folder: Path) -> Any:
    """Return what says how a model in `folder` ends answers: `config` and `generation_config`."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    has_own = (folder / "generation_config.json").is_file()
    generation = GenerationConfig.from_pretrained(folder) if has_own else None
    return SimpleNamespace(config=config, generation_config=generation)


@contextmanager
def merged(folder: Path) -> Iterator[Path]:
    """Yield the folder of a model in full weights: an adapter's are added to those of its base."""
    if not (folder / ADAPTER).is_file():
        yield folder
        return
    with tempfile.TemporaryDirectory() as work:
        save(load_merged(folder), load_tokenizer(folder), Path(work))
        yield Path(work)
