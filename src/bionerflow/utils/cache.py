"""The user's private cache: answers that were paid for, and models that were made or converted."""

import os
import shutil
from pathlib import Path

VARIABLE = "BIONERFLOW_CACHE"


def cache_folder() -> Path:
    """Return the folder of the cache: that of the environment variable, or the user's own."""
    named = os.environ.get(VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base, "bionerflow")


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner may look into."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def clear_cache() -> int:
    """Delete what this project keeps in the cache; return how many bytes that were.

    Only its own subfolders are deleted, whatever the variable names.
    """
    folders = [cache_folder() / name for name in ("answers", "ctranslate2", "adapters", "models")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return size
