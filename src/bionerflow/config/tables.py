"""What config/tables.yaml may say. Light to import: the workflow reads it."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from bionerflow.config.base import Name, Settings, TableName
from bionerflow.config.counts import Counts
from bionerflow.config.metrics import Filling, expanded, filling_of
from bionerflow.utils.errors import UserError

#: In place of a list of names: every one that the experiment has.
EVERY = "every"
Key = Literal["corpus", "trained_on", "configuration", "model", "format", "metric"]
Axis = dict[Key, list[str] | Literal["every"]]
Unit = Literal["percent", "fraction"]


def _groups(rows: Any) -> Any:
    """Return groups of rows (or columns) as a list; a mapping is the only one."""
    groups = rows if isinstance(rows, list) else [rows]
    for group in groups:
        if isinstance(group, dict) and "set" in group:
            raise ValueError("the key 'set' is called 'configuration'")
        if isinstance(group, dict) and "all" in group.values():
            raise ValueError(f"`all` is called `{EVERY}`; a configuration of that name is `[all]`")
    return [_with_metrics(group) for group in groups]


def _with_metrics(group: Any) -> Any:
    """Return names by key, with metrics in the place of families."""
    metrics = group.get("metric") if isinstance(group, dict) else None
    return group | {"metric": expanded(metrics)} if isinstance(metrics, list) else group


def _listed(where: Any) -> Any:
    """Return what cells have in common as lists, in which corpora alone may be several."""
    if not isinstance(where, dict):
        return where
    lists = {key: its if isinstance(its, list) else [its] for key, its in where.items()}
    lists = _with_metrics(lists)
    if several := [key for key, its in lists.items() if len(its) != 1 and key != "corpus"]:
        raise ValueError(f"`{several[0]}` needs one name: cells pool several corpora, nothing else")
    return lists


Axes = Annotated[list[Axis], BeforeValidator(_groups, json_schema_input_type=Axis | list[Axis])]
Common = Annotated[
    dict[Key, list[str]],
    BeforeValidator(_listed, json_schema_input_type=dict[Key, str | list[str]]),
]


class Titled(Settings):
    """What every table has."""

    title: str = Field(description="heading of the table")
    caption: str = Field(description="text below the table")
    labels: dict[str, str] = Field({}, description="what is printed in place of a name")


class Grid(Titled):
    """A table whose cells are metrics of runs of the experiment.

    Rows and columns say what varies: one row (column) per name, or per combination of names where
    there are several keys, of which the first varies slowest. What neither names is in `where`, or
    else: the first model, all formats, the corpora that all runs of the table were trained on
    (pooled), and F1. Metrics and families of metrics are listed below; a table of `significance`
    compares each two rows that follow each other, and runs of a table of thresholds of confidence
    (`best_f1`, `p90`) answer dev sentences, too.
    """

    kind: Literal["grid"] = Field("grid", description="kind of table")
    rows: Axes = Field(
        description="names by key; several keys are combined. corpus; trained_on (of runs with"
        " `separately`: the corpus that they were trained on, if it is not the one that they are"
        " tested on); configuration or configuration+selector (`only`: that of the format's name;"
        " `also`: those of the experiment's `also`; `Δ`: the change from the first row to the one"
        " before); model (`first`, `second`: of the experiment's); format; metric. `every`: each"
        " that the experiment has. A list: one group of rows per entry"
    )
    columns: Axes = Field(description="as rows")
    where: Common = Field(
        {},
        description="what all cells have in common: a name per key. A list of corpora: they are"
        " pooled. `model: every`: the model with the best mean F1 on dev fills the table",
    )
    unit: Unit = Field("percent", description="unit of scores")
    figure: Literal["bars", "lines", "shares", "reliability", "risk_coverage", "scatter"] | None = (
        Field(None, description="the figure that shows the table")
    )

    @model_validator(mode="after")
    def _is_filled_in_one_way(self) -> "Grid":
        filling_of(self.metrics)
        return self

    @property
    def metrics(self) -> list[str]:
        """Return the metrics that cells ask for."""
        axes: list[Any] = [*self.rows, *self.columns, self.where]
        return [name for axis in axes for name in axis.get("metric", [])]

    @property
    def filling(self) -> Filling:
        """Return what fills the cells."""
        return filling_of(self.metrics)

    @property
    def pool(self) -> list[str]:
        """Return the corpora that cells pool; none: those that all runs were trained on."""
        return corpora if len(corpora := self.where.get("corpus", [])) > 1 else []

    @property
    def common(self) -> dict[Key, str]:
        """Return what all cells select."""
        return {key: names[0] for key, names in self.where.items() if len(names) == 1}


class Cases(Titled):
    """What runs found in single sentences: the paper's, where they are tested on, and our own."""

    kind: Literal["cases"] = Field(description="kind of table")
    corpus: str = Field(description="corpus of the sentences")
    configurations: list[str] = Field(
        min_length=2, description="the lines of an example; the first is the one to beat"
    )
    rows: dict[str, list[str]] = Field(
        description="examples: the gold mentions of one sentence that the paper shows"
    )


