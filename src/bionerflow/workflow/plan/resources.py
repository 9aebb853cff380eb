"""What jobs ask of their machine: the entry of their model, with the minutes that they need."""

import math
from collections.abc import Callable, Mapping

from bionerflow.config.models import Resources
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import costs
from bionerflow.workflow.plan.costs import Work
from bionerflow.workflow.plan.selectors import SelectorsPlan
from bionerflow.workflow.plan.sharing import SharingPlan

#: Of the estimated time; minutes for a job's start, whatever it does then.
MARGIN, START = 2, 20
#: A pass that learns nothing costs a third of one that does.
READING = 3


class ResourcesPlan(SharingPlan, SelectorsPlan):
    """Look-ups of resources by what a job does; `runtime_min` of a model's entry is the most."""

    def to_train(self, run: str) -> Resources:
        """Return what training a run asks for, validations included."""
        return self._lasting(self.training(run))

    def to_answer(self, run: str) -> Resources:
        """Return what a job asks for that answers its share of a run's test sentences."""
        return self._lasting(self.answers(run))

    def to_score(self, scorer: str, mode: str) -> Resources:
        """Return what a job asks for that scores its share of a corpus in a format."""
        return self._lasting(self.scoring(scorer, mode))

    def to_fit(self, selector: str) -> Resources:
        """Return what training a selector asks for."""
        return self._lasting(self.fitting(selector))

    def to_filter(self, run: str, selector: str) -> Resources:
        """Return what a selector's look at the predictions of a run asks for."""
        return self._lasting(self.filtering(run, selector))

    def training(self, run: str) -> Work:
        """Return the tokens of a run's training, validations included."""
        its = self.run(run)
        return Work(its.model, costs.trained(its), costs.validated(its))

    def answers(self, run: str) -> Work:
        """Return the tokens of one job's share of a run's answers to test sentences."""
        its = self.run(run)
        return Work(its.model, 0, costs.tested(its) / its.predict.jobs)

    def scoring(self, scorer: str, mode: str) -> Work:
        """Return the tokens of one job's share of the IFD scores of a corpus in a format."""
        return Work(scorer, costs.scored() / self.scoring_jobs(scorer, mode) / READING, 0)

    def fitting(self, selector: str) -> Work:
        """Return the tokens of a selector's training."""
        settings, corpora = self.selector(selector)
        return Work(settings.base, costs.fitted(settings, corpora), 0)

    def filtering(self, run: str, selector: str) -> Work:
        """Return the tokens that a selector reads of a run's predictions."""
        base = self.selector(selector)[0].base
        return Work(base, costs.filtered(self.run(run)) / READING, 0)

    def work(self, rule: str, wildcards: Mapping[str, str]) -> Work | None:
        """Return the tokens of a job by its rule; None where no model is at work."""
        works: dict[str, Callable[..., Work]] = {
            "train": lambda: self.training(wildcards["run"]),
            "predict": lambda: self.answers(wildcards["run"]),
            "ifd": lambda: self.scoring(wildcards["scorer"], wildcards["mode"]),
            "fit_selector": lambda: self.fitting(wildcards["selector"]),
            "select": lambda: self.filtering(wildcards["run"], wildcards["selector"]),
        }
        alike = ("predict_share", "predict_dev", "predict_sampled")
        works |= dict.fromkeys(alike, works["predict"])
        works |= {"ifd_share": works["ifd"], "tune_selector": works["select"]}
        if rule == "fit_baseline" and self.run(wildcards["run"]).system == "token_classification":
            return works["train"]()
        return works[rule]() if rule in works else None

    def _lasting(self, work: Work) -> Resources:
        """Return the resources of a model's entry for a job of so many tokens."""
        its = self.models[work.model].resources
        seconds = work.seconds(its)
        if seconds is None:
            return its
        minutes = START + math.ceil(MARGIN * seconds / 60)
        return its.model_copy(update={"runtime_min": min(minutes, its.runtime_min)})

    def gpu_model(self, resources: Resources) -> str | None:
        """Return the smallest type of GPU that has the memory; none where no types are named."""
        types = self.config.gpu_models
        if not resources.gpus or not types:
            return None
        enough = [memory for memory in sorted(types) if memory >= resources.gpu_memory_gb]
        if not enough:
            raise UserError(
                f"No type of GPU in `gpu_models` has {resources.gpu_memory_gb} GB: {types}."
            )
        return types[enough[0]]
