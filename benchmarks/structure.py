"""Measure and draw the structure of the library: levels, imports, lengths of functions and files.

    python benchmarks/structure.py --out structure.json --picture structure.svg

With `--source` it measures another checkout. Lengths are lines of code without docstrings.
"""

import argparse
import ast
import json
from collections import Counter
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).parents[1]


def modules(source: Path) -> dict[str, Path]:
    """Return the modules of a package by their dotted names below it."""
    paths = {path: path.relative_to(source).with_suffix("") for path in source.rglob("*.py")}
    return {".".join(n.parts).removesuffix(".__init__"): path for path, n in paths.items()}


def imports(path: Path, known: dict[str, Path], package: str) -> set[str]:
    """Return the modules of the package that a file imports, by their names below it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            module = (node.module or "").partition(".")[2]
            for alias in node.names:
                name = f"{module}.{alias.name}".lstrip(".")
                found.add(name if name in known else module)
    return found


def edges(known: dict[str, Path], package: str) -> Counter[tuple[str, str]]:
    """Count the imports between the names on the first level."""
    return Counter(
        (module.split(".")[0], other.split(".")[0])
        for module, path in known.items()
        for other in imports(path, known, package)
        if module and other and module.split(".")[0] != other.split(".")[0]
    )


def reachable(pairs: Counter[tuple[str, str]], names: set[str]) -> dict[str, set[str]]:
    """Return what each name imports, directly or through others."""
    found = {name: {other for one, other in pairs if one == name} & names for name in names}
    for middle in names:
        for others in found.values():
            if middle in others:
                others.update(found[middle])
    return found


def ranked(found: dict[str, set[str]]) -> list[list[str]]:
    """Return the first level's names in rows from the bottom: a row imports from rows below it.

    Names that import each other in a circle share a row.
    """
    rows: list[list[str]] = []
    waiting = set(found)
    while waiting:
        free = {n for n in waiting if all(n in found[m] for m in found[n] & waiting)}
        rows.append(sorted(free))
        waiting -= free
    return rows


def lengths(path: Path) -> tuple[int, list[int]]:
    """Return a file's lines of code and those of its functions, docstrings not counted."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    documented = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef)]
    spoken = sum(map(_docstring, [*functions, *documented]))
    return len(text.splitlines()) - spoken, [
        (node.end_lineno or 0) - node.lineno + 1 - _docstring(node) for node in functions
    ]


def _docstring(node: Any) -> int:
    first = node.body[0] if node.body else None
    if ast.get_docstring(node, clean=False) is None or not isinstance(first, ast.Expr):
        return 0
    return (first.end_lineno or 0) - first.lineno + 1


def measure(source: Path) -> dict[str, Any]:
    """Return the numbers of a package's folder."""
    known, package = modules(source), source.name
    names = {name.split(".")[0] for name in known if name} - {"__init__", "__main__"}
    pairs = edges(known, package)
    found = reachable(pairs, names)
    files = {str(path.relative_to(source)): lengths(path) for path in known.values()}
    functions = [length for _, its in files.values() for length in its]
    longest = max(files, key=lambda name: files[name][0])
    return {
        "names_on_the_first_level": len(names),
        "rows": ranked(found),
        "in_circles": sorted(name for name in names if name in found[name]),
        "imports_between_packages": sum(pairs.values()),
        "functions": {
            "count": len(functions),
            "median": median(functions),
            "percentile_95": round(quantiles(functions, n=20)[-1], 1),
            "longest": max(functions),
        },
        "files": {
            "count": len(files),
            "median": median(length for length, _ in files.values()),
            "longest": [longest, files[longest][0]],
        },
    }


def draw(source: Path, rows: list[list[str]], picture: Path) -> None:
    """Draw the first level in its rows, an arrow for each pair that imports, circles in red."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    mpl.rcParams["svg.hashsalt"] = "structure"
    pairs = edges(modules(source), source.name)
    figure, axes = pyplot.subplots(figsize=(max(8, 1.3 * max(map(len, rows))), 0.95 * len(rows)))
    place = {
        name: ((n + 1) / (len(row) + 1), y)
        for y, row in enumerate(rows)
        for n, name in enumerate(row)
    }
    for (upper, lower), count in pairs.items():
        if upper in place and lower in place:
            circle = place[lower][1] == place[upper][1]
            axes.annotate(
                "", place[lower], place[upper],
                arrowprops={
                    "arrowstyle": "->", "alpha": 0.9 if circle else 0.45,
                    "color": "#b3403a" if circle else "#4b74a8",
                    "linewidth": 0.5 + 0.25 * min(count, 8), "shrinkA": 14, "shrinkB": 14,
                    "connectionstyle": f"arc3,rad={0.25 if circle else 0.06}",
                },
            )  # fmt: skip
    for name, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "#33485e"}
        axes.text(x, y, name, ha="center", va="center", fontsize=11, bbox=box)
    axes.set(xlim=(0, 1), ylim=(-0.4, len(rows) - 0.6))
    axes.axis("off")
    figure.tight_layout()
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)


def main() -> None:
    """Read the arguments, write the numbers and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=ROOT / "src" / "bionerflow")
    parser.add_argument("--out", type=Path, help="JSON; printed where it is not given")
    parser.add_argument("--picture", type=Path, help="SVG or PNG")
    args = parser.parse_args()
    found = measure(args.source)
    text = json.dumps(found, indent=2) + "\n"
    args.out.write_text(text, "utf-8") if args.out else print(text)
    if args.picture:
        draw(args.source, found["rows"], args.picture)


if __name__ == "__main__":
    main()
