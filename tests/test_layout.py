"""The layout of the library: few names on its first level, and imports that only go down."""

import re
import runpy
from pathlib import Path

from conftest import ROOT

LIBRARY = ROOT / "src/bionerflow"
#: The library's first level from the bottom to the top: a name imports from names before it only.
LEVELS = [
    "utils",
    "config",
    "data",
    "formats",
    "corpora",
    "models",
    "inference",
    "ifd",
    "curate",
    "train",
    "select",
    "baselines",
    "evaluate",
    "tables",
    "report",
    "annotate",
    "api",
    "testing",
    "workflow",
    "cli",
]
IMPORT = re.compile(r"^[ \t]*from (bionerflow[.\w]*) import (\([^)]*\)|.*)", re.MULTILINE)


def modules() -> dict[str, Path]:
    """Return the library's modules by their dotted names."""
    paths = [path.relative_to(LIBRARY.parent) for path in LIBRARY.rglob("*.py")]
    names = {path: ".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths}
    return {name: LIBRARY.parent / path for path, name in names.items()}


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the library's modules that a file imports."""
    found = set()
    for module, names in IMPORT.findall(path.read_text("utf-8")):
        for name in re.findall(r"\w+", names):
            full = f"{module}.{name}"
            found.add(full if full in known else module)
    return found


def level(module: str) -> str:
    """Return the name on the first level that a module belongs to."""
    return module.split(".")[1]


def test_the_first_level_has_the_names_of_the_design():
    found = {level(name) for name in modules() if name.count(".")} - {"__main__"}
    assert found <= set(LEVELS), "a new name on the first level needs a place in LEVELS"
    assert len(LEVELS) <= 20


def test_no_import_goes_up():
    known = modules()
    upwards = [
        f"{module} imports {other}"
        for module, path in known.items()
        if module.count(".") and level(module) in LEVELS
        for other in imports(path, known)
        if other.count(".") and LEVELS.index(level(other)) > LEVELS.index(level(module))
    ]
    assert upwards == []


def test_no_imports_go_in_a_circle():
    known = modules()
    waiting = {name: imports(path, known) - {name} for name, path in known.items()}
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    for name in packages:  # importing a module runs its packages, which may import it again
        waiting[name] = {other for other in waiting[name] if not other.startswith(f"{name}.")}
    while free := [name for name, others in waiting.items() if not others & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert sorted(waiting) == []


def test_functions_and_files_are_short():
    found = runpy.run_path(str(ROOT / "benchmarks/structure.py"))["measure"](LIBRARY)
    assert found["in_circles"] == []
    assert found["functions"]["median"] <= 8
    assert found["functions"]["percentile_95"] <= 22
    name, lines = found["files"]["longest"]
    assert lines <= 310, f"{name} has {lines} lines without docstrings: split it by subject"
