"""What the configuration may say: typed, validated, and expanded into runs.

A run's settings are grouped by the stage that they belong to, so that a stage is handed its own
group alone and a change re-runs that stage and what follows it. Light to import: the workflow
parses it again in each cluster job.
"""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bionerflow.errors import UserError, nearest


class Settings(BaseModel):
    """Settings that refuse a key they do not know and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def dump(self) -> str:
        """Return the settings as JSON with sorted keys, the form that scripts take."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


Strategy = Literal["all", "random", "top_ifd", "bottom_ifd", "middle_ifd", "below_one"]
SCORELESS = ("all", "random")


class CurateSettings(Settings):
    """Which training and dev sentences a run sees."""

    train: int | None = Field(None, gt=0, description="at most so many training sentences a corpus")
    dev: int | None = Field(200, gt=0, description="at most so many dev sentences a corpus")
    limits: dict[str, int] = Field({}, description="training sentences of single corpora instead")
    strategy: Strategy = "all"
    rho: float = Field(1.0, gt=0, le=1, description="share of the positive sentences that is kept")
    negatives: Strategy = Field("all", description="the strategy for sentences without entities")
    negatives_rho: float = Field(1.0, gt=0, le=1, description="share of them that is kept")
    scorer: str | None = Field(None, description="the weak model that scores IFD")
    mode: Literal["superfiltering", "chat", "loss_ratio"] = "superfiltering"
    jobs: int = Field(1, gt=0, description="among which scoring a corpus is shared out")


class LoraSettings(Settings):
    """An adapter on all linear layers but the output layer."""

    rank: int = Field(8, gt=0)
    alpha: int = Field(16, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)


class TrainSettings(Settings):
    """How a run is fine-tuned; `batch_size` is the effective one, in conversations."""

    method: Literal["full", "lora", "qlora"] = "full"
    lora: LoraSettings = LoraSettings()
    epochs: float = Field(4, ge=0, description="0: the base model as it is (zero-shot)")
    learning_rate: float = Field(1e-5, gt=0)
    beta2: float = Field(0.999, gt=0, lt=1, description="AdamW's second decay; lower for few steps")
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps")
    batch_size: int = Field(64, gt=0)
    device_batch_tokens: int = Field(8192, gt=0, description="padded tokens a forward pass")
    packed: bool = Field(False, description="no padding: a pass is one row, attention stays apart")
    validations: int = Field(4, ge=0, description="validations by generation in an epoch")
    max_length: int = Field(1024, gt=0, description="tokens; longer conversations are left out")
    sharded: bool = Field(
        False,
        description="weights and optimizer are shared out among the GPUs (FSDP)",
    )

    @model_validator(mode="after")
    def _whole_if_quantised(self) -> "TrainSettings":
        if self.sharded and self.method == "qlora":
            raise ValueError("sharded is for full and lora: quantised weights stay whole")
        return self


class PredictSettings(Settings):
    """How test sentences are answered."""

    test: int | None = Field(300, gt=0, description="at most so many test sentences a corpus")
    limits: dict[str, int] = Field({}, description="test sentences of single corpora instead")
    max_new_tokens: int = Field(128, gt=0, description="tokens an answer may have")
    batch_size: int = Field(64, gt=0)
    jobs: int = Field(1, gt=0, description="among which the test sentences are shared out")
    constrained: bool = Field(
        False, description="write only answers that parse, and only what is in the sentence"
    )


#: The selector that is gold itself: the ceiling of filtering. It is always there.
ORACLE = "oracle"


class SelectorSettings(Settings):
    """A trained filter of predicted entities (unified, section II.C)."""

    kind: Literal["llm_cls", "llm_causal", "bert_cls"] = "llm_cls"
    base: str = Field(description="the model that becomes the classifier")
    corpora: list[str] | None = Field(None, description="of the experiment's, if not all")
    samples: int = Field(10000, gt=0, description="a corpus, half of them negative")
    epochs: float = Field(2, gt=0)
    learning_rate: float = Field(2e-4, gt=0)
    batch_size: int = Field(32, gt=0)
    method: Literal["lora", "full"] = Field(
        "lora", description="of the causal kinds; an encoder is trained in full"
    )
    lora: LoraSettings = LoraSettings(rank=8, alpha=32, dropout=0.1)
    marks: Literal["brackets", "tokens"] = Field(
        "brackets", description="around a candidate: literal brackets, or tokens of their own"
    )
    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["dev"] = Field(
        0.5, description="probability from which an entity is kept; `dev`: the best on dev"
    )


class Architecture(Settings):
    """A decoder of the Qwen3 architecture, or an encoder of the ModernBERT architecture."""

    kind: Literal["decoder", "encoder"] = "decoder"
    hidden_size: int = Field(gt=0)
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    key_value_heads: int | None = Field(None, gt=0, description="of a decoder, if not all")
    intermediate_size: int = Field(gt=0)


