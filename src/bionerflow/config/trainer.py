"""Settings of the Trainer that runs and selectors share, by the libraries' own names.

Fields are named as in transformers' TrainingArguments, peft's LoraConfig, `from_pretrained` or
trl's SFTConfig. Only what none of these has is named by us: `effective_batch_size`,
`tokens_per_pass`, `validations_per_epoch` and `trainer_args`.
"""

import re
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from bionerflow.config.base import RENAMED, Settings
from bionerflow.config.libraries import OPTIMIZERS, TRAINING_ARGUMENTS
from bionerflow.utils.errors import nearest

ACCUMULATION = "effective_batch_size (gradient accumulation follows from it and tokens_per_pass)"
SHARE = "warmup_steps (a number below 1 is a share of the steps)"
DRAWS = "draws (of the experiment: one seed per draw)"

#: Names of other libraries and of earlier versions, and the key that each stands for.
OTHER_NAMES: JsonDict = {
    "lr": "learning_rate",
    "batch": "effective_batch_size",
    "batch_size": "effective_batch_size",
    "epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "schedule": "lr_scheduler_type",
    "scheduler": "lr_scheduler_type",
    "warmup": SHARE,
    "warmup_ratio": SHARE,
    "beta1": "adam_beta1",
    "beta2": "adam_beta2",
    "rank": "lora.r",
    "lora_rank": "lora.r",
    "alpha": "lora.lora_alpha",
    "dropout": "lora.lora_dropout",
    "packed": "packing",
    "sharded": "fsdp",
    "seed": DRAWS,
    "grad_accum": ACCUMULATION,
    "gradient_accumulation": ACCUMULATION,
    "gradient_accumulation_steps": ACCUMULATION,
    "per_device_train_batch_size": ACCUMULATION,
    "fp16": "bf16",
    "optimizer": "optim",
    "validations": "validations_per_epoch",
    "device_batch_tokens": "tokens_per_pass",
}
IN_LORA: JsonDict = {
    "rank": "r",
    "lora_rank": "r",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
}

#: Fields of TrainingArguments that follow from keys of ours, by the beginning of their names.
OURS = {
    "per_device_train": "effective_batch_size and tokens_per_pass",
    "gradient_accumulation": "effective_batch_size and tokens_per_pass",
    "auto_find_batch_size": "tokens_per_pass",
    "max_steps": "num_train_epochs",
    "activation_checkpointing": "gradient_checkpointing",
    "fp16": "bf16",
    "bf16_full": "bf16",
    "eval_": "validations_per_epoch",
    "save_": "validations_per_epoch",
    "load_best": "validations_per_epoch",
    "metric_for_best": "validations_per_epoch",
    "greater_is_better": "validations_per_epoch",
    "seed": DRAWS,
    "data_seed": DRAWS,
    "fsdp": "fsdp",
    "deepspeed": "fsdp",
    "parallelism": "fsdp",
    "accelerator": "fsdp",
}
#: Those that the training itself rests on: its data loader, its loss, its folders.
FIXED = (
    "output_dir", "average_tokens", "label_", "use_liger", "liger_", "per_device_eval", "use_cpu",
    "prediction_", "include_", "batch_eval", "push_to_hub", "hub_", "ignore_data_skip", "do_",
    "restore_callback", "use_cache", "dataloader_", "remove_unused", "train_sampling", "resume_",
    "length_column", "local_rank", "disable_tqdm", "logging_nan", "enable_jit",
)  # fmt: skip

Schedule = Literal[
    "constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial",
    "inverse_sqrt", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay",
]  # fmt: skip
Attention = Literal["eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"]
#: Where a training may be logged: the packages' names.
Report = Literal["tensorboard", "wandb", "mlflow", "trackio"]


class LoraSettings(Settings):
    """An adapter (peft's LoraConfig)."""

    model_config = ConfigDict(json_schema_extra={RENAMED: {**IN_LORA}})

    r: int = Field(8, gt=0, description="rank: dimensions of the update of a weight matrix")
    lora_alpha: int = Field(
        16, gt=0, description="scale: the update is multiplied by the ratio to r"
    )
    lora_dropout: float = Field(
        0.05, ge=0, lt=1, description="dropout probability of the adapter's inputs"
    )
    target_modules: str | list[str] = Field(
        "all-linear", description="adapted layers; `all-linear`: all but the output layer"
    )


