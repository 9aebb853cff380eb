"""What config/tables.yaml may say. Light to import: the workflow reads it."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from bionerflow.config.base import Name, Settings, TableName
from bionerflow.config.counts import Counts
from bionerflow.utils.errors import UserError

#: Scores (docs/evaluation.md). Before the errors: faults of answers per sentence. After them: the
#: shares of boundary errors that are n tokens off, and whose start is n characters off (signed);
#: recall by nesting and length; the ends of the 95 % interval of F1; recall on nested and on
#: discontinuous mentions; expected calibration error and the accuracy of the predictions in
#: each tenth of confidence; the area under the risk-coverage curve, and the risk where so many
#: percent of the predictions are kept, those of most confidence; F1 in other papers' conventions.
Metric = Literal[
    "precision", "recall", "f1", "surface_f1", "relaxed_f1", "unseen_recall",
    "delta_nested", "delta_discontinuous",
    "unparsable", "unknown_type", "not_in_text", "truncated",
    "type", "span", "type_and_span", "spurious", "missing",
    "deviation_0", "deviation_1", "deviation_2", "deviation_3", "deviation_4", "deviation_5+",
    "shift_-5", "shift_-4", "shift_-3", "shift_-2", "shift_-1", "shift_0",
    "shift_1", "shift_2", "shift_3", "shift_4", "shift_5",
    "recall_depth_0", "recall_depth_1", "recall_depth_2+",
    "recall_tokens_1", "recall_tokens_2", "recall_tokens_3", "recall_tokens_4", "recall_tokens_5+",
    "f1_low", "f1_high", "nested_recall", "discontinuous_recall",
    "aurc", "risk_10", "risk_20", "risk_30", "risk_40", "risk_50",
    "risk_60", "risk_70", "risk_80", "risk_90", "risk_100",
    "ece", "accuracy_1", "accuracy_2", "accuracy_3", "accuracy_4", "accuracy_5",
    "accuracy_6", "accuracy_7", "accuracy_8", "accuracy_9", "accuracy_10",
    "uniner", "instructuie", "gollie", "iepile", "seqeval", "semeval_partial", "semeval_type",
]  # fmt: skip
#: What a significance table shows (bionerflow.tables.significance).
TESTED = ("difference", "interval", "p", "p_holm", "effect", "detectable")
#: What an abstention table shows (bionerflow.tables.abstention): a threshold of confidence that was
#: chosen on dev, for the best F1 or for a precision of 80 % and more, and what it keeps of test.
AIMS = ("best_f1", "p80", "p90", "p95")
MEASURES = ("threshold", "coverage", "precision", "recall", "f1")
ABSTAINED = tuple(f"{aim}_{measure}" for aim in AIMS for measure in MEASURES)
#: A metric that begins so is a place in a run's metrics.json: `run.settings.num_train_epochs`. This
#: part of it is the name of the corpus that the cell is about.
RECORDED, OF_CORPUS = "run.", "{corpus}"

Key = Literal["corpus", "configuration", "model", "format", "metric", "trained_on"]
Axis = dict[Key, list[str] | Literal["all"]]
Unit = Literal["fraction", "percent"]


def _groups(rows: Any) -> Any:
    """Return groups of rows (or columns) as a list; a mapping is the only one."""
    groups = rows if isinstance(rows, list) else [rows]
    if any(isinstance(group, dict) and "set" in group for group in groups):
        raise ValueError("the key 'set' is called 'configuration'")
    return groups


Axes = Annotated[list[Axis], BeforeValidator(_groups, json_schema_input_type=Axis | list[Axis])]


class Titled(Settings):
    """What every table has."""

    title: str = Field(description="heading of the table")
    caption: str = Field(description="text below the table")
    labels: dict[str, str] = Field({}, description="what is printed instead of a key")


class Grid(Titled):
    """A table of scores: each cell is a metric of runs of the paper's experiment.

    Rows and columns say what varies: one row (column) per name, or per combination of names where
    there are several keys, of which the first varies slowest. What neither names is in `where`, or
    else: all formats and the corpora that all runs of the table were trained on are pooled, one
    model fills the table (the best mean F1 on dev), and the metric is F1.
    """

    kind: Literal["grid"] = Field("grid", description="kind of table")
    rows: Axes = Field(
        description="corpus; trained_on (of runs with `separately`: the corpus that they were"
        " trained on, if it is not the one that they are tested on); configuration or"
        " configuration+selector (`only`: the configuration that has the format's name); model"
        " (`first`, `second`: of the experiment's); format; metric; `all`: every one of the"
        " experiment. A list: one group of rows per entry"
    )
    columns: Axes = Field(description="as rows")
    also: bool = Field(False, description="the experiment's `also` become columns, too")
    where: dict[Key, str] = Field({}, description="what all cells have in common")
    corpora: list[str] = Field(
        [], description="corpora that are pooled instead; those the experiment has of them"
    )
    unit: Unit = Field("fraction", description="unit of the scores")
    figure: Literal["bars", "lines", "shares", "reliability", "risk_coverage", "scatter"] | None = (
        Field(None, description="the figure that shows the table")
    )

    @model_validator(mode="after")
    def _metrics_are_known(self) -> "Grid":
        named = [name for axis in self.rows + self.columns for name in axis.get("metric", [])]
        named += [self.where["metric"]] if "metric" in self.where else []
        known = self.known_metrics()
        unknown = {name for name in named if name not in known and not name.startswith(RECORDED)}
        if unknown:
            raise ValueError(f"unknown metrics {sorted(unknown)}; known: {', '.join(known)}")
        return self

    @classmethod
    def known_metrics(cls) -> tuple[str, ...]:
        """Return the metrics that its cells may ask for."""
        return get_args(Metric)


class Significance(Grid):
    """Whether neighbouring rows of a grid differ: each row here is two that follow each other."""

    kind: Literal["significance"] = Field(description="kind of table")  # type: ignore[assignment]

    @classmethod
    def known_metrics(cls) -> tuple[str, ...]:
        """Return the metrics that its cells may ask for."""
        return TESTED


class Abstention(Grid):
    """What thresholds of confidence keep: chosen on dev, and reported on test.

    The runs of its cells answer dev sentences, too.
    """

    kind: Literal["abstention"] = Field(description="kind of table")  # type: ignore[assignment]

    @classmethod
    def known_metrics(cls) -> tuple[str, ...]:
        """Return the metrics that its cells may ask for."""
        return ABSTAINED


class Cases(Titled):
    """What runs found in single sentences: the paper's, where they are tested on, and our own."""

    kind: Literal["cases"] = Field(description="kind of table")
    corpus: str = Field(description="corpus of the sentences")
    model: str = Field("first", description="a model of the experiment, or its place there")
    configurations: list[str] = Field(
        min_length=2, description="the lines of an example; the first is the one to beat"
    )
    rows: dict[str, list[str]] = Field(
        description="examples: the gold mentions of one sentence that the paper shows"
    )


