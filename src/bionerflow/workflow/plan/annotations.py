"""What rules look up of texts that are annotated."""

from bionerflow.annotate.inputs import expanded
from bionerflow.config.workflow import AnnotationSettings
from bionerflow.workflow.plan.base import BasePlan, as_json, known


class AnnotationsPlan(BasePlan):
    """Look-ups by the name of texts to annotate."""

    def annotation(self, name: str) -> AnnotationSettings:
        """Return what is to be annotated under a name."""
        known("results", "annotation", name, self.config.annotations)
        return self.config.annotations[name]

    def texts(self, name: str) -> list[str]:
        """Return the files to annotate, those of folders too."""
        return expanded(self.annotation(name).inputs)

    def annotating(self, name: str) -> str:
        """Return what annotating rests on, beside the texts; how many jobs do it matters not."""
        its = self.annotation(name)
        return as_json(its.model_dump(mode="json", exclude={"inputs", "jobs"}))

    def annotators(self, name: str) -> list[str]:
        """Return the folders of the run, and of the selector if there is one."""
        its = self.annotation(name)
        folders = [f"results/train/{self.run(its.run).id}"]
        return folders + ([f"results/select/{its.selector}"] if its.selector else [])

    def shares(self, name: str) -> list[str]:
        """Return the lists of finished chunks, one a job."""
        jobs = self.annotation(name).jobs
        return [f"results/annotations/{name}.parts/{n + 1}of{jobs}.json" for n in range(jobs)]
