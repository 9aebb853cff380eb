"""The environment's descriptions agree, and the citation names what it must."""

import re
import tomllib

import yaml
from conftest import ROOT

CONSTRAINTS = {
    line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(pin: str) -> str:
    """Write a pin as package indexes do: lower case, one hyphen between words."""
    name, version = pin.split("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def test_all_that_the_project_asks_for_is_pinned_to_the_same_version():
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {normal(pin) for pin in asked} <= CONSTRAINTS


def test_conda_installs_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = environment["dependencies"][-1]["pip"]
    assert set(pip) == CONSTRAINTS, "call `make environment.yml`"


def test_no_pin_holds_for_one_platform_only():
    assert all(re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", pin) for pin in CONSTRAINTS)
    assert "torch==2.13.0" in CONSTRAINTS


def test_the_citation_names_this_version_and_the_three_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["cff-version"], citation["license"]) == ("1.2.0", PROJECT["license"])
    assert citation["version"] == PROJECT["version"]
    papers = {
        paper["authors"][0]["family-names"]: [i["value"] for i in paper.get("identifiers", [])]
        for paper in citation["references"]
    }
    assert papers == {"Epron": [], "Lv": ["arXiv:2510.08902"], "Chen": ["arXiv:2512.22738"]}
