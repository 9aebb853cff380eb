"""What rules look up of selectors, which filter predictions."""

from bionerflow.config.base import parse
from bionerflow.config.runs import chosen
from bionerflow.config.stages import SelectorSettings, selector_parts
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan.base import BasePlan, as_json, known


class SelectorsPlan(BasePlan):
    """Look-ups by selector."""

    def selector(self, name: str) -> tuple[SelectorSettings, list[str]]:
        """Return a selector's settings and the corpora that it is trained on.

        `{selector}.{corpus}` is trained on one corpus alone, `{selector}@0.7` has this threshold.

        Raises:
            UserError: there is no such selector or corpus, or the threshold is no probability.
        """
        found = {s: (e, e.selectors[s]) for e in self.experiments.values() for s in e.selectors}
        key, corpus, threshold = selector_parts(name)
        known("results", "selector", key, found)
        experiment, settings = found[key]
        if threshold:
            fixed = settings.model_dump() | {"threshold": threshold}
            settings = parse(SelectorSettings, fixed, f"the selector {name}")
        if corpus:
            known("results", "corpus", corpus, dict.fromkeys(experiment.corpora))
        return settings, chosen(self.config, experiment, [corpus] if corpus else settings.corpora)

    def fitted(self, name: str) -> str:
        """Return the selector that is trained: thresholds share it."""
        return name.partition("@")[0]

    def judged_types(self, name: str) -> list[str]:
        """Return the types of mentions that a selector can be asked for."""
        corpora = self.selector(name)[1]
        return sorted({type for corpus in corpora for type in self.corpora[corpus].types})

    def selector_training(self, name: str) -> str:
        """Return what training a selector rests on; where its threshold lies does not matter."""
        return as_json(
            self.selector(name)[0].model_dump(mode="json", exclude={"threshold", "separately"})
        )

    def judging(self, run: str, selector: str) -> SelectorSettings:
        """Return the settings of a selector of a run's predictions.

        Raises:
            UserError: it is trained for none of the run's types.
        """
        its = self.run(run)
        asked = {type for corpus in its.corpora + its.unseen for type in self.corpora[corpus].types}
        trained = self.judged_types(selector)
        if asked.isdisjoint(trained):
            raise UserError(
                f"The selector '{selector}' is trained for {', '.join(trained)}; the run '{run}' "
                f"writes {', '.join(sorted(asked))}: train one on a corpus that has them."
            )
        return self.selector(selector)[0]

    def tuned(self, run: str, selector: str) -> list[str]:
        """Return the file of a threshold that is tuned on dev, if it is."""
        dev = self.judging(run, selector).threshold == "dev"
        return [f"results/select/dev/{run}+{selector}.json"] if dev else []

    def threshold(self, run: str, selector: str) -> str:
        """Return the threshold, or the file that will have it."""
        fixed = str(self.selector(selector)[0].threshold)
        return next(iter(self.tuned(run, selector)), fixed)
