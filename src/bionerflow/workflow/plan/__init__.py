"""What the workflow's rules look up: the plan behind a configuration, a module a stage.

Light to import: no data or model library is loaded while the workflow is parsed.
"""

from pathlib import Path

from bionerflow.workflow.plan.annotations import AnnotationsPlan
from bionerflow.workflow.plan.base import as_json
from bionerflow.workflow.plan.baselines import BaselinesPlan
from bionerflow.workflow.plan.forecast import ForecastPlan
from bionerflow.workflow.plan.tables import TablesPlan

__all__ = ["Plan", "as_json", "leading_to"]


class Plan(TablesPlan, ForecastPlan, AnnotationsPlan, BaselinesPlan):
    """A configuration and all that follows from it: corpora, models, runs, tables, costs."""


def leading_to(repository: Path) -> str:
    """Return what to put before a path in the repository: nothing, if one works in it."""
    return "" if repository.samefile(Path.cwd()) else f"{repository.resolve()}/"
