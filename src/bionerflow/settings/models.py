"""What config/models.yaml may say: where models come from, and what their jobs ask for."""

from typing import Annotated, Literal

from pydantic import Field

from bionerflow.settings.base import Settings
from bionerflow.settings.stages import TrainSettings


class Architecture(Settings):
    """A decoder of the Qwen3 architecture, or an encoder of the ModernBERT architecture."""

    kind: Literal["decoder", "encoder"] = "decoder"
    hidden_size: int = Field(gt=0)
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    key_value_heads: int | None = Field(None, gt=0, description="of a decoder, if not all")
    intermediate_size: int = Field(gt=0)
    induction: Literal["firm", "light"] = Field(
        "firm", description="a decoder's heads that copy: light ones give way to longer training"
    )


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