class Resources(Settings):
    """What a job with this model asks of its machine; a change re-runs nothing."""

    gpus: int = Field(0, ge=0)
    gpu_memory_gb: int = Field(0, ge=0, description="of a GPU: see `gpu_models`")
    cpus: int = Field(8, gt=0, description="cores, and threads of the computation")
    memory_mb: int = Field(4000, gt=0)
    runtime_min: int = Field(
        60, gt=0, description="at most; all of it, unless the rates say that a job needs less"
    )
    trained_per_second: float | None = Field(None, gt=0, description="tokens, on all `gpus`")
    written_per_second: float | None = Field(None, gt=0, description="tokens, in whole batches")


class Hub(Settings):
    """A model of the Hugging Face Hub; the revision that was downloaded is recorded with it."""

    source: Literal["hub"]
    id: str
    revision: str | None = None
    licence: str
    resources: Resources


class Local(Settings):
    """A model in a folder."""

    source: Literal["local"]
    path: str
    licence: str
    resources: Resources


class Pretrain(Settings):
    """A model that the workflow trains itself."""

    source: Literal["pretrain"]
    architecture: Architecture
    sentences: int = Field(gt=0, description="training sentences that are read, at most")
    train: TrainSettings
    resources: Resources


Model = Annotated[Hub | Local | Pretrain, Field(discriminator="source")]


class Models(Settings):
    """The models by name."""

    models: dict[str, Model]


class Overrides(Settings):
    """What one configuration changes in the base settings; a group's keys replace the base's."""

    formats: list[str] = Field(min_length=1)
    corpora: list[str] | None = Field(None, description="of the experiment's, if not all")
    models: list[str] | None = Field(None, description="instead of the experiment's")
    separately: bool = Field(False, description="a run for each corpus, not one for all")
    unseen: list[str] = Field([], description="corpora that are tested on, not trained on")
    curate: dict[str, Any] = {}
    train: dict[str, Any] = {}
    predict: dict[str, Any] = {}


class Base(Settings):
    """The settings that every run of an experiment starts from."""

    curate: CurateSettings = CurateSettings()
    train: TrainSettings = TrainSettings()
    predict: PredictSettings = PredictSettings()


class Experiment(Settings):
    """What a paper varied; it expands into runs."""

    base: Base = Base()
    corpora: list[str] = Field(min_length=1)
    models: list[str] = Field(min_length=1)
    draws: list[int] = Field([1], min_length=1)
    configurations: dict[str, Overrides]
    selectors: dict[str, SelectorSettings] = {}
    also: list[str] = Field(
        [], description="configuration or configuration+selector that tables by corpus add"
    )
    stand_ins: dict[str, str] = Field(
        {}, description="corpora that tables show, under their own names, where they name others"
    )

    def trained_on(self, configuration: str) -> list[str]:
        """Return the corpora of a configuration, without those that it is tested on only."""
        return self.configurations[configuration].corpora or self.corpora

    def fine_tuned(self, configuration: str) -> list[str]:
        """Return the models of a configuration."""
        return self.configurations[configuration].models or self.models

    def all_models(self) -> list[str]:
        """Return the experiment's models, and those of single configurations after them."""
        also = [model for name in self.configurations for model in self.fine_tuned(name)]
        return list(dict.fromkeys([*self.models, *also]))

    def with_unseen(self) -> "Experiment":
        """Return the experiment with the unseen corpora among its own, as tables list them."""
        seen = {name: self.trained_on(name) for name in self.configurations}
        unseen = [c for change in self.configurations.values() for c in change.unseen]
        configurations = {
            name: change.model_copy(update={"corpora": seen[name]})
            for name, change in self.configurations.items()
        }
        corpora = list(dict.fromkeys([*self.corpora, *unseen]))
        return self.model_copy(update={"corpora": corpora, "configurations": configurations})


PAPERS = ("mfner", "unified", "bioselecttune")


class FootprintSettings(Settings):
    """What a watt and its carbon are where the jobs run (Green Algorithms, Lannelongue 2021)."""

    core_watts: float = Field(12.0, ge=0, description="of a processor core, busy")
    gpu_watts: float = Field(300.0, ge=0, description="of a GPU, busy: its thermal design power")
    memory_watts_per_gb: float = Field(0.3725, ge=0)
    overhead: float = Field(1.67, ge=1, description="power usage effectiveness of the data centre")
    carbon_g_per_kwh: float = Field(51.28, ge=0, description="of the grid; as shipped: France")


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
    jobs: int = Field(1, gt=0, description="among which the texts are shared out")


