"""What config/experiments/*.yaml may say: what a paper varied."""

from typing import Any

from pydantic import Field

from bionerflow.config.base import Name, Settings
from bionerflow.config.stages import (
    CurateSettings,
    PredictSettings,
    SelectorSettings,
    TrainSettings,
)


class Overrides(Settings):
    """What one configuration changes in the base settings; a group's keys replace the base's."""

    formats: list[str] = Field(min_length=1)
    corpora: list[str] | None = Field(None, description="instead of the experiment's")
    models: list[str] | None = Field(None, description="instead of the experiment's")
    separately: bool = Field(False, description="a run for each corpus, not one for all")
    unseen: list[str] = Field([], description="corpora that are tested on, not trained on")
    curate: dict[str, Any] = Field({})
    train: dict[str, Any] = Field({})
    predict: dict[str, Any] = Field({})


class Base(Settings):
    """The settings that every run of an experiment starts from."""

    curate: CurateSettings = CurateSettings()
    train: TrainSettings = TrainSettings()
    predict: PredictSettings = PredictSettings()


class Experiment(Settings):
    """What a paper varied; it expands into runs."""

    base: Base = Base()
    corpora: list[str] = Field(min_length=1)
    models: list[str] = Field(min_length=1)
    draws: list[int] = Field([1], min_length=1)
    configurations: dict[Name, Overrides]
    selectors: dict[Name, SelectorSettings] = Field({})
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
