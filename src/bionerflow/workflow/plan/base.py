"""A configuration read whole and checked: what all look-ups of the plan start from."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bionerflow.config.base import load, parse
from bionerflow.config.corpora import load_corpora
from bionerflow.config.experiments import Experiment
from bionerflow.config.models import Models
from bionerflow.config.runs import Run, expand
from bionerflow.config.stages import CONFIDENCE, ORACLE
from bionerflow.config.tables import Tables
from bionerflow.config.workflow import Config, place_of
from bionerflow.corpora.available import AtHand
from bionerflow.utils.errors import UserError, nearest
from bionerflow.utils.plugins import plugins


class BasePlan:
    """A configuration, and its corpora, models, experiments, runs and tables by name."""

    def __init__(self, config: Mapping[str, Any], here: str = "") -> None:
        """Read every file that the configuration names; raise UserError at the first fault.

        `here` leads to the repository (`leading_to`): files that are not in the working directory
        are taken from there.
        """
        self.here = here
        self.config = self._placed(parse(Config, config, "the configuration"))
        self.corpora = load_corpora(self.config.corpora)
        self.models = {**load(Models, self.config.models).models, **self.config.own_models}
        self.tables = load(Tables, self.config.tables)
        self.experiments = {
            paper: load(Experiment, said)
            if isinstance(said, str)
            else parse(Experiment, said, self._where(paper))
            for paper, said in self.config.experiments.items()
        }
        used = {corpus for experiment in self.experiments.values() for corpus in experiment.corpora}
        self.at_hand = AtHand(self.corpora, used, self.config.exclude, self.config.mirror)
        self.runs = {
            run.id: run
            for paper, experiment in self.experiments.items()
            for run in expand(self.config, paper, experiment)
        }
        self._check_names()

    def place(self, *parts: str) -> str:
        """Return the path of a file of the user's or, where there is none, of the repository."""
        path = Path(*parts)
        return str(path if path.exists() else Path(self.here, path))

    def _placed(self, config: Config) -> Config:
        files = {key: self.place(getattr(config, key)) for key in ("corpora", "models", "tables")}
        experiments = {
            paper: self.place(said) if isinstance(said, str) else said
            for paper, said in config.experiments.items()
        }
        return config.model_copy(update={**files, "experiments": experiments})

    def _where(self, paper: str) -> str:
        return place_of(self.config.experiments, paper)

    def _check_names(self) -> None:
        for paper, experiment in self.experiments.items():
            where = self._where(paper)
            for corpus in experiment.corpora:
                known(where, "corpus", corpus, self.corpora)
            if ORACLE in experiment.selectors:
                raise UserError(f"{where}: '{ORACLE}' is gold itself: name the selector otherwise.")
            if CONFIDENCE in experiment.selectors:
                raise UserError(
                    f"{where}: '{CONFIDENCE}' is the model's own: name the selector otherwise."
                )
            bases = [selector.base for selector in experiment.selectors.values()]
            for model in [*experiment.all_models(), *bases]:
                known(where, "model", model, self.models)
        for run in self.runs.values():
            where = f"{self._where(run.paper)}, configurations.{run.configuration}"
            for corpus in run.corpora + run.unseen:
                known(where, "corpus", corpus, self.corpora)
            for format in run.formats:
                known(where, "format", format, formats())
            if run.curate.scorer:
                known(where, "model", run.curate.scorer, self.models)
            self._check_formats(where, run)
        for corpus in self.config.exclude:
            known("exclude", "corpus", corpus, self.corpora)
        if self.config.primary_paper not in self.experiments:
            known("primary_paper", "paper", self.config.primary_paper, self.experiments)

    def _check_formats(self, where: str, run: Run) -> None:
        """Refuse a run none of whose formats can carry what its corpora have."""
        if not run.corpora or not all(self.corpora[name].discontinuous for name in run.corpora):
            return
        from bionerflow.formats import format_named

        if not any(format_named(name).carries_all_of(True) for name in run.formats):
            raise UserError(
                f"{where}: {', '.join(run.formats)} cannot carry the discontinuous mentions of "
                f"{', '.join(run.corpora)}: choose other formats or corpora."
            )

    def run(self, id: str) -> Run:
        """Return a run by its id."""
        known("results", "run", id, self.runs)
        return self.runs[id]


def known(where: str, what: str, name: str, names: Mapping[str, Any]) -> None:
    """Raise UserError where nothing is called `name`."""
    if name not in names:
        raise UserError(f"{where}: unknown {what} '{name}'.{nearest(name, names)}")


@cache
def formats() -> dict[str, Any]:
    """Return the output formats by name without loading their code.

    Each comes with its instruction; a plug-in, which has its own, with its entry point.
    """
    file = Path(__file__).parents[2] / "formats" / "instructions.yaml"
    return plugins("format") | yaml.safe_load(file.read_text(encoding="utf-8"))


def as_json(value: Any) -> str:
    """Return a value as JSON with sorted keys, the form that scripts take."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
