"""What the workflow's rules look up: the plan behind a configuration.

Light to import: no data or model library is loaded while the workflow is parsed.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bionerflow.corpora.available import AtHand
from bionerflow.corpora.settings import Recipe, load_corpora
from bionerflow.errors import UserError, nearest
from bionerflow.settings import (
    ORACLE,
    SCORELESS,
    AnnotationSettings,
    Config,
    Experiment,
    Local,
    Models,
    Pretrain,
    Resources,
    Run,
    SelectorSettings,
    chosen,
    expand,
    load,
    parse,
)
from bionerflow.tables.define import Definition, define
from bionerflow.tables.settings import Tables


class Plan:
    """A configuration and all that follows from it: corpora, models, runs, tables."""

    def __init__(self, config: Mapping[str, Any], here: str = "") -> None:
        """Read every file that the configuration names; raise UserError at the first fault.

        `here` leads to the repository (`leading_to`): files that are not in the working directory
        are taken from there.
        """
        self.here = here
        self.config = self._placed(parse(Config, config, "the configuration"))
        self.corpora = load_corpora(self.config.corpora)
        self.models = load(Models, self.config.models).models
        self.tables = load(Tables, self.config.tables)
        self.experiments = {
            paper: load(Experiment, path) for paper, path in self.config.experiments.items()
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
        experiments = {paper: self.place(file) for paper, file in config.experiments.items()}
        return config.model_copy(update={**files, "experiments": experiments})

    def _check_names(self) -> None:
        for paper, experiment in self.experiments.items():
            where = self.config.experiments[paper]
            for corpus in experiment.corpora:
                _known(where, "corpus", corpus, self.corpora)
            if ORACLE in experiment.selectors:
                raise UserError(f"{where}: '{ORACLE}' is gold itself: name the selector otherwise.")
            bases = [selector.base for selector in experiment.selectors.values()]
            for model in [*experiment.all_models(), *bases]:
                _known(where, "model", model, self.models)
        for run in self.runs.values():
            where = f"{self.config.experiments[run.paper]}, configurations.{run.configuration}"
            for corpus in run.unseen:
                _known(where, "corpus", corpus, self.corpora)
            for format in run.formats:
                _known(where, "format", format, formats())
            if run.curate.scorer:
                _known(where, "model", run.curate.scorer, self.models)
        for corpus in self.config.exclude:
            _known("exclude", "corpus", corpus, self.corpora)
        if self.config.primary_paper not in self.experiments:
            _known("primary_paper", "paper", self.config.primary_paper, self.experiments)

    def run(self, id: str) -> Run:
        """Return a run by its id."""
        _known("results", "run", id, self.runs)
        return self.runs[id]

    def announce(self) -> None:
        """Tell jobs, by environment, where files come from: it changes nothing that follows.

        Downloads, local jobs all, are told of the mirror. Only `prefetch`, local too, asks the Hub:
        compute nodes need no network.
        """
        os.environ["BIONERFLOW_MIRROR"] = self.config.mirror
        os.environ["HF_HUB_OFFLINE"] = "1"

    def raw(self, corpus: str) -> list[str]:
        """Return the raw files of a corpus that is fetched."""
        return [f"results/raw/{corpus}/{file}" for file in self.corpora[corpus].files]

    def pinned(self, corpus: str, file: str) -> str:
        """Return what fetching a raw file rests on; its licence does not matter."""
        entry = self.corpora[corpus].entry(file)
        return as_json({key: entry[key] for key in entry.keys() - {"licence", "page"}})

    def reading(self, corpus: str) -> str:
        """Return what normalising a corpus rests on; where its files come from does not matter."""
        settings = self.corpora[corpus].model_dump(mode="json", include=set(Recipe.model_fields))
        return as_json({**settings, "files": {name: {} for name in settings["files"]}})

    def asking(self, corpus: str) -> str:
        """Return what prompts say of a corpus."""
        settings = self.corpora[corpus]
        return as_json(
            {
                "dataset": settings.dataset,
                "language": settings.language,
                "types": settings.types,
                "nested": settings.nested,
                "discontinuous": settings.discontinuous,
            }
        )

    def definitions(self, corpus: str) -> list[str]:
        """Return the file that defines a corpus's types, if there is one."""
        file = self.place("resources", "definitions", f"{corpus}.yaml")
        return [file] if Path(file).is_file() else []

    def grammar(self, corpus: str) -> list[str]:
        """Return the files that a synthetic corpus is generated from: its grammar and lexicons."""
        file = Path(self.place("resources", "sample", f"{corpus}.yaml"))
        if not file.is_file():
            raise UserError(f"There is no grammar {file} for the corpus '{corpus}'.")
        lexicons = yaml.safe_load(file.read_text(encoding="utf-8"))["lexicons"]
        return [str(file), str(file.with_name(lexicons))]

    def names(self, *, generated: bool) -> list[str]:
        """Return the corpora that the project generates itself, or those it does not."""
        return [
            name for name, corpus in self.corpora.items() if bool(corpus.generator) == generated
        ]

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

    def validating(self, run: str) -> str:
        """Return how a run answers dev sentences; how many it is tested on does not matter."""
        return self.run(run).predict.model_copy(update={"test": None, "limits": {}}).dump()

    def run_card(self, run: str) -> str:
        """Return how a run is asked, for whoever asks it later."""
        its = self.run(run)
        corpora = {name: self._asked(name) for name in its.corpora}
        card = {"run": its.id, "corpora": corpora, "formats": its.formats}
        return as_json({**card, "predict": json.loads(self.validating(run))})

    def _asked(self, corpus: str) -> dict[str, Any]:
        settings = self.corpora[corpus]
        defined = {
            type: entry["definition"]
            for file in self.definitions(corpus)
            for type, entry in yaml.safe_load(Path(file).read_text(encoding="utf-8")).items()
        }
        return {
            "dataset": settings.dataset,
            "language": settings.language,
            "types": settings.types,
            "definitions": defined,
        }

    def base(self, run: str) -> str:
        """Return the folder of a run's base model."""
        return self.model_folder(self.run(run).model)

    def run_resources(self, run: str) -> Resources:
        """Return what a job of a run asks of its machine."""
        return self.resources(self.run(run).model)

    def about(self, run: str) -> str:
        """Return what a run's model card says of its data, formats and base model."""
        its = self.run(run)
        base = self.models[its.model]
        corpora = [self.corpora[corpus] for corpus in its.corpora]
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
                    corpus.model_dump(include={"title", "language", "licence"})
                    for corpus in corpora
                ],
                "formats": its.formats,
            }
        )

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

    def prompts(self) -> list[str]:
        """Return the rendered files, without ending, that runs are trained on."""
        return sorted({stem for run in self.runs for stem in self.rendered(run, "train")})

    def scores(self, run: str) -> list[str]:
        """Return the IFD files, without ending, that curate a run's training set."""
        its = self.run(run)
        if not its.curate.scorer:
            return []
        folder = f"results/ifd/{its.curate.scorer}"
        return [f"{folder}/{c}.{f}.{its.curate.mode}" for c in its.corpora for f in its.formats]

    def scores_negatives(self, scorer: str, mode: str) -> bool:
        """Tell whether a run ranks negatives by the scores of this model in this mode."""
        asking = (run.curate for run in self.runs.values())
        return any(
            (curate.scorer, curate.mode) == (scorer, mode) and curate.negatives not in SCORELESS
            for curate in asking
        )

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
        """Return the corpora whose test sentences a run answers."""
        return self.run(run).corpora + self.run(run).unseen

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

    def prediction_file(self, predictions: str) -> str:
        """Return the file, without ending, of a prediction set: a run's, or a selector's of it."""
        return f"results/{'select' if '+' in predictions else 'predict'}/{predictions}"

    def evaluated(self, predictions: str) -> list[str]:
        """Return the files, without ending, that scoring a prediction set rests on."""
        run = self.run(predictions.partition("+")[0])
        gold = [f"results/corpora/{corpus}/test" for corpus in self.tested(run.id)]
        return [self.prediction_file(predictions), f"results/curate/{run.id}/train", *gold]

    def selector(self, name: str) -> tuple[SelectorSettings, list[str]]:
        """Return a selector's settings and the corpora that it is trained on."""
        found = {s: (e, e.selectors[s]) for e in self.experiments.values() for s in e.selectors}
        _known("results", "selector", name, found)
        experiment, settings = found[name]
        return settings, chosen(self.config, experiment, settings.corpora)

    def selector_training(self, name: str) -> str:
        """Return what training a selector rests on; where its threshold lies does not matter."""
        return as_json(self.selector(name)[0].model_dump(mode="json", exclude={"threshold"}))

    def tuned(self, run: str, selector: str) -> list[str]:
        """Return the file of a threshold that is tuned on dev, if it is."""
        dev = self.selector(selector)[0].threshold == "dev"
        return [f"results/select/dev/{run}+{selector}.json"] if dev else []

    def threshold(self, run: str, selector: str) -> str:
        """Return the threshold, or the file that will have it."""
        fixed = str(self.selector(selector)[0].threshold)
        return next(iter(self.tuned(run, selector)), fixed)

    def annotation(self, name: str) -> AnnotationSettings:
        """Return what is to be annotated under a name."""
        _known("results", "annotation", name, self.config.annotations)
        return self.config.annotations[name]

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
        return [f"results/annotations/{name}.parts/{n + 1}of{jobs}.txt" for n in range(jobs)]

    def table(self, paper: str, table: str) -> Definition:
        """Return a table's definition, with its rows' titles."""
        asked = self.tables.find(f"{paper}/{table}")
        experiment = self.experiment(paper)
        corpora = chosen(self.config, experiment)
        titles = {corpus: self.corpora[corpus].title for corpus in corpora}
        parted = [corpus for corpus in corpora if self.corpora[corpus].discontinuous]
        return define(f"{paper}/{table}", asked, self.config.name, experiment, titles, parted)

    def figure(self, paper: str, figure: str) -> Definition:
        """Return the definition of a table that is drawn."""
        self.tables.figure(f"{paper}/{figure}")
        return self.table(paper, figure)

    def experiment(self, paper: str) -> Experiment:
        """Return a paper's experiment."""
        if paper not in self.experiments:
            raise UserError(
                f"This configuration has no experiment for the paper '{paper}'."
                + nearest(paper, self.experiments)
            )
        return self.experiments[paper].with_unseen()

    def evaluations(self, paper: str, table: str) -> list[str]:
        """Return the scores that a table rests on."""
        definition = self.table(paper, table)
        if definition.kind != "grid" or definition.recorded():
            return []
        return [f"results/evaluate/{id}.json" for id in definition.ids()]

    def metrics(self, paper: str, table: str) -> list[str]:
        """Return the metrics of the runs that a table rests on."""
        definition = self.table(paper, table)
        ids = definition.ids() if definition.kind == "grid" else []
        runs = dict.fromkeys(id.partition("+")[0] for id in ids)
        paid = any(cell.metric.startswith("run.footprint.") for cell in definition.cells)
        files = ("metrics", "footprint") if paid else ("metrics",)
        return [f"results/train/{run}/{file}.json" for run in runs for file in files]

    def looked_into(self, paper: str, table: str) -> list[str]:
        """Return the prediction files, without ending, that a table compares or quotes."""
        definition = self.table(paper, table)
        ids = definition.ids() if definition.kind != "grid" else []
        return [self.prediction_file(id) for id in ids]

    def looked_up(self, paper: str, table: str) -> list[str]:
        """Return the gold files, without ending, of `looked_into`."""
        files = self.looked_into(paper, table)
        runs = dict.fromkeys(Path(file).name.partition("+")[0] for file in files)
        corpora = dict.fromkeys(corpus for run in runs for corpus in self.tested(run))
        return [f"results/corpora/{corpus}/test" for corpus in corpora]

    def published(self, paper: str, table: str) -> list[str]:
        """Return the file of what the paper prints, if there is one."""
        file = self.place("resources", "published", paper, f"{table}.csv")
        return [file] if Path(file).is_file() else []

    def reported_tables(self, *papers: str) -> list[str]:
        """Return the tables that this configuration can fill, of some papers or of all."""
        known = papers or tuple(self.experiments)
        return [name for name in self.tables.tables if name.partition("/")[0] in known]

    def reported_figures(self, *papers: str) -> list[str]:
        """Return the figures that this configuration can draw, of some papers or of all."""
        figures = self.tables.figures()
        return [name for name in self.reported_tables(*papers) if name in figures]

    def of_paper(self, paper: str) -> list[str]:
        """Return the files of all tables and figures of a paper."""
        self.experiment(paper)
        counted = [name for name in self.tables.counts if name.startswith(f"{paper}/")]
        tables = [f"results/tables/{name}.csv" for name in [*counted, *self.reported_tables(paper)]]
        return tables + [f"results/figures/{name}.png" for name in self.reported_figures(paper)]

    def shown(self) -> list[str]:
        """Return the ids of the prediction sets that the report shows."""
        tables = (self.table(*name.split("/")) for name in self.reported_tables())
        return list(dict.fromkeys(id for table in tables for id in table.ids()))


def leading_to(repository: Path) -> str:
    """Return what to put before a path in the repository: nothing, if one works in it."""
    return "" if repository.samefile(Path.cwd()) else f"{repository.resolve()}/"


def _known(where: str, what: str, name: str, names: Mapping[str, Any]) -> None:
    if name not in names:
        raise UserError(f"{where}: unknown {what} '{name}'.{nearest(name, names)}")


@cache
def formats() -> dict[str, Any]:
    """Return the output formats by name, each with its instruction, without loading their code."""
    file = Path(__file__).parent / "formats" / "instructions.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def as_json(value: Any) -> str:
    """Return a value as JSON with sorted keys, the form that scripts take."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
