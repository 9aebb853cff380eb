"""What jobs ask of their machine: the entry of their model, with the minutes that they need."""

import math

from bionerflow.config.models import Resources
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import costs
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
        its = self.run(run)
        return self._lasting(its.model, costs.trained(its), costs.validated(its))

    def to_answer(self, run: str) -> Resources:
        """Return what a job asks for that answers its share of a run's test sentences."""
        its = self.run(run)
        return self._lasting(its.model, 0, costs.tested(its) / its.predict.jobs)

    def to_score(self, scorer: str, mode: str) -> Resources:
        """Return what a job asks for that scores its share of a corpus in a format."""
        read = costs.scored() / self.scoring_jobs(scorer, mode)
        return self._lasting(scorer, read / READING, 0)

    def to_fit(self, selector: str) -> Resources:
        """Return what training a selector asks for."""
        settings, corpora = self.selector(selector)
        return self._lasting(settings.base, costs.fitted(settings, corpora), 0)

    def to_filter(self, run: str, selector: str) -> Resources:
        """Return what a selector's look at the predictions of a run asks for."""
        base = self.selector(selector)[0].base
        return self._lasting(base, costs.filtered(self.run(run)) / READING, 0)

    def _lasting(self, model: str, trained: float, written: float) -> Resources:
        """Return the resources of a model's entry for a job of so many tokens."""
        its = self.models[model].resources
        work = ((trained, its.trained_per_second), (written, its.written_per_second))
        if any(tokens and not rate for tokens, rate in work):
            return its
        seconds = sum(tokens / rate for tokens, rate in work if rate)
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
