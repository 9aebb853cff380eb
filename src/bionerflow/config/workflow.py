"""What config/config.yaml may say, with what is laid over it."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from bionerflow.config.base import DottedName, Name, Settings
from bionerflow.config.models import Model

PAPERS = ("mfner", "unified", "bioselecttune")


def place_of(experiments: Mapping[str, str | dict[str, Any]], paper: str) -> str:
    """Return where an experiment is written: its file, or its key in the configuration."""
    said = experiments[paper]
    return said if isinstance(said, str) else f"the configuration, experiments.{paper}"


class FootprintSettings(Settings):
    """What a watt and its carbon are where the jobs run (Green Algorithms, Lannelongue 2021)."""

    core_watts: float = Field(12.0, ge=0, description="watts of a processor core, busy")
    gpu_watts: float = Field(
        300.0, ge=0, description="watts of a GPU, busy: its thermal design power"
    )
    memory_watts_per_gb: float = Field(0.3725, ge=0, description="watts per GB of memory")
    overhead: float = Field(
        1.67, ge=1, description="power usage effectiveness of the data centre (ratio)"
    )
    carbon_g_per_kwh: float = Field(
        51.28, ge=0, description="grams of CO2 equivalent per kWh of the grid; as shipped: France"
    )


class AnnotationSettings(Settings):
    """Texts that a run annotates: results/annotations/{name}.{form}."""

    inputs: list[str] = Field(min_length=1, description="files and folders")
    run: str = Field(description="id of the run")
    form: Literal["text", "brat", "pubtator", "bioc", "jsonl", "csv"] | None = Field(
        None, description="of the inputs, if name and content do not tell it"
    )
    column: str = Field("text", description="of a table or JSON record: the text")
    id: str | None = Field(None, description="column of a table or JSON record: the document's id")
    corpus: str | None = Field(None, description="asked as for this one, if the run had several")
    format: str | None = Field(None, description="asked in this one, if the run had several")
    selector: str | None = Field(None, description="id of a selector that filters")
    threshold: float = Field(0.5, ge=0, le=1, description="probability from which it keeps")
    predict: dict[str, Any] = Field(
        {}, description="instead of the run's own: `engine`, and what engines and `predict` take"
    )
    jobs: int = Field(1, gt=0, description="jobs that the texts are shared among")


class Config(Settings):
    """config/config.yaml, with what `--configfile` and `--config` lay over it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$", description="prefix of the run ids")
    primary_paper: str = Field(description="paper whose tables are `results/tables/{table}.csv`")
    seed: int = Field(1, description="seed of all that is drawn at random (a number without unit)")
    corpora: str = Field(description="path of the file that describes the corpora")
    models: str = Field(description="path of the file that names the models")
    tables: str = Field(description="path of the file that defines the tables")
    own_models: dict[DottedName, Model] = Field(
        {}, description="models beside those of the file `models`"
    )
    experiments: dict[Name, str | dict[str, Any]] = Field(
        {paper: f"config/experiments/{paper}.yaml" for paper in PAPERS},
        description="experiments by paper, or by a name of your own: a file, or what it would say",
    )
    mirror: str = Field("", description="a folder of raw files that is used first")
    gpu_models: dict[int, str] = Field(
        {}, description="a cluster's types of GPUs by their GB: a job asks for the smallest it can"
    )
    exclude: list[str] = Field([], description="corpora that are left out")
    footprint: FootprintSettings = Field(
        FootprintSettings(), description="what energy and its carbon are estimated from"
    )
    annotations: dict[Name, AnnotationSettings] = Field({}, description="texts to annotate")
