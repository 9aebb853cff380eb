"""`bionerflow check`: what targets need and cost, before anything is fetched or computed."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from bionerflow.config.models import Hub, Local
from bionerflow.models.template import has_template
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, write_text
from bionerflow.workflow.jobs import Job, behind, planned
from bionerflow.workflow.plan import Plan
from bionerflow.workflow.plan.forecast import Cost, Planned, energy

CONFIG = "config/config.yaml"
#: The page with a generated part, the marks around that part, and the targets that it is about.
PAGE, BEGIN, END = "docs/scale.md", "<!-- generated -->\n", "\n<!-- end of generated -->"
ALL = ("tables", "figures", "all")
HEAD = ("Table", "jobs", "trainings", "GPU h", "CPU h", "kWh", "kgCO2e")


def check(targets: Sequence[str], configfiles: Sequence[str], profile: str | None = None) -> str:
    """Return what targets need and cost as Markdown, from a dry run in the working directory.

    Raises:
        UserError: Snakemake cannot plan the targets, or the configuration has a fault.
    """
    options = options_of(configfiles, profile)
    plan = plan_of(configfiles)
    left = planned(targets, *options)
    done = planned(targets, "--forceall", *options) if Path("results").is_dir() else left
    return "\n\n".join(["\n".join(part) for part in parts(plan, left, done) if part])


def options_of(configfiles: Sequence[str], profile: str | None) -> list[str]:
    """Return the arguments of Snakemake's command line for a configuration and a profile."""
    files = ["--configfile", *configfiles] if configfiles else []
    return files + (["--profile", profile] if profile else [])


def plan_of(configfiles: Sequence[str]) -> Plan:
    """Return the plan of the shipped configuration with others laid over it, as Snakemake does."""
    from snakemake.utils import update_config

    config: dict[str, Any] = {}
    for file in [CONFIG, *configfiles]:
        try:
            update_config(config, yaml.safe_load(Path(file).read_text("utf-8")) or {})
        except yaml.YAMLError as error:
            raise UserError(f"{file} is not YAML: {error}") from None
    return Plan(config)


def parts(plan: Plan, left: list[Job], every: list[Job]) -> list[list[str]]:
    """Return the sections of the report, each a list of lines: none where there is nothing to say.

    Args:
        plan: The configuration.
        left: The jobs that are to be run.
        every: These, and those that were run before.
    """
    jobs = asked(left)
    cost = plan.forecast(jobs)
    return [
        by_hand(plan, jobs),
        to_fetch(plan, jobs),
        at_hand(plan, asked(every)),
        machine(plan, jobs, cost),
        ["## To do", "", f"{cost}."],
        by_table(plan, left),
        facts(plan, every),
    ]


def asked(jobs: Iterable[Job]) -> list[Planned]:
    """Return the rules and wildcards of jobs."""
    return [(job.rule, job.wildcards) for job in jobs]


def by_hand(plan: Plan, jobs: Iterable[Planned]) -> list[str]:
    """Return which files of corpora the user must bring."""
    lines = plan.to_bring(its["corpus"] for rule, its in jobs if rule == "download")
    return ["## To bring by hand", "", *(f"- {line}" for line in lines)] if lines else []


def to_fetch(plan: Plan, jobs: Iterable[Planned]) -> list[str]:
    """Return which models are fetched from the Hub, and which of them need a token."""
    names = sorted(its["model"] for rule, its in jobs if rule == "prefetch")
    lines = [f"- {name}: {_fetched(plan, name)}" for name in names]
    return ["## To fetch from the Hugging Face Hub", "", *lines] if lines else []


def _fetched(plan: Plan, name: str) -> str:
    model = plan.models[name]
    if not isinstance(model, Hub):
        return str(model.source)
    size = f", {plan.parameters(name) * 2 / 1e9:.1f} GB" if plan.parameters(name) else ""
    revision = f", revision {model.revision}" if model.revision else ", unpinned"
    template = f", chat template of {model.chat_template_of}" if model.chat_template_of else ""
    gated = f"; gated: accept its licence ({model.licence}) on its page" if model.gated else ""
    if model.gated:
        from huggingface_hub import get_token

        gated += "; a token is set" if get_token() else ", and set HF_TOKEN: no token is set"
    return f"{model.id}{size}{revision}{template}{gated}"


def at_hand(plan: Plan, jobs: Iterable[Planned]) -> list[str]:
    """Return template and context of the models that are here, and what is asked of them."""
    needs: dict[str, int] = {}
    for rule, its in jobs:
        if rule == "train":
            run = plan.run(its["run"])
            needs[run.model] = max(needs.get(run.model, 0), run.train.max_length)
    folders = {name: _folder(plan, name) for name in needs}
    lines = [
        f"- {name}: {_described(folder, needs[name])}"
        for name, folder in folders.items()
        if Path(folder, "config.json").is_file()
    ]
    return ["## Models at hand", "", *lines] if lines else []


def _folder(plan: Plan, name: str) -> str:
    model = plan.models[name]
    if isinstance(model, Local):
        return str(Path(model.path).expanduser())
    return plan.model_folder(name)


def _described(folder: str, need: int) -> str:
    from transformers import AutoConfig

    from bionerflow.models.context import context

    limit = context(AutoConfig.from_pretrained(folder, local_files_only=True))
    template = "has a chat template" if has_template(folder) else "has NO chat template"
    reads = f"reads {limit:,} tokens" if limit else "reads any number of tokens"
    short = ": longer conversations are left out" if limit and limit < need else ""
    return f"{template}, {reads}, its trainings ask for up to {need:,}{short}"


