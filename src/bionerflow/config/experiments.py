"""What config/experiments/*.yaml may say: what a paper varied."""

from typing import Any, Literal

from pydantic import Field, model_validator

from bionerflow.config.base import Name, Settings
from bionerflow.config.stages import (
    CurateSettings,
    PredictSettings,
    SelectorSettings,
    TrainSettings,
)

System = Literal["llm", "dictionary", "token_classification", "predictions"]
#: Systems that learn from training sentences and find nested, but no discontinuous mentions.
LAYERED = ("dictionary", "token_classification")


class Overrides(Settings):
    """What one configuration changes in the base settings; a group's keys replace the base's."""

    system: System = Field(
        "llm",
        description="what finds the mentions: a language model that writes them, or a baseline:"
        " exact matches of training mentions, a token classifier, or predictions in a file",
    )
    predictions: str | None = Field(
        None, description="of `system: predictions`: path of the JSONL file (docs/baselines.md)"
    )
    formats: list[str] = Field(min_length=1, description="output formats that are learned")
    corpora: list[str] | None = Field(None, description="instead of the experiment's")
    models: list[str] | None = Field(None, description="instead of the experiment's")
    separately: bool = Field(False, description="a run for each corpus, not one for all")
    unseen: list[str] = Field([], description="corpora that are tested on, not trained on")
    curate: dict[str, Any] = Field({}, description="keys of `base.curate`")
    train: dict[str, Any] = Field({}, description="keys of `base.train`")
    predict: dict[str, Any] = Field({}, description="keys of `base.predict`")

    @model_validator(mode="after")
    def _possible_with_the_system(self) -> "Overrides":
        if self.system in LAYERED and self.formats != ["multi_bio"]:
            raise ValueError(f"system: {self.system} needs `formats: [multi_bio]`")
        if (self.system == "predictions") != (self.predictions is not None):
            raise ValueError("`predictions: FILE` and `system: predictions` belong together")
        return self


class Base(Settings):
    """The settings that every run of an experiment starts from."""

    curate: CurateSettings = Field(CurateSettings(), description="choice of sentences")
    train: TrainSettings = Field(TrainSettings(), description="fine-tuning")
    predict: PredictSettings = Field(PredictSettings(), description="answering")


class Experiment(Settings):
    """What a paper varied; it expands into runs."""

    base: Base = Field(Base(), description="settings that every run starts from")
    corpora: list[str] = Field(min_length=1, description="corpora that runs are trained on")
    models: list[str] = Field(min_length=1, description="base models; each is a run of its own")
    draws: list[int] = Field(
        [1], min_length=1, description="seeds (numbers without unit); each is a run of its own"
    )
    configurations: dict[Name, Overrides] = Field(description="what runs differ in, by name")
    selectors: dict[Name, SelectorSettings] = Field({}, description="filters of entities, by name")
    also: list[str] = Field(
        [], description="configuration or configuration+selector that tables by corpus add"
    )
    stand_ins: dict[str, str] = Field(
        {}, description="corpora that tables show, under their own names, where they name others"
    )

    def trained_on(self, configuration: str) -> list[str]:
        """Return the corpora of a configuration, without those that it is tested on only."""
        return self.configurations[configuration].corpora or self.corpora

    def fine_tuned(self, configuration: str) -> list[str]:
        """Return the models of a configuration."""
        return self.configurations[configuration].models or self.models

    def all_models(self) -> list[str]:
        """Return the experiment's models, and those of single configurations after them."""
        also = [model for name in self.configurations for model in self.fine_tuned(name)]
        return list(dict.fromkeys([*self.models, *also]))

    def with_unseen(self) -> "Experiment":
        """Return the experiment with all corpora of its configurations, as tables list them."""
        seen = {name: self.trained_on(name) for name in self.configurations}
        others = [c for n, change in self.configurations.items() for c in seen[n] + change.unseen]
        configurations = {
            name: change.model_copy(update={"corpora": seen[name]})
            for name, change in self.configurations.items()
        }
        corpora = list(dict.fromkeys([*self.corpora, *others]))
        return self.model_copy(update={"corpora": corpora, "configurations": configurations})