class Claim(Settings):
    """What a paper says of two configurations, as a test of the difference between them."""

    claim: str = Field(description="the claim in words: title of the row")
    paper: str = Field(description="the paper that makes it")
    higher: str = Field(
        description="the side that the paper holds for better: configuration or"
        " configuration+selector"
    )
    lower: str = Field(description="the other side")
    corpus: str | None = Field(None, description="the corpus; null: all that both were trained on")
    score: Literal["precision", "recall", "f1"] = Field("f1", description="what is compared")


class Claims(Titled):
    """What papers claim: each row is a paired test with a verdict, differences are in percent."""

    kind: Literal["claims"] = Field(description="kind of table")
    rows: dict[Name, Claim] = Field(description="the claims; p values are corrected for all rows")


Table = Annotated[Grid | Cases | Claims, Field(discriminator="kind")]


OURS = {
    "format_capacity": Titled(
        title="What each format can carry, and what it costs",
        caption="Strict micro F1 (percent) of the gold answers read back, over typed character"
        " spans of the test split: the ceiling that a format puts on any model. Tokens: mean length"
        " of the gold answers per sentence, all its queries together.",
    ),
    "leakage": Titled(
        title="What training sets show of test sets",
        caption="Percent of a test set's sentences (rows) that stand in a training set (columns),"
        " compared without white space and case; sentences of fewer than 20 characters are left"
        " out. The long form has the counts, and the documents that both share.",
    ),
}


#: The tables of an experiment that is no paper's and for which the file defines none.
RUNS, DIFFERENCES = "runs", "differences"
EVERY_RUN = Grid(
    title="Every run on every corpus",
    caption="Strict micro F1 over typed character spans on the test sample, all formats of a"
    " configuration pooled; mean ± standard deviation over draws. An empty cell is a corpus on"
    " which a run was not tested.",
    rows={"configuration": EVERY, "model": EVERY},
    columns={"corpus": EVERY},
    unit="fraction",
)
EVERY_DIFFERENCE = Grid(
    title="Differences between neighbouring runs",
    caption="Strict F1 of a row's first run minus its second, all corpora that both were tested on"
    " pooled, with a 95 % interval and the p value of a two-sided paired test over documents and"
    " draws; how much draws vary is pooled over the rows, and taken to be alike in all of them."
    " p (Holm): corrected for the number of tests in this table. Cohen's d: the difference"
    " in standard deviations of documents, with its 95 % interval. Detectable: the smallest true"
    " difference that one such test at 5 % finds with a power of 80 %.",
    rows={"configuration": EVERY, "model": EVERY},
    columns={"metric": ["significance"]},
    unit="fraction",
)
DEFAULTS = {RUNS: EVERY_RUN, DIFFERENCES: EVERY_DIFFERENCE}


def _with_labels(table: Any, shared: Any) -> Any:
    """Return a table's entry with its kind and the labels of all, or as it is if it is none."""
    own = table.get("labels", {}) if isinstance(table, dict) else None
    if not isinstance(own, dict) or not isinstance(shared, dict | None):
        return table
    return {"kind": "grid", **table, "labels": {**(shared or {}), **own}}


class Tables(Settings):
    """The tables by `{paper}/{table}`: of scores, and of what corpora hold."""

    labels: dict[str, str] = Field({}, description="labels of all tables; a table's own go first")
    tables: dict[TableName, Table] = Field(description="tables of scores by `{paper}/{table}`")
    counts: dict[TableName, Counts] = Field({}, description="what corpora hold")

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, value: Any) -> Any:
        """Give each table the labels of all; a table that names no kind is a grid."""
        if not isinstance(value, dict) or not isinstance(value.get("tables"), dict):
            return value
        tables = {
            name: _with_labels(table, value.get("labels"))
            for name, table in value["tables"].items()
        }
        return {**value, "tables": tables}

    @property
    def ours(self) -> dict[str, Titled]:
        """Return the tables of no paper, which every configuration has."""
        return OURS

    def find(self, name: str) -> Grid | Cases | Claims:
        """Return a table; those of DEFAULTS are there where the file says nothing else.

        Raises:
            UserError: there is none of this name; the known ones are listed.
        """
        default = DEFAULTS.get(name.partition("/")[2])
        if name not in self.tables and default:
            return default
        if name not in self.tables:
            known = ", ".join(sorted([*self.tables, *self.counts, *self.ours]))
            raise UserError(f"There is no table '{name}'. The tables are: {known}.")
        return self.tables[name]

    def titled(self, name: str) -> Titled | Counts:
        """Return what says a table's title and caption, whatever its kind."""
        others: dict[str, Titled | Counts] = {**self.ours, **self.counts}
        return others[name] if name in others else self.find(name)

    def figure(self, name: str) -> Grid:
        """Return a table that is drawn.

        Raises:
            UserError: no figure has this name; the known ones are listed.
        """
        figures = self.figures()
        if name not in figures:
            known = ", ".join(sorted(figures))
            raise UserError(f"There is no figure '{name}'. The figures are: {known}.")
        return figures[name]

    def figures(self) -> dict[str, Grid]:
        """Return the tables that are drawn, by name."""
        return {n: t for n, t in self.tables.items() if isinstance(t, Grid) and t.figure}