def machine(plan: Plan, jobs: list[Planned], cost: Cost) -> list[str]:
    """Return the disk and memory that the jobs need."""
    lasting, passing = plan.disk_gb(jobs)
    free = shutil.disk_usage(".").free / 1e9
    short = " NOT ENOUGH." if lasting + passing > free else ""
    gpu = f", of a GPU {cost.gpu_memory_gb} GB" if cost.gpu_memory_gb else ""
    return [
        "## Disk and memory",
        "",
        f"- disk: {lasting:,.0f} GB of models, fetched and trained, up to {passing:,.0f} GB of "
        f"checkpoints per training that is going on; {free:,.0f} GB are free.{short}",
        f"- memory per job: at most {cost.memory_mb / 1000:,.0f} GB{gpu}",
    ]


def by_table(plan: Plan, left: list[Job]) -> list[str]:
    """Return what each table costs on its own; what tables share is done once."""
    rows = []
    for name in tables(plan, left):
        cost = plan.forecast(asked(behind([f"results/tables/{name}.csv"], left)))
        hours = (f"{cost.gpu_hours:,.1f}", f"{cost.cpu_hours:,.1f}", f"{cost.kwh:,.1f}")
        co2e = f"{cost.co2e_g / 1000:,.2f}"
        rows.append((name, f"{cost.jobs:,}", f"{cost.runs:,}", *hours, co2e))
    return ["## By table, each on its own", "", *markdown(HEAD, rows)] if rows else []


def tables(plan: Plan, jobs: Iterable[Job]) -> list[str]:
    """Return the papers' tables among what jobs make, in the order of the configuration."""
    made = {output for job in jobs for output in job.outputs}
    return [name for name in plan.every_table() if f"results/tables/{name}.csv" in made]


def facts(plan: Plan, every: list[Job]) -> list[str]:
    """Return what finished trainings cost beside what they were forecast to, by table."""
    rows = []
    for name in tables(plan, every):
        runs = [its["run"] for rule, its in asked(behind([f"results/tables/{name}.csv"], every))
                if rule == "train"]  # fmt: skip
        done = [run for run in runs if run in plan.recorded]
        if done:
            rows.append((name, f"{len(done)} of {len(runs)}", *_compared(plan, done)))
    head = ("Table", "trained", "forecast h", "measured h", "forecast kWh", "kWh")
    return ["## Trainings so far", "", *markdown(head, rows)] if rows else []


def _compared(plan: Plan, runs: Iterable[str]) -> tuple[str, str, str, str]:
    """Return hours and kWh of runs, by the rates in the configuration and as they were."""
    ahead, hours, kwh_ahead, kwh = 0.0, 0.0, 0.0, 0.0
    known = True
    for run in runs:
        asks, file = plan.to_train(run), Path("results/train", run, "footprint.json")
        seconds = plan.training(run).seconds(plan.models[plan.run(run).model].resources)
        known &= seconds is not None
        ahead += (seconds or 0) / 3600
        kwh_ahead += energy(seconds or 0, asks, plan.config.footprint)["kwh"] or 0
        hours += plan.recorded[run]["seconds"] / 3600
        kwh += read_json(file)["kwh"] if file.is_file() else 0
    forecast = (f"{ahead:,.2f}", f"{kwh_ahead:,.3f}") if known else ("no rates", "no rates")
    return forecast[0], f"{hours:,.2f}", forecast[1], f"{kwh:,.3f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines: list[Sequence[str]] = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def scale(plan: Plan, jobs: Sequence[Job]) -> str:
    """Return the generated part of docs/scale.md: what all jobs cost, by model and by table."""
    tables = by_table(plan, list(jobs))[2:]
    return "\n".join([f"{plan.forecast(asked(jobs))}.", "", *by_model(plan, jobs), "", *tables])


def by_model(plan: Plan, jobs: Iterable[Job]) -> list[str]:
    """Return what the jobs of each model cost."""
    its: dict[str, list[Planned]] = {}
    for rule, wildcards in asked(jobs):
        if work := plan.work(rule, wildcards):
            its.setdefault(work.model, []).append((rule, wildcards))
    rows: list[tuple[str, ...]] = []
    for model, mine in sorted(its.items()):
        cost, (lasting, passing) = plan.forecast(mine), plan.disk_gb(mine)
        hours = "no rates" if cost.unknown else f"{cost.gpu_hours + cost.cpu_hours:,.1f}"
        disk = (f"{lasting:,.1f}", f"{passing:,.1f}")
        rows.append((model, f"{cost.jobs:,}", f"{cost.runs:,}", hours, *disk))
    head = ("Model", "jobs", "trainings", "hours", "trained models, GB", "checkpoints, GB")
    return markdown(head, rows)


def with_scale(page: str, generated: str) -> str:
    """Return docs/scale.md with its generated part put in."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + generated + END + rest.split(END)[1]


def main() -> None:
    """Bring docs/scale.md in step; call it in a checkout in which nothing was made."""
    if Path("results").exists():
        raise SystemExit("error: results/ is here: call this in a fresh checkout.")
    generated = scale(plan_of([]), planned(ALL))
    write_text(PAGE, with_scale(Path(PAGE).read_text("utf-8"), generated))


if __name__ == "__main__":
    main()
