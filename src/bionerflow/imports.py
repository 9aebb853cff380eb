"""The code behind a script: what a rule lists as input, so that an edit re-runs its consumers.

Light to import: the workflow finds the code of every rule while it is parsed.
"""

import ast
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent


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
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    modules: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(file for module in modules for file in _files(module))


def _files(module: str) -> list[Path]:
    """Return the files that importing a module of this library runs: its packages and itself."""
    if module.split(".", maxsplit=1)[0] != "bionerflow":
        return []
    parts = module.split(".")[1:]
    places = [SOURCE.joinpath(*parts[:n], "__init__.py") for n in range(len(parts))]
    places += [SOURCE.joinpath(*parts, "__init__.py")]
    places += [SOURCE.joinpath(*parts).with_suffix(".py")] if parts else []
    return [place for place in places if place.is_file()]
