"""The settings of each stage of a run: a stage is handed its own group alone.

So a change re-runs that stage and what follows it.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bionerflow.config.base import Settings, name_of
from bionerflow.config.engines import (
    CONSTRAINING,
    CTranslate2Settings,
    EngineName,
    OpenAISettings,
    VllmSettings,
)
from bionerflow.config.trainer import LoraSettings, Schedule, TrainerSettings

Strategy = Literal["all", "random", "top_ifd", "bottom_ifd", "middle_ifd", "below_one"]
SCORELESS = ("all", "random")


class CurateSettings(Settings):
    """Which training and dev sentences a run sees."""

    train: int | None = Field(
        None, gt=0, description="at most so many training sentences per corpus"
    )
    dev: int | None = Field(200, gt=0, description="at most so many dev sentences per corpus")
    limits: dict[str, int] = Field(
        {}, description="training sentences by corpus, in place of `train`"
    )
    queries: Literal["one", "all"] = Field(
        "one",
        description="queries per sentence, if a query asks for one type: one at random, or all",
    )
    strategy: Strategy = Field("all", description="which positive sentences are kept, by their IFD")
    rho: float = Field(1.0, gt=0, le=1, description="share of the positive sentences that is kept")
    negatives: Strategy = Field("all", description="the strategy for sentences without entities")
    negatives_rho: float = Field(1.0, gt=0, le=1, description="share of them that is kept")
    scorer: str | None = Field(None, description="the weak model that scores IFD")
    mode: Literal["superfiltering", "chat", "loss_ratio"] = Field(
        "superfiltering", description="how IFD is computed"
    )
    ifd_at_least_one: Literal["drop", "keep"] = Field(
        "drop", description="whether strategies by IFD may choose scores of one and above"
    )
    jobs: int = Field(1, gt=0, description="jobs that score one corpus in parallel")

    @model_validator(mode="after")
    def _every_query_is_kept(self) -> "CurateSettings":
        if self.queries == "all" and {self.strategy, self.negatives} != {"all"}:
            raise ValueError("queries: all keeps every type; strategy and negatives must be all")
        return self


class TrainSettings(TrainerSettings):
    """How a run is fine-tuned; `num_train_epochs: 0` leaves the base model as it is (zero-shot)."""

    packing: bool = Field(
        False,
        description="conversations in one row without padding; attention stays within each of them",
    )
    max_length: int = Field(
        1024, gt=0, description="tokens per conversation; longer ones are left out and counted"
    )
    validations_per_epoch: int = Field(
        4, ge=0, description="validations by F1 of written answers, per epoch; 0: none"
    )
    equal_steps: bool = Field(
        False,
        description="as many optimizer steps as `num_train_epochs` take without curation: fewer "
        "kept sentences are seen more often",
    )
    fsdp: bool = Field(False, description="shard weights and optimizer states over the GPUs (FSDP)")

    @model_validator(mode="after")
    def _whole_if_quantised(self) -> "TrainSettings":
        if self.fsdp and self.method == "qlora":
            raise ValueError("fsdp is for full and lora: quantised weights stay whole")
        return self


class PredictSettings(Settings):
    """How test sentences are answered."""

    test: int | None = Field(300, gt=0, description="at most so many test sentences per corpus")
    limits: dict[str, int] = Field({}, description="test sentences by corpus, in place of `test`")
    max_new_tokens: int = Field(128, gt=0, description="tokens that an answer has at most")
    batch_size: int = Field(64, gt=0, description="conversations that are answered at once")
    jobs: int = Field(1, gt=0, description="jobs that answer in parallel")
    constrained: bool = Field(
        False, description="constrained decoding: answers parse, and quote only the sentence"
    )
    lookalikes: bool = Field(
        True,
        description="mentions are also found in the sentence but for characters that look alike "
        "(’ and ', µ and μ, hyphens, letter case, composed letters); they are counted",
    )
    shots: int = Field(
        0, ge=0, description="training examples in each prompt, drawn by seed (few-shot)"
    )
    thinking: int = Field(
        0, ge=0, description="tokens of a thought before each answer; 0: the thought is closed"
    )
    engine: EngineName = Field(
        "torch",
        description="what answers: `torch`, `ctranslate2`, `vllm`, `openai` (each has settings of "
        "its own), or an engine of a plug-in",
    )
    ctranslate2: CTranslate2Settings = Field(
        CTranslate2Settings(), description="of `engine: ctranslate2`"
    )
    vllm: VllmSettings = Field(VllmSettings(), description="of `engine: vllm`")
    openai: OpenAISettings | None = Field(None, description="must be given for `engine: openai`")

    @model_validator(mode="after")
    def _possible_with_the_engine(self) -> "PredictSettings":
        if self.constrained and self.engine not in CONSTRAINING:
            raise ValueError(
                f"constrained answers need the engine {' or '.join(CONSTRAINING)}: "
                f"{self.engine} cannot be told which tokens are allowed"
            )
        if self.thinking and self.engine != "torch":
            raise ValueError("thinking needs `engine: torch`")
        if self.engine == "openai" and not self.openai:
            raise ValueError("engine: openai needs `openai: {url: ..., model: ...}`")
        return self

    def unchanged_by_engines(self) -> "PredictSettings":
        """Return the settings for validation: this project's own engine, nothing else asked."""
        groups = ("shots", "thinking", "engine", "ctranslate2", "vllm", "openai")
        own = type(self)()
        return self.model_copy(update={name: getattr(own, name) for name in groups})


