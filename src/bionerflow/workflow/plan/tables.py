"""What rules look up of tables and figures: their definitions, and what feeds them."""

from pathlib import Path

from bionerflow.config.experiments import Experiment
from bionerflow.config.metrics import RECORDED
from bionerflow.config.tables import DIFFERENCES, RUNS
from bionerflow.tables.define import Definition, define
from bionerflow.utils.errors import UserError, nearest
from bionerflow.workflow.plan.runs import RunsPlan

#: What runs record in files of their own, which need no metrics.json: paths without ending.
BESIDE = {
    "footprint": "train/{}/footprint",
    "cost": "train/{}/cost",
    "consistency": "diagnostics/{}.consistency",
    "ifd": "curate/{}/ifd",
}


class TablesPlan(RunsPlan):
    """Look-ups by paper and table."""

    def table(self, paper: str, table: str) -> Definition:
        """Return a table's definition, with its rows' titles."""
        asked = self.tables.find(f"{paper}/{table}")
        experiment = self.experiment(paper)
        titles = {corpus: self.corpora[corpus].title for corpus in experiment.corpora}
        left_out = {c: titles.pop(c) for c in self.config.exclude if c in titles}
        return define(f"{paper}/{table}", asked, self.config.name, experiment, titles, left_out)

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
        """Return the files that runs recorded of themselves and that a table rests on."""
        definition = self.table(paper, table)
        runs = dict.fromkeys(id.partition("+")[0] for id in definition.ids())
        if definition.kind == "claims":
            made = (f"results/train/{run}/metrics.json" for run in runs)
            return [file for file in made if Path(file).is_file()]
        recorded = (c.metric for c in definition.cells if c.metric.startswith(RECORDED))
        asked = {metric.split(".")[1] for metric in recorded}
        files = [] if definition.recorded() and asked <= BESIDE.keys() else ["train/{}/metrics"]
        files += [path for name, path in BESIDE.items() if name in asked]
        return [
            f"results/{file.format(run)}.json"
            for run in runs
            for file in files
            if file != BESIDE["ifd"] or self.run(run).curate.scorer
        ]

    def looked_into(self, paper: str, table: str) -> list[str]:
        """Return the prediction files, without ending, that a table compares or quotes.

        A table of claims rests on those that are there, so that it can be made after every part.
        """
        definition = self.table(paper, table)
        ids = definition.ids() if definition.kind != "grid" else []
        if definition.kind == "claims":
            return [file for id in ids for file in self._at_hand(id)]
        return [self.prediction_file(id) for id in ids]

    def tuned_on(self, paper: str, table: str) -> list[str]:
        """Return the files, without ending, of the dev predictions that a table's thresholds need.

        A selector's prediction set has none.
        """
        definition = self.table(paper, table)
        ids = definition.ids() if definition.kind == "abstention" else []
        return [f"results/predict/dev/{id}" for id in ids if id in self.runs]

    def _at_hand(self, id: str) -> list[str]:
        """Return the file, without ending, of a prediction set that was made here or is kept."""
        made = self.prediction_file(id)
        if Path(f"{made}.parquet").is_file():
            return [made]
        kept = Path(self.place("resources", "measured", f"{id}.jsonl"))
        return [f"results/measured/{id}"] if kept.is_file() else []

    def looked_up(self, paper: str, table: str) -> list[str]:
        """Return the gold files, without ending, of `looked_into` and `tuned_on`."""
        files = self.looked_into(paper, table)
        runs = dict.fromkeys(Path(file).name.partition("+")[0] for file in files)
        corpora = dict.fromkeys(corpus for run in runs for corpus in self.tested(run))
        tuned = [Path(file).name for file in self.tuned_on(paper, table)]
        trained = dict.fromkeys(corpus for run in tuned for corpus in self.run(run).corpora)
        return [f"results/corpora/{corpus}/test" for corpus in corpora] + [
            f"results/corpora/{corpus}/dev" for corpus in trained
        ]

    def published(self, paper: str, table: str) -> list[str]:
        """Return the file of what the paper prints, if there is one."""
        file = self.place("resources", "published", paper, f"{table}.csv")
        return [file] if Path(file).is_file() else []

    def reported_tables(self, *papers: str) -> list[str]:
        """Return the tables that this configuration can fill, of some papers or of all."""
        known = papers or tuple(self.experiments)
        named = [name for name in self.tables.tables if name.partition("/")[0] in known]
        have = {name.partition("/")[0] for name in named}
        return named + [
            f"{name}/{table}" for name in known if name not in have for table in self._default(name)
        ]

    def _default(self, paper: str) -> list[str]:
        """Return the tables of an experiment without any: differences need two runs."""
        its = self.experiment(paper)
        several = len(its.configurations) * len(its.all_models()) > 1
        return [RUNS, DIFFERENCES] if several else [RUNS]

    def counted_tables(self) -> list[str]:
        """Return the tables of what corpora hold; a configuration of no paper has none."""
        papers = {name.partition("/")[0] for name in (*self.tables.counts, *self.tables.tables)}
        return list(self.tables.counts) if papers & self.experiments.keys() else []

    def reported_figures(self, *papers: str) -> list[str]:
        """Return the figures that this configuration can draw, of some papers or of all."""
        figures = self.tables.figures()
        return [name for name in self.reported_tables(*papers) if name in figures]

    def every_table(self) -> list[str]:
        """Return all tables that this configuration fills, paper by paper, then those of none."""
        names = [*self.counted_tables(), *self.reported_tables()]
        papers = list(dict.fromkeys(name.partition("/")[0] for name in names))
        names.sort(key=lambda name: papers.index(name.partition("/")[0]))
        return [*names, *self.tables.ours]

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

    def trained(self) -> list[str]:
        """Return the runs behind the prediction sets that the report shows."""
        return sorted({id.partition("+")[0] for id in self.shown()})

    def systems(self, corpus: str) -> dict[str, list[str]]:
        """Return the prediction files of the shown runs that were tested on a corpus.

        They are grouped by system: the draws of a run are one.
        """
        found: dict[str, list[str]] = {}
        for run in self.trained():
            if corpus in self.tested(run):
                name = run.rpartition(".draw")[0]
                found.setdefault(name, []).append(f"results/predict/{run}")
        return found
