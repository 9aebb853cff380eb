"""What rules look up of base models: folders, sources, what their jobs ask of a machine."""

import json
from functools import cache
from pathlib import Path

from bionerflow.config.models import Hub, Local, Resources
from bionerflow.config.runs import chosen
from bionerflow.workflow.plan.base import BasePlan
from bionerflow.workflow.plan.local import checked

#: The model of config/models.yaml whose tokenizer counts where no other one is here.
TOKENIZER = "smollm2-135m"


class ModelsPlan(BasePlan):
    """Look-ups by model."""

    def model_folder(self, name: str) -> str:
        """Return where a model lies."""
        return f"results/models/{self.models[name].source}/{name}"

    def model_names(self, source: str) -> list[str]:
        """Return the models of one source."""
        return [name for name, model in self.models.items() if model.source == source]

    def fetching(self, name: str) -> str:
        """Return what fetching a model rests on: not what its jobs ask for, nor who may have it."""
        model = self.models[name].model_copy(update={"resources": Resources()})
        if isinstance(model, Hub):
            model = model.model_copy(update={"gated": False})
        if isinstance(model, Local):
            path = self.place(str(Path(model.path).expanduser()))
            model = model.model_copy(update={"path": path})
        return model.dump()

    @cache  # noqa: B019 (a plan lives as long as its process)
    def weights(self, name: str) -> dict[str, str]:
        """Return the SHA-256 of the files of a model in a folder of the user's, by name.

        Raises:
            UserError: the folder lacks a part of the model.
        """
        path = json.loads(self.fetching(name))["path"]
        return checked(name, path, chats=name in self._asked_in_conversations())

    def _asked_in_conversations(self) -> set[str]:
        """Return the models that need a chat template."""
        selectors = [s for e in self.experiments.values() for s in e.selectors.values()]
        scored = [run.curate for run in self.runs.values() if run.curate.mode == "chat"]
        return {
            *(run.model for run in self.runs.values() if run.system == "llm"),
            *(selector.base for selector in selectors if selector.kind == "llm_causal"),
            *(curate.scorer for curate in scored if curate.scorer),
        }

    def resources(self, model: str) -> Resources:
        """Return what a job with this model asks of its machine."""
        return self.models[model].resources

    def all_corpora(self) -> list[str]:
        """Return the corpora of all experiments."""
        corpora = (chosen(self.config, e) for e in self.experiments.values())
        return list(dict.fromkeys(corpus for its in corpora for corpus in its))

    def tokenizers(self) -> dict[str, str]:
        """Return the folders of the models whose tokenizers are here, or that of TOKENIZER."""
        used = dict.fromkeys(model for e in self.experiments.values() for model in e.all_models())
        folders = {name: self.model_folder(name) for name in used}
        here = {n: f for n, f in folders.items() if Path(f, "tokenizer_config.json").is_file()}
        known = [TOKENIZER] if TOKENIZER in self.models else []
        return here or {name: self.model_folder(name) for name in known}