#: The selector that is gold itself: the ceiling of filtering. It is always there.
ORACLE = "oracle"
#: `confidence@{selector}` keeps as many predictions as the selector: those of most confidence.
CONFIDENCE = "confidence"


def selector_parts(name: str) -> tuple[str, str, str]:
    """Return a selector's key, its only corpus and its threshold: `llm_cls.genia@0.7`.

    The corpus and the threshold are empty if the name does not have them.
    """
    trained, _, threshold = name.partition("@")
    key, _, corpus = trained.partition(".")
    return key, corpus, threshold


#: The papers' kinds of selectors; plug-ins add others (`utils.plugins`).
SELECTORS = ("llm_cls", "llm_causal", "bert_cls")
SelectorKind = Annotated[str, name_of("selector", SELECTORS), Field(examples=list(SELECTORS))]


class SelectorSettings(TrainerSettings):
    """A trained filter of predicted entities (unified, section II.C)."""

    kind: SelectorKind = Field(
        "llm_cls", description="a classification layer, a written yes or no, or an encoder"
    )
    base: str = Field(description="the model that becomes the classifier")
    corpora: list[str] | None = Field(
        None, description="corpora that it is trained on; null: all of the experiment"
    )
    separately: bool = Field(
        False, description="runs on a single corpus have a selector that is trained on it alone"
    )
    samples: int = Field(10000, gt=0, description="samples per corpus, half of them negative")
    marks: Literal["brackets", "tokens"] = Field(
        "brackets", description="what marks a candidate: brackets as text, or new tokens"
    )
    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["dev"] = Field(
        0.5, description="probability from which an entity is kept; `dev`: the best on dev"
    )
    method: Literal["lora", "full"] = Field(  # type: ignore[assignment]
        "lora",
        description="which weights of the causal kinds are trained; encoders are trained in full",
    )
    lora: LoraSettings = Field(
        LoraSettings(r=8, lora_alpha=32, lora_dropout=0.1), description="adapter of the method lora"
    )
    num_train_epochs: float = Field(2, gt=0, description="epochs, that is, passes over the samples")
    learning_rate: float = Field(2e-4, gt=0, description="highest learning rate (ratio, per step)")
    lr_scheduler_type: Schedule = Field("linear", description="how the learning rate changes")
    warmup_steps: float = Field(
        0.06, ge=0, description="steps in which the rate rises; below 1: share of all steps"
    )
    effective_batch_size: int = Field(
        32, gt=0, description="samples per optimizer step, on all devices together"
    )
    weight_decay: float = Field(0.01, ge=0, description="decoupled decay (ratio to the rate)")