class Config(Settings):
    """config/config.yaml, with what `--configfile` and `--config` lay over it."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$", description="prefix of the run ids")
    primary_paper: str
    seed: int = 1
    vocabulary: int = Field(6144, gt=300, description="of the tiny family's one tokenizer")
    corpora: str
    models: str
    tables: str
    experiments: dict[str, str] = Field(
        {paper: f"config/experiments/{paper}.yaml" for paper in PAPERS},
        description="the experiment file of each paper",
    )
    mirror: str = Field("", description="a folder of raw files that is used first")
    gpu_models: dict[int, str] = Field(
        {}, description="a cluster's types of GPUs by their GB: a job asks for the smallest it can"
    )
    exclude: list[str] = Field([], description="corpora that are left out")
    footprint: FootprintSettings = FootprintSettings()
    annotations: dict[str, AnnotationSettings] = Field({}, description="texts to annotate")


class Run(Settings):
    """One model fine-tuned once: an experiment's configuration, model and draw."""

    id: str
    paper: str
    model: str
    configuration: str
    draw: int
    corpora: list[str]
    unseen: list[str]
    formats: list[str]
    curate: CurateSettings
    train: TrainSettings
    predict: PredictSettings


class AskedCorpus(Settings):
    """What prompts say of a corpus."""

    dataset: str
    language: str
    types: list[str]
    definitions: dict[str, str] = {}


class RunCard(Settings):
    """results/train/{run}/run.json: how a run was asked, so that it can be asked again."""

    run: str
    corpora: dict[str, AskedCorpus]
    formats: list[str]
    predict: PredictSettings


S = TypeVar("S", bound=Settings)


def parse(kind: type[S], value: Any, where: str) -> S:
    """Validate `value` as `kind`.

    Raises:
        UserError: the first fault, with its place in `where` and the nearest valid key.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        fault = error.errors()[0]
        raise UserError(f"{where}: {_explain(kind, fault)}") from None


def load(kind: type[S], path: str | Path) -> S:
    """Read and validate a YAML file."""
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no configuration file {path}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from None
    return parse(kind, value, str(path))


def _explain(kind: type[Settings], fault: Any) -> str:
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] != "extra_forbidden":
        return f"'{place}': {fault['msg']} (it says {fault['input']!r})"
    known = _keys(kind, fault["loc"][:-1])
    return f"unknown key '{place}'.{nearest(str(fault['loc'][-1]), known)}"


def _keys(kind: type[Settings], place: tuple[Any, ...]) -> list[str]:
    """Return the valid keys at `place`, found by walking the JSON schema."""
    root = kind.model_json_schema()
    node: dict[str, Any] = root
    for step in place:
        node = _child(root, _resolve(root, node), str(step))
    return list(_resolve(root, node).get("properties", {}))


def _resolve(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node or "allOf" in node:
        node = node["allOf"][0] if "allOf" in node else root["$defs"][node["$ref"].split("/")[-1]]
    return node


def _child(root: dict[str, Any], node: dict[str, Any], step: str) -> dict[str, Any]:
    if step in node.get("properties", {}):
        return node["properties"][step]
    if "mapping" in node.get("discriminator", {}):
        return {"$ref": node["discriminator"]["mapping"].get(step, next(iter(root["$defs"])))}
    return node.get("additionalProperties") or node.get("items") or {}


def expand(config: Config, paper: str, experiment: Experiment) -> Iterator[Run]:
    """Yield the runs of a paper's experiment: each configuration, model and draw."""
    asked = [
        (name, change, model)
        for name, change in experiment.configurations.items()
        for model in experiment.fine_tuned(name)
    ]
    for (name, change, model), draw in product(asked, experiment.draws):
        groups = {
            group: {**getattr(experiment.base, group).model_dump(), **getattr(change, group)}
            for group in ("curate", "train", "predict")
        }
        corpora = chosen(config, experiment, change.corpora)
        for alone in corpora if change.separately else [None]:
            run = {
                "id": run_id(config.name, model, name, draw, alone),
                "paper": paper,
                "model": model,
                "configuration": name,
                "draw": draw,
                "corpora": [alone] if alone else corpora,
                "unseen": [corpus for corpus in change.unseen if corpus not in config.exclude],
                "formats": change.formats,
                **groups,
            }
            yield parse(Run, run, f"{config.experiments[paper]}, configurations.{name}")


def run_id(
    prefix: str, model: str, configuration: str, draw: int, corpus: str | None = None
) -> str:
    """Return a run's id, which is its folder; `corpus` is the only one that it is trained on."""
    parts = [prefix, model, configuration, corpus, f"draw{draw}"]
    return ".".join(part for part in parts if part)


def chosen(config: Config, experiment: Experiment, corpora: list[str] | None = None) -> list[str]:
    """Return an experiment's corpora, or those of them that are named, less what is left out."""
    return [
        corpus
        for corpus in experiment.corpora
        if corpus not in config.exclude and (corpora is None or corpus in corpora)
    ]