class Claim(Settings):
    """What a paper says of two sides, as a test of the difference between them."""

    claim: str = Field(description="the claim in words: title of the row")
    paper: str = Field(description="the paper that makes it")
    higher: dict[Key, str] = Field(
        description="the side that the paper holds for better: configuration or"
        " configuration+selector, and corpus where not all are pooled"
    )
    lower: dict[Key, str] = Field(description="the other side")
    score: Literal["precision", "recall", "f1"] = Field("f1", description="what is compared")


class Claims(Titled):
    """What papers claim: each row is a paired test with a verdict."""

    kind: Literal["claims"] = Field(description="kind of table")
    model: str = Field("first", description="a model of the experiment, or its place there")
    rows: dict[Name, Claim] = Field(description="the claims; p values are corrected for all rows")
    unit: Unit = Field("percent", description="unit of the differences")


Table = Annotated[Grid | Significance | Abstention | Cases | Claims, Field(discriminator="kind")]


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
    rows={"configuration": "all", "model": "all"},
    columns={"corpus": "all"},
)
EVERY_DIFFERENCE = Significance(
    kind="significance",
    title="Differences between neighbouring runs",
    caption="Strict F1 of a row's first run minus its second, all corpora that both were tested on"
    " pooled, with a 95 % interval and the p value of a two-sided paired test over documents and"
    " draws; how much draws vary is pooled over the rows, and taken to be alike in all of them."
    " p (Holm): corrected for the number of tests in this table. Cohen's d: the difference"
    " in standard deviations of documents, with its 95 % interval. Detectable: the smallest true"
    " difference that one such test at 5 % finds with a power of 80 %.",
    rows={"configuration": "all", "model": "all"},
    columns={"metric": list(TESTED)},
    labels={
        "difference": "ΔF1",
        "interval": "95 % interval",
        "p_holm": "p (Holm)",
        "effect": "Cohen's d",
        "detectable": "Detectable",
    },
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

    def find(self, name: str) -> Grid | Significance | Cases | Claims:
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
        every: list[tuple[str, Titled | Counts]] = [
            *self.ours.items(),
            *self.counts.items(),
            *self.tables.items(),
        ]
        return dict(every)[name] if name in dict(every) else self.find(name)

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
