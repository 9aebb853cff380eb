"""Runs: what the experiments of a configuration expand into."""

from collections.abc import Iterator
from itertools import product

from pydantic import Field, model_validator

from bionerflow.config.base import Settings, parse
from bionerflow.config.experiments import Experiment, System
from bionerflow.config.stages import CurateSettings, PredictSettings, TrainSettings
from bionerflow.config.workflow import Config, place_of


class Run(Settings):
    """One model fine-tuned once: an experiment's configuration, model and draw."""

    id: str
    paper: str
    model: str
    configuration: str
    system: System
    predictions: str | None
    draw: int
    corpora: list[str]
    unseen: list[str]
    formats: list[str]
    curate: CurateSettings
    train: TrainSettings
    predict: PredictSettings

    @model_validator(mode="after")
    def _steps_are_counted(self) -> "Run":
        if self.train.equal_steps and self.system != "llm":
            raise ValueError(f"train.equal_steps is for system: llm, not for {self.system}")
        return self


class AskedCorpus(Settings):
    """What prompts say of a corpus."""

    dataset: str = Field(description="its name in prompts")
    language: str = Field(description="code, as ISO 639 has it")
    types: list[str] = Field(description="in the order that prompts list them")
    definitions: dict[str, str] = Field({}, description="explanations by type")


class RunCard(Settings):
    """results/train/{run}/run.json: how a run was asked, so that it can be asked again."""

    run: str = Field(description="id of the run")
    corpora: dict[str, AskedCorpus] = Field(description="corpora that it was trained on, by name")
    formats: list[str] = Field(description="output formats that it learned")
    system: System = Field("llm", description="what finds the mentions")
    predict: PredictSettings = Field(description="how it is asked")


def expand(config: Config, paper: str, experiment: Experiment) -> Iterator[Run]:
    """Yield the runs of a paper's experiment: each configuration, model and draw."""
    asked = [
        (name, change, model)
        for name, change in experiment.configurations.items()
        for model in experiment.fine_tuned(name)
    ]
    for (name, change, model), draw in product(asked, experiment.draws):
        groups = {
            group: {**getattr(experiment.base, group).model_dump(), **getattr(change, group)}
            for group in ("curate", "train", "predict")
        }
        corpora = chosen(config, experiment, change.corpora)
        for alone in corpora if change.separately else [None]:
            run = {
                "id": run_id(config.name, model, name, draw, alone),
                "paper": paper,
                "model": model,
                "configuration": name,
                "system": change.system,
                "predictions": change.predictions,
                "draw": draw,
                "corpora": [alone] if alone else corpora,
                "unseen": [c for c in change.unseen if c not in {alone, *config.exclude}],
                "formats": change.formats,
                **groups,
            }
            where = place_of(config.experiments, paper)
            yield parse(Run, run, f"{where}, configurations.{name}")


def run_id(
    prefix: str, model: str, configuration: str, draw: int, corpus: str | None = None
) -> str:
    """Return a run's id, which is its folder; `corpus` is the only one that it is trained on."""
    parts = [prefix, model, configuration, corpus, f"draw{draw}"]
    return ".".join(part for part in parts if part)


def chosen(config: Config, experiment: Experiment, corpora: list[str] | None = None) -> list[str]:
    """Return an experiment's corpora, or those that are named, without what is left out."""
    named = experiment.corpora if corpora is None else corpora
    return [corpus for corpus in named if corpus not in config.exclude]