class TrainerSettings(Settings):
    """Settings that the training of runs and of selectors has in common."""

    model_config = ConfigDict(json_schema_extra={RENAMED: {**OTHER_NAMES}})

    method: Literal["full", "lora", "qlora"] = Field(
        "full", description="which weights are trained"
    )
    lora: LoraSettings = Field(LoraSettings(), description="of the methods lora and qlora")
    num_train_epochs: float = Field(4, ge=0, description="epochs, that is, passes over the data")
    learning_rate: float = Field(1e-5, gt=0, description="highest learning rate (ratio, per step)")
    lr_scheduler_type: Schedule = Field("constant", description="how the learning rate changes")
    warmup_steps: float = Field(
        0, ge=0, description="steps in which the rate rises; below 1: share of all steps"
    )
    effective_batch_size: int = Field(
        64, gt=0, description="conversations per optimizer step, on all devices together"
    )
    tokens_per_pass: int | None = Field(
        None,
        gt=0,
        description="tokens per device and forward pass, padding counted; passes accumulate to the"
        " effective batch; null: 8,192 on a GPU, 1,024 on a CPU",
    )
    weight_decay: float = Field(0.0, ge=0, description="decoupled decay (ratio to the rate)")
    max_grad_norm: float = Field(
        1.0, ge=0, description="norm to which gradients are clipped; 0: no clipping"
    )
    optim: str = Field("adamw_torch_fused", description="optimizer, one of transformers' names")
    adam_beta1: float = Field(0.9, ge=0, lt=1, description="decay of the mean gradient (ratio)")
    adam_beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean square (ratio)")
    bf16: bool | None = Field(
        None, description="compute in bfloat16; null: if the GPU or CPU supports it"
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass: less memory, more time"
    )
    torch_compile: bool = Field(False, description="compile the model before it is trained")
    attn_implementation: Attention | None = Field(
        None, description="attention of padded passes and of validation; null: the model's default"
    )
    report_to: list[Report] = Field([], description="where to log besides metrics.json")
    trainer_args: dict[str, Any] = Field(
        {}, description="further fields of transformers' TrainingArguments"
    )

    @field_validator("optim")
    @classmethod
    def _optimizer_is_known(cls, optim: str) -> str:
        if optim not in OPTIMIZERS:
            raise ValueError(f"there is no optimizer of this name.{nearest(optim, OPTIMIZERS)}")
        return optim

    @field_validator("trainer_args")
    @classmethod
    def _arguments_fit(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: _argument(cls, name, value) for name, value in given.items()}

    @model_validator(mode="after")
    def _warmup_happens(self) -> "TrainerSettings":
        if self.warmup_steps and self.lr_scheduler_type == "constant":
            raise ValueError(
                "lr_scheduler_type: constant has no warmup; take constant_with_warmup, or"
                " warmup_steps: 0"
            )
        return self


def _argument(settings: type[TrainerSettings], name: str, value: Any) -> Any:
    """Return the value of a field of TrainingArguments if it may be handed through."""
    ours = name if name in settings.model_fields else _begins(name, OURS)
    if name in OTHER_NAMES and name not in TRAINING_ARGUMENTS:
        ours = str(OTHER_NAMES[name])
    if ours:
        raise ValueError(f"'{name}' is not set in trainer_args: the key of ours is {ours}")
    if name not in TRAINING_ARGUMENTS:
        raise ValueError(f"TrainingArguments has no '{name}'.{nearest(name, TRAINING_ARGUMENTS)}")
    if name.startswith(FIXED):
        raise ValueError(f"'{name}' cannot be set: the training rests on its value")
    return _typed(name, value, set(re.findall(r"\w+", TRAINING_ARGUMENTS[name])))


def _begins(name: str, table: dict[str, str]) -> str | None:
    return next((ours for begin, ours in table.items() if name.startswith(begin)), None)


def _typed(name: str, value: Any, kinds: set[str]) -> Any:
    """Return a value of one of the `kinds`; YAML reads 1e-8 as a string."""
    kind = "None" if value is None else type(value).__name__
    if kind in kinds or (kind == "int" and "float" in kinds):
        return value
    if kind == "str" and "float" in kinds:
        try:
            return float(value)
        except ValueError:
            pass
    raise ValueError(f"'{name}' takes {TRAINING_ARGUMENTS[name]}, not {value!r}")
