"""What rules look up of base models: folders, recipes, what their jobs ask of a machine."""

from pathlib import Path

from bionerflow.plan.base import BasePlan, as_json
from bionerflow.settings.models import Local, Pretrain, Resources
from bionerflow.settings.runs import chosen


class ModelsPlan(BasePlan):
    """Look-ups by model."""

    def model_folder(self, name: str) -> str:
        """Return where a model lies; a model trained here belongs to this configuration."""
        model = self.models[name]
        if isinstance(model, Local):
            return model.path
        return f"results/models/{self.config.name if isinstance(model, Pretrain) else 'hub'}/{name}"

    def model_names(self, source: str) -> list[str]:
        """Return the models of one source."""
        return [name for name, model in self.models.items() if model.source == source]

    def recipe(self, name: str) -> str:
        """Return how a model of the tiny family is built and trained."""
        model = self.models[name]
        return as_json(
            model.model_dump(mode="json", include={"architecture", "sentences", "train"})
        )

    def fetching(self, name: str) -> str:
        """Return what fetching a model rests on; what its jobs ask of a machine does not matter."""
        return self.models[name].model_copy(update={"resources": Resources()}).dump()

    def resources(self, model: str) -> Resources:
        """Return what a job with this model asks of its machine."""
        return self.models[model].resources

    def pretraining_corpora(self) -> list[str]:
        """Return the corpora whose training texts the tiny family learns from."""
        corpora = (chosen(self.config, e) for e in self.experiments.values())
        return list(dict.fromkeys(corpus for its in corpora for corpus in its))

    def tokenizers(self) -> dict[str, str]:
        """Return the folders of the models whose tokenizers are here, or the tiny family's."""
        used = dict.fromkeys(model for e in self.experiments.values() for model in e.all_models())
        fetched = [name for name in used if not isinstance(self.models[name], Pretrain)]
        folders = {name: self.model_folder(name) for name in fetched}
        here = {n: f for n, f in folders.items() if Path(f, "tokenizer_config.json").is_file()}
        return here or {"tiny": f"results/models/{self.config.name}/tokenizer"}
