"""A release's dry run: versions agree, the wheel builds, bill of materials and licences are made.

Written to `dist/`: the wheel, `sbom.cdx.json` (CycloneDX, from requirements.lock) and
`licences.csv` (of the packages that are installed here and locked).
"""

import csv
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
OUT = ROOT / "dist"
LOCK = ROOT / "requirements.lock"


def versions() -> dict[str, str]:
    """Return the version that each file names."""
    return {
        "pyproject.toml": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
            "version"
        ],
        "CITATION.cff": yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"],
        "CHANGELOG.md": found(r"^## \[?(\d[\w.]*)", "CHANGELOG.md"),
        "__init__.py": found(r'^__version__ = "(.*)"', "src/bionerflow/__init__.py"),
    }


def found(pattern: str, name: str) -> str:
    """Return the first match of a pattern in a file."""
    match = re.search(pattern, (ROOT / name).read_text(), re.MULTILINE)
    return match[1] if match else "none"


def check_versions(tag: str | None) -> None:
    """Stop where the files, or the tag of the release, name different versions."""
    named = versions() | ({"the tag": tag.removeprefix("v")} if tag else {})
    if len(set(named.values())) > 1:
        sys.exit(f"The versions differ: {', '.join(f'{n}: {v}' for n, v in named.items())}.")


def licence(package: Distribution) -> str:
    """Return what a package says of its licence: an SPDX expression, else its classifiers."""
    about = package.metadata
    named = [
        c.split(" :: ")[-1] for c in about.get_all("Classifier", []) if c.startswith("License")
    ]
    first = (about.get("License") or "").strip().split("\n")[0]
    return about.get("License-Expression") or "; ".join(named) or first or "not stated"


def licences() -> Iterator[tuple[str, str, str]]:
    """Yield name, version and licence of each locked package."""
    for name, version in re.findall(r"^([a-z0-9-]+)==([^ ;]+)", LOCK.read_text(), re.MULTILINE):
        try:
            yield name, version, licence(distribution(name))
        except PackageNotFoundError:
            yield name, version, "not installed here"


def main() -> None:
    """Check and write everything; an argument is the tag of the release, such as v0.1.0."""
    check_versions(sys.argv[1] if len(sys.argv) > 1 else None)
    OUT.mkdir(exist_ok=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(OUT), str(ROOT)], check=True)
    sbom = ["cyclonedx-py", "requirements", str(LOCK), "--of", "JSON", "--output-reproducible"]
    sbom += ["--pyproject", str(ROOT / "pyproject.toml"), "-o", str(OUT / "sbom.cdx.json")]
    subprocess.run(sbom, check=True)
    with (OUT / "licences.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("package", "version", "licence"), *licences()])
    print(f"{OUT}: the wheel, sbom.cdx.json and licences.csv of {versions()['pyproject.toml']}")


if __name__ == "__main__":
    main()
