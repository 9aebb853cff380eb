"""What rules look up of runs of baselines, which have jobs of their own in place of an LLM's."""

import json

from bionerflow.workflow.plan.base import as_json
from bionerflow.workflow.plan.runs import RunsPlan


class BaselinesPlan(RunsPlan):
    """Look-ups by the run of a baseline."""

    def baselines(self) -> list[str]:
        """Return the runs of baselines."""
        return [id for id, run in self.runs.items() if run.system != "llm"]

    def encoders(self, run: str) -> list[str]:
        """Return the folder of the encoder that a token classifier starts from."""
        return [self.base(run)] if self.run(run).system == "token_classification" else []

    def external(self, run: str) -> list[str]:
        """Return the file of predictions that another program has made, if that is the system."""
        file = self.run(run).predictions
        return [self.place(file)] if file else []

    def baseline_card(self, run: str) -> str:
        """Return how a baseline was asked; how LLMs answer does not matter."""
        card = json.loads(self.run_card(run))
        return as_json({**card, "predict": {}, "system": self.run(run).system})

    def finding(self, run: str) -> str:
        """Return which test sentences a baseline reads."""
        its = self.run(run).predict
        return as_json({"test": its.test, "limits": its.limits})

    def spent(self, run: str) -> list[str]:
        """Return the file of what finding a run's mentions took; several jobs record none."""
        return [f"results/cost/{run}.json"] if self.run(run).predict.jobs == 1 else []
