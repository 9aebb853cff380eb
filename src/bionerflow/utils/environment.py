"""What is recorded of a run so that it can be repeated: versions, machine, checkpoint key."""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("bionerflow", "torch", "transformers", "peft", "accelerate", "tokenizers")
#: What a result keeps of the software that made it.
MADE_WITH = ("commit", "environment_hash")


def environment() -> dict[str, Any]:
    """Return the versions, the machine, and this process's peak memory in MB."""
    versions = {name: version(name) for name in PACKAGES}
    return {"versions": versions, **made_with(), **machine()}


def made_with(*earlier: Mapping[str, Any]) -> dict[str, str]:
    """Return the commit of this library and the hash of the environment, MADE_WITH.

    Args:
        earlier: What results said of these that this one was made of (their cards). Where it was
            something else, all are named, the earliest first.
    """
    return together(*earlier, dict(zip(MADE_WITH, (commit(), environment_hash()), strict=True)))


def together(*records: Mapping[str, Any]) -> dict[str, str]:
    """Return what several results were made with, each commit and environment once."""
    named = {key: [str(record.get(key) or "") for record in records] for key in MADE_WITH}
    return {key: ", ".join(distinct(values)) for key, values in named.items()}


def distinct(texts: Iterable[str]) -> list[str]:
    """Return the parts of comma-separated lists, each once, in order."""
    parts = (part for text in texts for part in text.split(", "))
    return [part for part in dict.fromkeys(parts) if part]


@cache
def commit() -> str:
    """Return the commit that this library is at, with `-dirty` behind it where files were changed.

    Where it is no work tree of git, as an installed package is not: the version.
    """
    folder = Path(__file__).parents[1]
    asked = ("ls-files", "--error-unmatch", "__init__.py")  # another project may lie around it
    described = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    known = _git(folder, *asked) and _git(folder, *described)
    return known or f"v{version('bionerflow')}"


def _git(folder: Path, *arguments: str) -> str:
    """Return what git says, or nothing where there is no git or it refuses."""
    command = ["git", "-C", str(folder), *arguments]
    quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no argument is a user's
            command, env=quiet, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


@cache
def environment_hash() -> str:
    """Return the SHA-256 of Python's version and the installed packages' names and versions."""
    found = {path.name for entry in sys.path for path in Path(entry).glob("*.dist-info")}
    text = "\n".join([platform.python_version(), *sorted(found)])
    return hashlib.sha256(text.encode()).hexdigest()


def machine() -> dict[str, Any]:
    """Return the machine and this process's peak memory in MB."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "processes": processes(),
        "gpu": gpu,
        "visible_gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_gpu_memory_mb": torch.cuda.max_memory_allocated() // 2**20 if gpu else None,
    }


def processes() -> int:
    """Return how many processes share this training (torchrun tells each)."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Tell whether this is the one of them that writes the results."""
    return os.environ.get("RANK", "0") == "0"


def processor() -> str:
    """Return the processor's name as the system tells it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def peak_memory_mb() -> int:
    """Return this process's peak memory so far in MB: the GPU's where there is one."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def checkpoint_key(inputs: Mapping[str, Any]) -> str:
    """Return a name for what a checkpoint rests on: the inputs and this library's code."""
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
