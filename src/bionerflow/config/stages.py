"""The settings of each stage of a run: a stage is handed its own group alone.

So a change re-runs that stage and what follows it.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bionerflow.config.base import Settings
from bionerflow.config.engines import (
    CONSTRAINING,
    CTranslate2Settings,
    EngineName,
    OpenAISettings,
    VllmSettings,
)
from bionerflow.utils.errors import UserError
from bionerflow.utils.plugins import check_name

Strategy = Literal["all", "random", "top_ifd", "bottom_ifd", "middle_ifd", "below_one"]
SCORELESS = ("all", "random")


class CurateSettings(Settings):
    """Which training and dev sentences a run sees."""

    train: int | None = Field(None, gt=0, description="at most so many training sentences a corpus")
    dev: int | None = Field(200, gt=0, description="at most so many dev sentences a corpus")
    limits: dict[str, int] = Field({}, description="training sentences of single corpora instead")
    queries: Literal["one", "all"] = Field(
        "one", description="of a format with one type per query: one type at random, or every type"
    )
    strategy: Strategy = "all"
    rho: float = Field(1.0, gt=0, le=1, description="share of the positive sentences that is kept")
    negatives: Strategy = Field("all", description="the strategy for sentences without entities")
    negatives_rho: float = Field(1.0, gt=0, le=1, description="share of them that is kept")
    scorer: str | None = Field(None, description="the weak model that scores IFD")
    mode: Literal["superfiltering", "chat", "loss_ratio"] = "superfiltering"
    ifd_at_least_one: Literal["drop", "keep"] = Field(
        "drop", description="whether strategies by IFD may choose scores of one and above"
    )
    jobs: int = Field(1, gt=0, description="among which scoring a corpus is shared out")

    @model_validator(mode="after")
    def _every_query_is_kept(self) -> "CurateSettings":
        if self.queries == "all" and {self.strategy, self.negatives} != {"all"}:
            raise ValueError("queries: all keeps every type; strategy and negatives must be all")
        return self


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
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps")
    batch_size: int = Field(64, gt=0)
    device_batch_tokens: int | None = Field(
        None,
        gt=0,
        description="tokens per forward pass, padded; null: 8,192 on a GPU, 1,024 on a CPU",
    )
    packed: bool = Field(False, description="no padding: a pass is one row, attention stays apart")
    bf16: bool | None = Field(
        None, description="compute in bfloat16, as the Trainer's `bf16`; null: on a GPU alone"
    )
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
    shots: int = Field(
        0, ge=0, description="training examples in each prompt, drawn by seed (few-shot)"
    )
    engine: EngineName = Field("torch", description="what answers; each has settings of its own")
    ctranslate2: CTranslate2Settings = CTranslate2Settings()
    vllm: VllmSettings = VllmSettings()
    openai: OpenAISettings | None = Field(None, description="must be given for `engine: openai`")

    @model_validator(mode="after")
    def _possible_with_the_engine(self) -> "PredictSettings":
        if self.constrained and self.engine not in CONSTRAINING:
            raise ValueError(
                f"constrained answers need the engine {' or '.join(CONSTRAINING)}: "
                f"{self.engine} cannot be told which tokens are allowed"
            )
        if self.engine == "openai" and not self.openai:
            raise ValueError("engine: openai needs `openai: {url: ..., model: ...}`")
        return self

    def unchanged_by_engines(self) -> "PredictSettings":
        """Return the settings with this project's own engine, as validation in training uses it."""
        groups = ("shots", "engine", "ctranslate2", "vllm", "openai")
        own = type(self)()
        return self.model_copy(update={name: getattr(own, name) for name in groups})


#: The selector that is gold itself: the ceiling of filtering. It is always there.
ORACLE = "oracle"


def selector_parts(name: str) -> tuple[str, str, str]:
    """Return a selector's key, its only corpus and its threshold: `llm_cls.genia@0.7`.

    The corpus and the threshold are empty where the settings of the selector say them.
    """
    trained, _, threshold = name.partition("@")
    key, _, corpus = trained.partition(".")
    return key, corpus, threshold


def _selector_kind(name: str) -> str:
    try:
        return check_name("selector", name, SELECTORS)
    except UserError as error:
        raise ValueError(str(error)) from error


#: The papers' kinds of selectors; plug-ins add others (`utils.plugins`).
SELECTORS = ("llm_cls", "llm_causal", "bert_cls")
SelectorKind = Annotated[str, AfterValidator(_selector_kind), Field(examples=list(SELECTORS))]


class SelectorSettings(Settings):
    """A trained filter of predicted entities (unified, section II.C)."""

    kind: SelectorKind = "llm_cls"
    base: str = Field(description="the model that becomes the classifier")
    corpora: list[str] | None = Field(None, description="of the experiment's, if not all")
    separately: bool = Field(
        False, description="runs on a single corpus have a selector that is trained on it alone"
    )
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
