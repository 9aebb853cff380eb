"""The keys of `train`, `lora` and `selectors` are the libraries' own names; others are answered."""

import subprocess
import sys

import pytest
from conftest import ROOT
from pydantic import ValidationError

from bionerflow.config.base import load, parse
from bionerflow.config.experiments import Experiment
from bionerflow.config.libraries import OPTIMIZERS, TRAINING_ARGUMENTS
from bionerflow.config.reference import FILES
from bionerflow.config.runs import RunCard
from bionerflow.config.stages import SelectorSettings, TrainSettings
from bionerflow.config.trainer import FIXED, OTHER_NAMES, OURS, LoraSettings
from bionerflow.utils.errors import UserError

#: Names that users bring from other tools and earlier versions, and what they are told.
TWENTY_ONE = {
    "lr": "learning_rate",
    "batch": "effective_batch_size",
    "batch_size": "effective_batch_size",
    "epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "schedule": "lr_scheduler_type",
    "scheduler": "lr_scheduler_type",
    "warmup": "warmup_steps",
    "warmup_ratio": "warmup_steps",
    "beta2": "adam_beta2",
    "rank": "lora.r",
    "alpha": "lora.lora_alpha",
    "dropout": "lora.lora_dropout",
    "packed": "packing",
    "sharded": "fsdp",
    "max_length": None,  # works
    "seed": "draws",
    "grad_accum": "effective_batch_size",
    "fp16": "bf16",
    "lora_rank": "lora.r",
    "optimizer": "optim",
}
#: What ours alone are called, and where the others come from that TrainingArguments does not have.
ELSEWHERE = {
    "method", "lora", "trainer_args",  # ours
    "effective_batch_size", "tokens_per_pass", "validations_per_epoch", "equal_steps",  # ours
    "attn_implementation",  # from_pretrained
    "packing", "max_length",  # trl
}  # fmt: skip
SELECTOR = {"kind", "base", "corpora", "separately", "samples", "marks", "threshold"}
UNITS = (
    "tokens", "conversations", "sentences", "samples", "epochs", "epoch", "steps", "share", "ratio",
    "probability", "norm", "dimensions", "scale", "seed", "seeds", "jobs", "cores", "number", "MB",
    "GB", "minutes", "seconds", "watts", "grams", "characters", "options",
)  # fmt: skip


def experiment(**groups):
    return {"corpora": ["c"], "models": ["m"], "configurations": {}, **groups}


@pytest.mark.parametrize(("name", "right"), TWENTY_ONE.items(), ids=TWENTY_ONE)
def test_a_near_miss_works_or_is_answered_with_the_right_key(name, right):
    value = experiment(base={"train": {name: 1}})
    if right is None:
        assert parse(Experiment, value, "x.yaml").base.train.max_length == 1
        return
    with pytest.raises(UserError) as caught:
        parse(Experiment, value, "x.yaml")
    expected = f"x.yaml: unknown key 'base.train.{name}': the key is called {right}"
    assert str(caught.value).startswith(expected)
    selectors = experiment(selectors={"s": {"base": "m", name: 1}})
    with pytest.raises(UserError, match=f"'selectors.s.{name}': the key is called {right}"):
        parse(Experiment, selectors, "x.yaml")
    with pytest.raises(UserError, match=f"'lora.{name}'|'{name}'"):
        parse(TrainSettings, {"lora": {name: 1}}, "x.yaml")


def test_the_names_within_lora_are_answered_with_those_of_peft():
    for name, right in {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout"}.items():
        with pytest.raises(UserError, match=f"'lora.{name}': the key is called {right}\\."):
            parse(TrainSettings, {"lora": {name: 1}}, "x.yaml")


def test_keys_are_fields_of_the_pinned_classes():
    from peft import LoraConfig
    from transformers import TrainingArguments
    from transformers.training_args import OptimizerNames
    from trl import SFTConfig

    fields = TrainingArguments.__dataclass_fields__
    assert {name for name, field in fields.items() if field.init} == set(TRAINING_ARGUMENTS)
    assert {name.value for name in OptimizerNames} == set(OPTIMIZERS)
    assert set(TrainSettings.model_fields) - ELSEWHERE <= set(fields)
    assert set(SelectorSettings.model_fields) - ELSEWHERE - SELECTOR <= set(fields)
    assert {"packing", "max_length"} <= set(SFTConfig.__dataclass_fields__) - set(fields)
    assert set(LoraSettings.model_fields) <= set(LoraConfig.__dataclass_fields__)
    assert not set(OTHER_NAMES) & set(TrainSettings.model_fields)
    assert all(any(f.startswith(name) for f in fields) for name in (*OURS, *FIXED))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"adam_epsilonn": 1e-8}, "has no 'adam_epsilonn'. Did you mean 'adam_epsilon'"),
        ({"learning_rate": 1}, "the key of ours is learning_rate"),
        ({"per_device_train_batch_size": 1}, "the key of ours is effective_batch_size"),
        ({"eval_steps": 5}, "the key of ours is validations_per_epoch"),
        ({"seed": 5}, "the key of ours is draws"),
        ({"lr": 5}, "the key of ours is learning_rate"),
        ({"output_dir": "x"}, "'output_dir' cannot be set"),
        ({"neftune_noise_alpha": "much"}, r"takes float \| None, not 'much'"),
        ({"tf32": 1}, r"takes bool \| None, not 1"),
    ],
)
def test_further_arguments_are_checked(given, message):
    with pytest.raises(UserError, match=message):
        parse(TrainSettings, {"trainer_args": given}, "x.yaml")


def test_further_arguments_that_fit_are_kept():
    given = {"adam_epsilon": "1e-6", "logging_steps": 7, "lr_scheduler_kwargs": {"num_cycles": 2}}
    kept = parse(TrainSettings, {"trainer_args": given}, "x.yaml").trainer_args
    assert kept == {**given, "adam_epsilon": 1e-6}


def test_settings_that_would_do_nothing_or_do_not_exist_are_refused():
    with pytest.raises(ValidationError, match="constant_with_warmup"):
        TrainSettings(warmup_steps=0.1)
    with pytest.raises(ValidationError, match="Did you mean 'adamw_torch'"):
        TrainSettings(optim="adamw_torc")
    assert TrainSettings(warmup_steps=0.1, lr_scheduler_type="linear").warmup_steps == 0.1


def nodes():
    for kind in (*(file.kind for file in FILES.values()), RunCard):
        schema = kind.model_json_schema()
        for name, node in [(kind.__name__, schema), *schema.get("$defs", {}).items()]:
            for key, field in node.get("properties", {}).items():
                yield f"{name}.{key}", field


def test_every_key_is_described_and_every_number_has_a_unit():
    fields = dict(nodes())
    assert len(fields) > 150
    assert [name for name, field in fields.items() if not field.get("description")] == []
    numbers = {
        name: field["description"]
        for name, field in fields.items()
        if any(f"'type': '{kind}'" in str(field) for kind in ("integer", "number"))
    }
    without = [n for n, text in numbers.items() if not set(UNITS) & set(words(text))]
    assert without == []


def words(text):
    return "".join(c if c.isalnum() else " " for c in text).split()


@pytest.mark.parametrize("path", sorted((ROOT / "config/experiments").glob("*.yaml")), ids=str)
def test_shipped_experiments_are_valid(path):
    load(Experiment, path)


def test_checking_the_keys_imports_no_torch():
    code = (
        "import sys; from bionerflow.config.stages import TrainSettings;"
        "TrainSettings(trainer_args={'adam_epsilon': 1e-6});"
        "print(bool({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
