"""What jobs will cost, forecast from the rates of their models, and what finished runs did cost."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bionerflow.config.models import Resources
from bionerflow.config.workflow import FootprintSettings
from bionerflow.train.footprint import footprint
from bionerflow.utils.files import read_json
from bionerflow.workflow.plan.costs import Work
from bionerflow.workflow.plan.resources import ResourcesPlan

#: Bytes per parameter: of a model as the Hub has it, of one whose weights were all trained, and of
#: the checkpoints of such a training (weights and two moments; up to three of them).
FETCHED, TRAINED, CHECKPOINTS = 2, 4, 3 * 12
#: The share of a model's parameters that an adapter has, at most.
ADAPTER = 0.02

#: The rule and the wildcards of a job.
Planned = tuple[str, Mapping[str, str]]


@dataclass
class Cost:
    """What jobs cost; `unknown` are the jobs of models without rates, which the hours leave out."""

    jobs: int = 0
    runs: int = 0
    gpu_hours: float = 0
    cpu_hours: float = 0
    kwh: float = 0
    co2e_g: float = 0
    unknown: int = 0
    memory_mb: int = 0
    gpu_memory_gb: int = 0
    slow: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the cost in one line."""
        open_ = "".join(
            f"; {model}: no rates, at most {minutes:,} min per job"
            for model, minutes in self.slow.items()
        )
        return (
            f"{self.jobs:,} jobs, {self.runs:,} of them trainings: about {self.gpu_hours:,.1f} GPU "
            f"hours, {self.cpu_hours:,.1f} hours without a GPU, {self.kwh:,.1f} kWh, "
            f"{self.co2e_g:,.0f} gCO2e{open_}"
        )


class ForecastPlan(ResourcesPlan):
    """Forecasts of jobs, and records of finished runs."""

    def forecast(self, jobs: Iterable[Planned]) -> Cost:
        """Return what jobs cost. Jobs without a model take seconds, and are counted only."""
        total = Cost()
        for rule, wildcards in jobs:
            total.jobs += 1
            total.runs += self._trains(rule, wildcards)
            if work := self.work(rule, wildcards):
                self._add(total, work)
        return total

    def _trains(self, rule: str, wildcards: Mapping[str, str]) -> bool:
        """Tell whether a job trains a run or a selector; zero-shot runs are not trained."""
        if rule in ("train", "fit_baseline"):
            return bool(self.run(wildcards["run"]).train.num_train_epochs)
        return rule == "fit_selector"

    def _add(self, total: Cost, work: Work) -> None:
        asks = self.models[work.model].resources
        seconds = work.seconds(self.rates(work.model))
        total.memory_mb = max(total.memory_mb, asks.memory_mb)
        total.gpu_memory_gb = max(total.gpu_memory_gb, asks.gpu_memory_gb)
        if seconds is None:
            total.unknown += 1
            total.slow[work.model] = asks.runtime_min
            return
        spent = energy(seconds, asks, self.config.footprint)
        total.gpu_hours += seconds / 3600 * asks.gpus
        total.cpu_hours += 0 if asks.gpus else seconds / 3600
        total.kwh += spent["kwh"] or 0
        total.co2e_g += spent["co2e_g"] or 0

    def rates(self, model: str) -> Resources:
        """Return a model's entry, with the rate of training that finished runs had in its place."""
        asks, runs = self.models[model].resources, self.recorded.items()
        its = [
            metrics for id, metrics in runs if self.runs[id].model == model and metrics["tokens"]
        ]
        seconds = math.fsum(metrics["seconds"] for metrics in its)
        if not seconds:
            return asks
        rate = math.fsum(metrics["tokens"] for metrics in its) / seconds
        return asks.model_copy(update={"trained_per_second": rate})

    @cached_property
    def recorded(self) -> dict[str, dict[str, Any]]:
        """What the finished runs of the configuration recorded of themselves (metrics.json)."""
        files = {id: Path("results", "train", id, "metrics.json") for id in self.runs}
        return {id: read_json(file) for id, file in files.items() if file.is_file()}

    def disk_gb(self, jobs: Iterable[Planned]) -> tuple[float, float]:
        """Return how large the models of jobs are, and the checkpoints of the largest training."""
        lasting, passing = 0.0, [0.0]
        for size, share in self._sizes(jobs):
            lasting += size
            passing.append(share)
        return lasting / 1e9, max(passing) / 1e9

    def _sizes(self, jobs: Iterable[Planned]) -> Iterator[tuple[float, float]]:
        for rule, wildcards in jobs:
            if rule == "prefetch":
                yield FETCHED * self.parameters(wildcards["model"]), 0
            elif rule == "train":
                run = self.run(wildcards["run"])
                share = 1 if run.train.method == "full" else ADAPTER
                size = self.parameters(run.model) * share
                trains = self._trains(rule, wildcards)
                yield (TRAINED if trains else FETCHED) * size, CHECKPOINTS * size * trains
            elif rule == "fit_selector":
                base = self.selector(wildcards["selector"])[0].base
                yield TRAINED * ADAPTER * self.parameters(base), 0

    def parameters(self, model: str) -> float:
        """Return the number of a model's parameters, 0 where its entry does not say it."""
        return 1e6 * (self.models[model].resources.million_parameters or 0)


def energy(
    seconds: float, asks: Resources, constants: FootprintSettings
) -> dict[str, float | None]:
    """Return what a job of so many seconds takes, by the formula for finished runs."""
    processes = max(asks.gpus, 1)
    machine = {
        "processes": processes,
        "threads": asks.cpus / processes,
        "gpu": asks.gpus or None,
        "peak_memory_mb": asks.memory_mb / processes,
    }
    unmeasured = {"processors": None, "gpus": None}
    metrics = {"seconds": seconds, "environment": machine, "measured_kwh": unmeasured}
    return footprint(metrics, constants)
