"""What config/tables.yaml may say. Light to import: the workflow reads it."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from bionerflow.errors import UserError
from bionerflow.settings.base import Settings
from bionerflow.tables.counts_settings import Counts

#: Scores (docs/evaluation.md). After the errors: the share of boundary errors that are n tokens
#: off; expected calibration error and
#: the accuracy of the predictions in each tenth of confidence; F1 in other papers' conventions.
Metric = Literal[
    "precision", "recall", "f1", "surface_f1", "relaxed_f1", "unseen_recall",
    "delta_nested", "delta_discontinuous",
    "type", "span", "type_and_span", "spurious", "missing",
    "deviation_0", "deviation_1", "deviation_2", "deviation_3", "deviation_4", "deviation_5+",
    "ece", "accuracy_1", "accuracy_2", "accuracy_3", "accuracy_4", "accuracy_5",
    "accuracy_6", "accuracy_7", "accuracy_8", "accuracy_9", "accuracy_10",
    "uniner", "instructuie", "gollie", "iepile", "seqeval", "semeval_partial", "semeval_type",
]  # fmt: skip
#: What a significance table shows (bionerflow.tables.significance).
TESTED = ("difference", "interval", "p", "p_holm", "effect", "detectable")
#: A metric that begins so is a place in a run's metrics.json, such as `run.settings.epochs`.
RECORDED = "run."
#: A condition on formats in place of names: those of the paper that do not carry such entities.
NOT = "not "
CONDITIONS = tuple(NOT + kind for kind in ("nested", "discontinuous"))
#: In place of pooled corpora: those whose entities all formats of the table can carry.
CARRIED = "carried"

Key = Literal["corpus", "set", "model", "format", "metric"]
Axis = dict[Key, list[str] | Literal["all"]]
Unit = Literal["fraction", "percent"]


class Titled(Settings):
    """What every table has."""

    title: str
    caption: str
    labels: dict[str, str] = Field({}, description="what is printed instead of a key")


class Grid(Titled):
    """A table of scores. Rows and columns are axes; of an axis' keys, the first varies slowest.

    What no axis varies: `corpus` and `format` are pooled (or taken from `where`), the model is the
    one with the best mean F1 on dev, the metric is F1; of what runs recorded (`run.…`), all runs.
    """

    kind: Literal["grid"]
    rows: list[Axis] = Field(
        description="corpus, set (configuration or configuration+selector; `only`: the"
        " configuration named as the format), model (`first`, `second`: of the experiment's),"
        " format (`not discontinuous`: the paper's that cannot carry such entities), metric;"
        " `all`: the experiment's"
    )
    columns: list[Axis]
    also: bool = Field(False, description="the experiment's `also` become columns, too")
    where: dict[Key, str] = Field({}, description="what all cells have in common")
    pool: list[str] | Literal["all", "carried"] = Field(
        "all",
        description="corpora that are pooled; `carried`: the experiment's whose entities all"
        " formats of the table can carry",
    )
    unit: Unit = "fraction"
    draw: Literal["bars", "lines", "shares", "reliability"] | None = Field(
        None, description="the figure that shows the table"
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

    @model_validator(mode="after")
    def _conditions_are_known(self) -> "Grid":
        named = [name for axis in self.rows + self.columns for name in axis.get("format", [])]
        unknown = {name for name in named if name.startswith(NOT)} - set(CONDITIONS)
        if unknown:
            known = ", ".join(CONDITIONS)
            raise ValueError(f"unknown conditions on formats {sorted(unknown)}; known: {known}")
        return self

    @classmethod
    def known_metrics(cls) -> tuple[str, ...]:
        """Return the metrics that its cells may ask for."""
        return get_args(Metric)


class Significance(Grid):
    """Whether neighbouring rows of a grid differ: each row here is two that follow each other."""

    kind: Literal["significance"]  # type: ignore[assignment]

    @classmethod
    def known_metrics(cls) -> tuple[str, ...]:
        """Return the metrics that its cells may ask for."""
        return TESTED


class Cases(Titled):
    """What runs found in single sentences: the paper's, where they are tested on, and our own."""

    kind: Literal["cases"]
    corpus: str
    model: str = Field("first", description="a model of the experiment, or its place there")
    sets: list[str] = Field(
        min_length=2, description="the lines of an example; the first is the one to beat"
    )
    rows: dict[str, list[str]] = Field(
        description="examples: the gold mentions of one sentence that the paper shows"
    )


Table = Annotated[Grid | Significance | Cases, Field(discriminator="kind")]


class Tables(Settings):
    """The tables by `{paper}/{table}`: of scores, and of what corpora hold; and two of no paper."""

    tables: dict[str, Table]
    counts: dict[str, Counts] = Field({}, description="what corpora hold")
    ours: dict[Literal["format_capacity", "leakage"], Titled] = Field(
        {}, description="tables of corpora and formats alone"
    )

    def find(self, name: str) -> Grid | Significance | Cases:
        """Return a table.

        Raises:
            UserError: there is none of this name; the known ones are listed.
        """
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
        return dict(every)[name]

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
        return {n: t for n, t in self.tables.items() if isinstance(t, Grid) and t.draw}
