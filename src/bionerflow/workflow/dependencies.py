"""The code behind a script: what a rule lists as input, so that an edit re-runs its consumers.

Light to import, and quick: the workflow finds the code of every rule in each of a cluster's jobs.
"""

import re
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1]
#: An import of this library, and the names that it takes. To parse all modules takes 20 times as
#: long.
IMPORT = re.compile(
    r"^[ \t]*(?:import|from) (bionerflow[.\w]*)(?: import (\([^)]*\)|.*))?", re.MULTILINE
)


@cache
def code(script: str) -> tuple[str, ...]:
    """Return a script, first, and every module of the library that it imports, by whatever way.

    Listed as input of a rule, these make an edit of a module re-run exactly its consumers.
    """
    found: dict[Path, None] = {}
    waiting = [Path(script)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = None
            waiting += _imports(path)
    here = Path.cwd()
    first, *modules = (str(p.relative_to(here) if p.is_relative_to(here) else p) for p in found)
    return (first, *sorted(modules))


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    modules: list[str] = []
    for module, names in IMPORT.findall(path.read_text(encoding="utf-8")):
        modules += [module, *(f"{module}.{name}" for name in re.findall(r"\w+", names))]
    return tuple(file for module in modules for file in _files(module))


@cache
def _files(module: str) -> list[Path]:
    """Return the files that importing a module of this library runs: its packages and itself."""
    parts = module.split(".")[1:]
    places = [SOURCE.joinpath(*parts[:n], "__init__.py") for n in range(len(parts))]
    places += [SOURCE.joinpath(*parts, "__init__.py")]
    places += [SOURCE.joinpath(*parts).with_suffix(".py")] if parts else []
    return [place for place in places if place.is_file()]
