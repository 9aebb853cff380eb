"""Start a script on the GPUs that its job asked for.

Usage: `python -m bionerflow.workflow.gpus COUNT SCRIPT ...`.

A scheduler assigns GPUs itself. On a machine without one, and inside an allocation of several,
Snakemake counts GPUs but assigns none: here a process takes free ones by locks, which end with it.
A job sees as many GPUs as it asked for; one that asked for none sees none.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from bionerflow.utils.files import lock

DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder a GPU


def main() -> None:
    """Become the script, with so many GPUs visible to it."""
    count, script = int(sys.argv[1]), sys.argv[2:]
    gpus = present()
    if gpus and not ("SLURM_JOB_ID" in os.environ and len(gpus) == count):
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(take(count, gpus))
    # Nothing here is compiled by torch; bitsandbytes, which peft imports, would load its compiler.
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    command = [sys.executable, "-P", *script]
    os.execv(sys.executable, command)  # noqa: S606 (no shell: the arguments are the job's)


def present() -> list[str]:
    """Return the GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu for gpu in visible.split(",") if gpu]
    return [str(n) for n, _ in enumerate(DRIVER.glob("*"))]


def take(count: int, gpus: list[str]) -> list[str]:
    """Wait until `count` of `gpus` are free, and hold them until this process ends."""
    if count > len(gpus):
        sys.exit(f"error: the job asks for {count} GPUs, and there are {len(gpus)}.")
    while True:
        held = [(gpu, its) for gpu in gpus if (its := _lock(gpu)) is not None]
        for _, its in held[count:]:
            os.close(its)
        if len(held) >= count:
            return [gpu for gpu, _ in held[:count]]
        for _, its in held:
            os.close(its)
        time.sleep(0.5)


def _lock(gpu: str) -> int | None:
    """Return an open lock that outlives `exec`, or nothing where the GPU is taken."""
    file = Path(tempfile.gettempdir(), f"bionerflow-{os.getuid()}-gpu-{gpu}.lock")
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    if not lock(descriptor, file):
        os.close(descriptor)
        return None
    os.set_inheritable(descriptor, True)
    return descriptor


if __name__ == "__main__":
    main()
