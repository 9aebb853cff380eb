"""The results as a Provenance Run Crate: an RO-Crate with every job that was run, and its files.

The profile (https://w3id.org/ro/wfrun/provenance/0.5) extends Workflow Run Crate, Process Run
Crate and Workflow RO-Crate. The workflow is a file of the crate, a rule is a step with its tool, a
job is an action of the tool, and all jobs together are an action of the workflow.
"""

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, ClassVar

from rocrate.model import ComputationalWorkflow, ContextEntity, Dataset, File
from rocrate.rocrate import ROCrate

from bionerflow.report.provenance.records import Done
from bionerflow.utils.files import sha256, write_json

#: What the crate conforms to.
PROFILES = {
    f"https://w3id.org/ro/wfrun/{name}/0.5": f"{name.title()} Run Crate"
    for name in ("process", "workflow", "provenance")
} | {"https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate"}
#: Terms that the context of RO-Crate 1.1 does not have.
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
TEXT = "text/plain"
FORMATS = {
    ".csv": "text/csv", ".html": "text/html", ".json": "application/json",
    ".jsonl": "application/jsonl", ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet", ".png": "image/png", ".sha256": TEXT,
    ".smk": TEXT, ".svg": "image/svg+xml", ".tex": "text/x-tex", ".yml": "application/yaml",
}  # fmt: skip
BINARY = "application/octet-stream"
SCRIPT = re.compile(r"\S*workflow/scripts/\w+\.py")
COMPLETED = "http://schema.org/CompletedActionStatus"


class StepwiseWorkflow(ComputationalWorkflow):
    """A workflow that names its steps, as the profile asks for."""

    TYPES: ClassVar = [*ComputationalWorkflow.TYPES, "HowTo"]


class Results:
    """Files of the folder of results, as entities of a crate, each added when it is first named."""

    def __init__(self, crate: ROCrate, folder: Path) -> None:
        self.crate, self.folder = crate, folder

    def entities(self, paths: Iterable[str]) -> list[Any]:
        """Return the entities of the paths that are in the folder.

        Other files belong to the workflow, whose commit the tools name.
        """
        inside = (Path(path) for path in sorted(paths))
        return [self.entity(path) for path in inside if self.has(path)]

    def has(self, path: Path) -> bool:
        """Tell whether a path leads to something in the folder."""
        return path.exists() and path.is_relative_to(self.folder)

    def entity(self, path: Path) -> Any:
        """Return the entity of a file, with its size and checksum, or of a folder."""
        place = path.relative_to(self.folder)
        said: dict[str, Any] = {"name": place.as_posix()}
        if path.is_dir():
            its = Dataset(self.crate, dest_path=place, properties=said)
        else:
            said |= {"contentSize": str(path.stat().st_size), "sha256": sha256(path)}
            said["encodingFormat"] = FORMATS.get(path.suffix, BINARY)
            its = File(self.crate, dest_path=place, properties=said)
        return self.crate.get(its.id) or self.crate.add(its)


def write_crate(
    out: Path,
    jobs: Sequence[Done],
    targets: Sequence[str],
    workflow: Sequence[Path],
    about: Mapping[str, Any],
) -> None:
    """Write the metadata of the crate, and copy the workflow into the folder of results.

    Args:
        out: `ro-crate-metadata.json` in the folder of results, which becomes the crate.
        jobs: What was run, in order.
        targets: The files that were asked for.
        workflow: The Snakefile, and the other files that define the workflow; all in its folder.
        about: name, description, licence, configuration, snakemake (its version), commit and
            environment_hash.
    """
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(TERMS)
    _describe(crate, about, jobs)
    results = Results(crate, out.parent)
    main = _workflow(results, workflow, about)
    steps = _steps(crate, main, jobs, about)
    controls = [_action(results, n, job, steps[job.rule]) for n, job in enumerate(jobs, 1)]
    run = _run(results, main, jobs, targets, about["name"])
    organized = _organized(run, controls, about["snakemake"])
    crate.root_dataset["mentions"] = [run, organized, *(one["object"] for one in controls)]
    write_json(out, crate.metadata.generate())


def _add(crate: ROCrate, id: str, **properties: Any) -> Any:
    return crate.add(ContextEntity(crate, id, properties=properties))


