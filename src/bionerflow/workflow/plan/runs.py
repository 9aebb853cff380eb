"""What rules look up of runs, from curation to evaluation."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bionerflow.config.experiments import LAYERED
from bionerflow.config.models import Resources
from bionerflow.config.stages import SCORELESS, PredictSettings
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan.base import as_json
from bionerflow.workflow.plan.corpora import CorporaPlan
from bionerflow.workflow.plan.models import ModelsPlan


class RunsPlan(CorporaPlan, ModelsPlan):
    """Look-ups by run, and by prediction set: a run's, or a selector's of it."""

    def rendered(self, run: str, *splits: str) -> list[str]:
        """Return the rendered files, without ending, that a run is trained or tested on."""
        its = self.run(run)
        return [
            f"results/render/{corpus}/{split}.{format}"
            for split in splits
            for corpus in (self.tested(run) if split == "test" else its.corpora)
            for format in its.formats
        ]

    def tested(self, run: str) -> list[str]:
        """Return the corpora whose test sentences a run answers.

        A system that knows no type but those of its training sentences is not asked for others.
        """
        its = self.run(run)
        known = {type for corpus in its.corpora for type in self.corpora[corpus].types}
        unseen = [
            c for c in its.unseen if its.system not in LAYERED or known & set(self.corpora[c].types)
        ]
        return its.corpora + unseen

    def scores(self, run: str) -> list[str]:
        """Return the IFD files, without ending, that curate a run's training set."""
        its = self.run(run)
        if not its.curate.scorer:
            return []
        folder = f"results/ifd/{its.curate.scorer}"
        return [f"{folder}/{c}.{f}.{its.curate.mode}" for c in its.corpora for f in its.formats]

    def test_scores(self, run: str) -> list[str]:
        """Return the IFD files, without ending, of the test sentences that a run is asked.

        Raises:
            UserError: the run names no scorer.
        """
        its = self.run(run)
        if not its.curate.scorer:
            raise UserError(f"The run '{run}' has no IFD: set curate.scorer.")
        folder = f"results/ifd/{its.curate.scorer}/test"
        return [
            f"{folder}/{corpus}.{format}.{its.curate.mode}"
            for corpus in self.tested(run)
            for format in its.formats
        ]

    def scores_negatives(self, scorer: str, mode: str) -> bool:
        """Tell whether a run ranks negatives by the scores of this model in this mode."""
        asking = (run.curate for run in self.runs.values())
        return any(
            (curate.scorer, curate.mode) == (scorer, mode) and curate.negatives not in SCORELESS
            for curate in asking
        )

    def carried(self, run: str) -> str:
        """Return which kinds of entities the corpora of a run have."""
        return as_json(
            {
                corpus: {
                    "nested": self.corpora[corpus].nested,
                    "discontinuous": self.corpora[corpus].discontinuous,
                }
                for corpus in self.run(run).corpora
            }
        )

    def base(self, run: str) -> str:
        """Return the folder of a run's base model."""
        return self.model_folder(self.run(run).model)

    def counted(self, run: str) -> list[str]:
        """Return the file that counts what curation dropped, where training rests on it."""
        return [f"results/curate/{run}/kept.json"] if self.run(run).train.equal_steps else []

    def run_resources(self, run: str) -> Resources:
        """Return what a job of a run asks of its machine."""
        return self.resources(self.run(run).model)

    def validating(self, run: str) -> str:
        """Return how a run answers dev sentences; how many it is tested on does not matter."""
        asked: dict[str, Any] = {"test": None, "limits": {}, "jobs": 1}
        own = self.run(run).predict.unchanged_by_engines()
        return own.model_copy(update=asked).dump()

    def run_card(self, run: str) -> str:
        """Return how a run is asked, for whoever asks it later."""
        its = self.run(run)
        corpora = {name: self._asked(name) for name in its.corpora}
        card = {"run": its.id, "corpora": corpora, "formats": its.formats}
        return as_json({**card, "predict": json.loads(self.validating(run))})

    def _asked(self, corpus: str) -> dict[str, Any]:
        settings = self.corpora[corpus]
        defined = [_defined(file) for file in self.definitions(corpus)]
        return {
            "dataset": settings.dataset,
            "language": settings.language,
            "types": settings.types,
            "definitions": next(iter(defined), {}),
        }

    def about(self, run: str) -> str:
        """Return what a run's model card says of its data, formats and base model."""
        its = self.run(run)
        base = self.models[its.model]
        return as_json(
            {
                "run": its.id,
                "model": {
                    "name": getattr(base, "id", its.model),
                    "licence": getattr(base, "licence", "trained here"),
                    "base": getattr(base, "id", "")
                    or os.path.relpath(self.base(run), f"results/train/{run}"),
                },
                "corpora": [
                    {"name": name}
                    | self.corpora[name].model_dump(include={"title", "language", "licence"})
                    for name in its.corpora
                ],
                "formats": its.formats,
                "system": its.system,
            }
        )

    def examples(self, run: str) -> list[str]:
        """Return the rendered files, without ending, that few-shot examples are drawn from."""
        its = self.run(run)
        if not its.predict.shots:
            return []
        return [
            f"results/render/{corpus}/train.{format}"
            for corpus in self.tested(run)
            for format in its.formats
        ]

    def converted(self, run: str) -> list[str]:
        """Return the folder of a run's model as CTranslate2 reads it, where that engine answers."""
        is_asked = self.run(run).predict.engine == "ctranslate2"
        return [f"results/models/ct2/{run}"] if is_asked else []

    def interpreter(self, run: str) -> str:
        """Return the Python that answers for a run: vLLM's has an environment of its own."""
        its = self.run(run).predict
        return its.vllm.python if its.engine == "vllm" else "python"

    def converting(self, run: str) -> str:
        """Return what converting a run's model rests on."""
        its = self.run(run).predict
        settings = PredictSettings(
            engine="ctranslate2", ctranslate2=its.ctranslate2, max_new_tokens=its.max_new_tokens
        )
        return settings.dump()

    def beside_engines(self) -> str:
        """Return the run whose model every engine answers with: the primary paper's first."""
        written = {id: run for id, run in self.runs.items() if run.system == "llm"}
        primary = [id for id, run in written.items() if run.paper == self.config.primary_paper]
        return next(iter([*primary, *written]), "")

    def prediction_file(self, predictions: str) -> str:
        """Return the file, without ending, of a prediction set: a run's, or a selector's of it."""
        return f"results/{'select' if '+' in predictions else 'predict'}/{predictions}"

    def evaluated(self, predictions: str) -> list[str]:
        """Return the files, without ending, that scoring a prediction set rests on."""
        run = self.run(predictions.partition("+")[0])
        gold = [f"results/corpora/{corpus}/test" for corpus in self.tested(run.id)]
        return [self.prediction_file(predictions), f"results/curate/{run.id}/train", *gold]


@cache
def _defined(file: str) -> dict[str, str]:
    """Return the definitions of types in a file, which is read for each run on its corpus."""
    entries = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    return {type: entry["definition"] for type, entry in entries.items()}
