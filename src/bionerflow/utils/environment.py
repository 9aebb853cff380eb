"""What is recorded of a run so that it can be repeated: versions, machine, checkpoint key."""

import hashlib
import json
import os
import platform
import resource
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("bionerflow", "torch", "transformers", "peft", "accelerate", "tokenizers")


def environment() -> dict[str, Any]:
    """Return the versions, the machine, and this process's peak memory in MB."""
    return {"versions": {name: version(name) for name in PACKAGES}, **machine()}


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
