"""The results as a Provenance Run Crate: without a validator's error, and true to what was run."""

import json
import warnings
from pathlib import Path

import pytest
import rocrate
from flow import Flow
from rocrate.rocrate import ROCrate

from bionerflow.report.provenance.crate import write_crate
from bionerflow.report.provenance.records import Done, done
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import sha256
from bionerflow.workflow.jobs import behind, planned

CORPUS = "sample_flat"
TARGET = f"results/corpora/{CORPUS}/report.json"
ABOUT = {
    "name": "bionerflow: test",
    "description": "What a test made.",
    "licence": "Apache-2.0",
    "configuration": {"name": "test"},
    "snakemake": "9",
    "commit": "c1",
    "environment_hash": "e1",
}
#: Where RO-Crate 1.1 has terms that the context of 1.3, which rocrate ships, has elsewhere.
BIOSCHEMAS = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
}


class Context:
    """Answers, without a network, what the validator asks for: the context of RO-Crate 1.1."""

    status_code, headers = 200, {"Content-Type": "application/ld+json"}

    def get(self, url, *_, **__):
        assert url == "https://w3id.org/ro/crate/1.1/context"
        return self

    def json(self):
        file = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
        return {"@context": json.loads(file.read_text("utf-8"))["@context"] | BIOSCHEMAS}

    @property
    def text(self):
        return json.dumps(self.json())

    @property
    def content(self):
        return self.text.encode()

    def raise_for_status(self):
        """There is nothing to raise."""


def faults(folder):
    """Return what the validator says against a crate of the profile."""
    from rocrate_validator import models, services
    from rocrate_validator.utils.http import HttpRequester

    settings = services.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="provenance-run-crate",
        requirement_severity=models.Severity.REQUIRED,
        no_cache=True,
    )
    HttpRequester().session = Context()
    return [str(issue.message) for issue in services.validate(settings).get_issues()]


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """Make a corpus by the real workflow."""
    its = Flow(tmp_path_factory.mktemp("copy"))
    made = its.snakemake(TARGET, "--configfile", "config/demo.yaml")
    assert made.returncode == 0, made.stdout + made.stderr
    return its


@pytest.fixture
def crate(flow, monkeypatch):
    """Write the crate of what was made, and return the jobs and its folder."""
    monkeypatch.chdir(flow.folder)
    jobs = behind([TARGET], done())
    files = [flow.folder / "Snakefile", *sorted((flow.folder / "workflow/rules").glob("*.smk"))]
    write_crate(Path("results/ro-crate-metadata.json"), jobs, [TARGET], files, ABOUT)
    return jobs, flow.folder / "results"


def test_the_jobs_are_those_that_were_run(crate):
    jobs, _ = crate
    assert [job.rule for job in jobs] == ["sample", "corpora"]
    made, used = jobs
    assert TARGET in used.outputs
    assert f"results/raw/{CORPUS}" in made.outputs & used.inputs
    assert "workflow/scripts/corpora.py" in used.command
    assert 0 < made.begun <= made.ended <= used.ended


def test_another_library_reads_what_was_run(crate):
    jobs, folder = crate
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = ROCrate(folder)
    run = read.get("#job/2")
    assert run["instrument"]["name"] == "workflow/scripts/corpora.py"
    assert run["instrument"]["softwareVersion"] == "c1"
    assert run["description"] == jobs[1].command
    results = {its["name"] for its in run["result"]}
    assert results == {name.removeprefix("results/") for name in jobs[1].outputs}
    assert run["startTime"] >= read.get("#job/1")["startTime"]
    report = read.get(f"corpora/{CORPUS}/report.json")
    assert report["sha256"] == sha256(folder.parent / TARGET)
    assert read.mainEntity.id == "workflow/Snakefile"
    assert (folder / "workflow/workflow/rules/corpora.smk").is_file()
    assert json.loads((folder / "workflow/configuration.json").read_text()) == {"name": "test"}


def test_the_validator_has_nothing_to_say_unless_something_is_missing(crate):
    _, folder = crate
    assert faults(folder) == []
    file = folder / "ro-crate-metadata.json"
    told = json.loads(file.read_text())
    [step] = [its for its in told["@graph"] if its["@id"] == "#control/2"]
    del step["instrument"]
    file.write_text(json.dumps(told))
    [fault] = faults(folder)
    assert "ControlAction must reference a HowToStep" in fault


def test_a_file_that_two_jobs_share_is_described_once_and_others_are_left_out(tmp_path):
    (tmp_path / "results/a b").mkdir(parents=True)
    for name in ("results/a b/x+y.csv", "results/z.csv", "Snakefile", "results/secret"):
        (tmp_path / name).write_text(name)
    shared, last = (str(tmp_path / "results" / name) for name in ("a b/x+y.csv", "z.csv"))
    outside = str(tmp_path / "Snakefile")
    jobs = [
        Done("one", frozenset([outside]), frozenset([shared]), "touch x", 1.0, 2.0),
        Done("two", frozenset([shared]), frozenset([last]), "cp x z", 3.0, 4.0),
    ]
    out = tmp_path / "results/ro-crate-metadata.json"
    write_crate(out, jobs, [last], [tmp_path / "Snakefile"], ABOUT)
    graph = {its["@id"]: its for its in json.loads(out.read_text())["@graph"]}
    assert graph["#job/1"]["object"] == []
    assert graph["#job/1"]["result"] == graph["#job/2"]["object"] == [{"@id": "a%20b/x%2By.csv"}]
    assert graph["./"]["datePublished"] == "1970-01-01T00:00:04+00:00"
    assert "secret" not in graph


def test_without_records_it_is_said_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"has no record of a job.*--drop-metadata"):
        done(tmp_path)


def test_the_crate_is_a_target_behind_the_report_and_all_tables(flow, monkeypatch):
    monkeypatch.chdir(flow.folder)
    # All jobs: the file that another test wrote here must not count.
    options = ("--configfile", "config/demo.yaml", "--forceall")
    jobs = planned(["results/ro-crate-metadata.json"], *options)
    [job] = [job for job in jobs if job.rule == "crate"]
    assert {"results/report.html", "results/tables/mfner/table5.csv"} <= job.inputs
