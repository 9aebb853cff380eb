"""What config/config.yaml may say, with what is laid over it."""

from typing import Any, Literal

from pydantic import Field

from bionerflow.config.base import Name, Settings

PAPERS = ("mfner", "unified", "bioselecttune")


class FootprintSettings(Settings):
    """Power and carbon intensity where the jobs run (Green Algorithms, Lannelongue 2021)."""

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
        None, description="form of the inputs, if name and content do not tell it"
    )
    column: str = Field(
        "text", description="column (of a table) or key (of a JSON record) of the text"
    )
    id: str | None = Field(None, description="column or key of the document's id")
    corpus: str | None = Field(
        None, description="corpus whose prompts are used, if the run had several"
    )
    format: str | None = Field(
        None, description="output format that is asked for, if the run had several"
    )
    selector: str | None = Field(None, description="id of a selector that filters")
    threshold: float = Field(
        0.5, ge=0, le=1, description="probability from which the selector keeps a mention"
    )
    predict: dict[str, Any] = Field(
        {}, description="settings of `predict` that replace those of the run, such as `engine`"
    )
    jobs: int = Field(1, gt=0, description="jobs that annotate in parallel")


class Config(Settings):
    """config/config.yaml, with what `--configfile` and `--config` lay over it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$", description="prefix of the run ids")
    primary_paper: str = Field(description="paper whose tables are `results/tables/{table}.csv`")
    seed: int = Field(1, description="seed of all that is drawn at random (a number without unit)")
    corpora: str = Field(description="path of the file that describes the corpora")
    models: str = Field(description="path of the file that names the models")
    tables: str = Field(description="path of the file that defines the tables")
    experiments: dict[Name, str] = Field(
        {paper: f"config/experiments/{paper}.yaml" for paper in PAPERS},
        description="the experiment file of each paper",
    )
    mirror: str = Field(
        "", description="folder in which raw files are looked for before they are downloaded"
    )
    gpu_models: dict[int, str] = Field(
        {},
        description="GPU types of the cluster by GB; a job requests the smallest that suffices",
    )
    exclude: list[str] = Field([], description="corpora that are left out")
    footprint: FootprintSettings = Field(
        FootprintSettings(), description="constants of the energy and carbon estimate"
    )
    annotations: dict[Name, AnnotationSettings] = Field({}, description="texts to annotate")
