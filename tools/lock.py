"""Write the lock from pyproject.toml: requirements*.lock, and the pins of environment.yml.

All extras are resolved at once for every platform and Python version, with the hashes of all files
of each package. requirements-cuda.lock has what PyTorch's CUDA build alone needs. Its CPU build is
taken from where PIP_FIND_LINKS points: its hash is added to PyTorch's, which suffices for pip, and
requirements-cpu.lock has it under the name that uv looks for.
"""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
LOCK, CUDA, CPU = (ROOT / f"requirements{build}.lock" for build in ("", "-cuda", "-cpu"))
CONDA = ROOT / "environment.yml"
HEAD = "# Made by `make lock` from pyproject.toml: do not edit.\n"
#: Packages of PyTorch's CUDA build (nvidia-ml-py is not one: codecarbon reads energy with it).
OF_CUDA = re.compile(r"(?:nvidia-(?!ml-py)|cuda-|triton=)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def resolved() -> list[str]:
    """Return the requirements of all extras, one per package, each with its hashes.

    Versions that are locked already are kept as far as pyproject.toml allows.
    """
    command = ["uv", "pip", "compile", "--system-certs", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--all-extras", "--no-annotate", "--no-header", "--quiet"]
    with TemporaryDirectory() as folder:
        out = Path(folder, "requirements.lock")
        if LOCK.is_file():
            out.write_text(LOCK.read_text() + CUDA.read_text())
        subprocess.run([*command, "pyproject.toml", "-o", str(out)], cwd=ROOT, check=True)
        return list(requirements(out.read_text()))


def requirements(text: str) -> Iterator[str]:
    """Yield the requirements of a lock with their hashes."""
    lines = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    yield from re.split(r"\n(?=\S)", lines.strip())


def with_hashes(requirement: str, hashes: Iterable[str]) -> str:
    """Return a requirement with further hashes."""
    first, *_ = requirement.split(" \\\n")
    return " \\\n    ".join([first, *sorted({*HASH.findall(requirement), *hashes})])


def cpu_build(torch: str) -> str:
    """Return the requirement of PyTorch's CPU build: one that is locked, and one that is here."""
    name = f"{version(torch)}+cpu"
    locked = CPU.read_text() if CPU.is_file() else ""
    known = HASH.findall(locked) if name in locked else []
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder]
        subprocess.run([*command, version(torch)], check=False)
        wheels = [path for path in Path(folder).iterdir() if "+cpu" in path.name]
        found = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
    return with_hashes(name, [*known, *(f"--hash=sha256:{digest}" for digest in found)])


def version(requirement: str) -> str:
    """Return a requirement's name and version, `torch==2.13.0`."""
    return requirement.split(maxsplit=1)[0]


def pins(locked: Iterable[str]) -> str:
    """Return the pins of a lock as the end of a conda environment, without hashes.

    Snakemake copies the environment's file alone, so that it cannot refer to the lock.
    """
    lines = (one.split(" \\\n")[0] for one in locked)
    return "".join(f'      - "{line}"\n' if ";" in line else f"      - {line}\n" for line in lines)


def main() -> None:
    """Write the files."""
    found = resolved()
    cuda = [one for one in found if OF_CUDA.match(one)]
    rest = [one for one in found if not OF_CUDA.match(one)]
    place = next(n for n, one in enumerate(rest) if one.startswith("torch=="))
    cpu = cpu_build(rest[place])
    rest[place] = with_hashes(rest[place], HASH.findall(cpu))
    for path, locked in ((LOCK, rest), (CUDA, cuda), (CPU, [cpu])):
        path.write_text(HEAD + "\n".join(locked) + "\n")
    head, pip, _ = CONDA.read_text().partition("  - pip:\n")
    CONDA.write_text(head + pip + pins(rest))


if __name__ == "__main__":
    main()