def _describe(crate: ROCrate, about: Mapping[str, Any], jobs: Sequence[Done]) -> None:
    crate.name, crate.description = about["name"], about["description"]
    crate.license = about["licence"]
    crate.datePublished = _time(max(job.ended for job in jobs))
    crate.root_dataset["conformsTo"] = [
        _add(crate, id, **{"@type": "CreativeWork", "name": name, "version": PurePath(id).name})
        for id, name in PROFILES.items()
    ]


def _workflow(results: Results, files: Sequence[Path], about: Mapping[str, Any]) -> Any:
    """Copy the workflow's files and its configuration into the crate; return the Snakefile."""
    crate, folder = results.crate, results.folder / "workflow"
    top = files[0].parent
    for file in files:
        copy = folder / file.relative_to(top)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    write_json(folder / "configuration.json", about["configuration"])
    main = crate.add_workflow(
        dest_path=f"workflow/{files[0].name}",
        main=True,
        lang="snakemake",
        lang_version=about["snakemake"],
        cls=StepwiseWorkflow,
        properties={"name": "bionerflow", "encodingFormat": TEXT, "version": about["commit"]},
    )
    main["conformsTo"] = _add(
        crate,
        "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE",
        **{"@type": "CreativeWork", "name": "ComputationalWorkflow", "version": "1.0-RELEASE"},
    )
    others = (str(folder / file.relative_to(top)) for file in files[1:])
    results.entities([*others, str(folder / "configuration.json")])
    return main


def _steps(
    crate: ROCrate, main: Any, jobs: Sequence[Done], about: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Add each rule as a step with its tool; return both by the rules' names."""
    found: dict[str, tuple[Any, Any]] = {}
    for job in jobs:
        if job.rule in found:
            continue
        script = SCRIPT.search(job.command)
        name = f"workflow/scripts/{PurePath(script[0]).name}" if script else job.rule
        said = {"@type": "SoftwareApplication", "name": name, "softwareVersion": about["commit"]}
        tool = _add(crate, f"#tool/{job.rule}", **said, identifier=about["environment_hash"])
        place = str(len(found) + 1)
        its = {"@type": "HowToStep", "name": job.rule, "position": place}
        step = _add(crate, f"#step/{job.rule}", **its)
        step["workExample"] = tool
        found[job.rule] = (step, tool)
    main["step"] = [step for step, _ in found.values()]
    main["hasPart"] = [tool for _, tool in found.values()]
    return found


def _run(
    results: Results, main: Any, jobs: Sequence[Done], targets: Sequence[str], name: str
) -> Any:
    """Add all jobs together: an action of the workflow, from raw files to what was asked for."""
    times = _times(min(job.begun for job in jobs), max(job.ended for job in jobs))
    said = {"name": name, "description": f"snakemake {' '.join(targets)}"}
    run = _add(results.crate, "#run", **{"@type": "CreateAction", **said, **times})
    made = {output for job in jobs for output in job.outputs}
    raw = {path for job in jobs for path in job.inputs} - made
    run["instrument"], run["result"] = main, results.entities(targets)
    run["object"] = [results.crate.get("workflow/configuration.json"), *results.entities(raw)]
    return run


def _organized(run: Any, controls: Sequence[Any], version: str) -> Any:
    """Add what Snakemake did: it started the steps, which led to the run."""
    crate = run.crate
    engine = {"@type": "SoftwareApplication", "name": "Snakemake", "version": version}
    times = {key: run[key] for key in ("startTime", "endTime", "actionStatus")}
    said = {"@type": "OrganizeAction", "name": f"Snakemake {version}", **times}
    organized = _add(crate, "#organize", **said)
    organized["instrument"] = _add(crate, "#snakemake", **engine, url="https://snakemake.github.io")
    organized["result"], organized["object"] = run, controls
    return organized


def _action(results: Results, n: int, job: Done, its: tuple[Any, Any]) -> Any:
    """Add a job: an action of its rule's tool, and the action of its step that led to it."""
    step, tool = its
    said = {"@type": "CreateAction", "name": f"{job.rule} {n}", "description": job.command}
    action = _add(results.crate, f"#job/{n}", **said, **_times(job.begun, job.ended))
    action["instrument"] = tool
    action["object"] = results.entities(job.inputs)
    action["result"] = results.entities(job.outputs)
    control = {"@type": "ControlAction", "name": f"step {job.rule} {n}"}
    led = _add(results.crate, f"#control/{n}", **control)
    led["instrument"], led["object"] = step, action
    return led


def _times(begun: float, ended: float) -> dict[str, str]:
    return {"startTime": _time(begun), "endTime": _time(ended), "actionStatus": COMPLETED}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
