"""What the keys of `train` become: arguments of the Trainer, of the adapter, of the loading."""

import math

import pytest
from test_train import settings, task
from tiny import tiny_model

from bionerflow.config.trainer import LoraSettings
from bionerflow.models.adapters import lora_config
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_base, load_tokenizer
from bionerflow.train import arguments
from bionerflow.train.arguments import training_arguments, with_equal_steps
from bionerflow.train.data import Conversations
from bionerflow.utils.errors import UserError


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def data(base):
    return Conversations(Chat(load_tokenizer(base)).encode(task(16)), 1024)


def test_every_key_reaches_the_trainer(data, tmp_path):
    asked = {
        "num_train_epochs": 3, "learning_rate": 0.5, "lr_scheduler_type": "cosine",
        "warmup_steps": 0.25, "weight_decay": 0.1, "max_grad_norm": 2.0, "optim": "adafactor",
        "adam_beta1": 0.8, "adam_beta2": 0.95, "torch_compile": False, "bf16": True,
    }  # fmt: skip
    further = {"adam_epsilon": 1e-6, "logging_steps": 7}
    recipe = settings(**asked, trainer_args=further, gradient_checkpointing=True)
    found = training_arguments(recipe, data, tmp_path / "run" / "key", 9, False)
    for name, value in (asked | further | {"seed": 9, "run_name": "run"}).items():
        assert getattr(found, name) == value
    assert found.per_device_train_batch_size == 8
    assert found.activation_checkpointing
    assert found.get_warmup_steps(100) == 25


def test_equal_steps_are_those_of_all_drawn_sentences():
    """To the step, though the Trainer rounds up: 28 / 25 * 25 is above 28 in floating point."""
    for size, kept, drawn in [(32, 19_585, 27_044), (32, 1, 31), *_pairs(130)]:
        reasons = {"a": {"kept: top_ifd": kept - 1, "dropped: not_chosen": drawn - kept},
                   "b": {"kept: negative": 1}}  # fmt: skip
        recipe = settings(num_train_epochs=3, effective_batch_size=size, equal_steps=True)
        epochs = with_equal_steps(recipe, reasons).num_train_epochs
        assert math.ceil(epochs * math.ceil(kept / size)) == 3 * math.ceil(drawn / size)
        assert with_equal_steps(settings(), reasons) == settings()


def _pairs(most):
    """Return all numbers of kept and drawn sentences, with one sentence per step."""
    return [(1, kept, drawn) for drawn in range(1, most) for kept in range(1, drawn + 1)]


def test_a_logger_that_is_not_installed_is_told_before_the_training(data, tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="trackio is not installed: install it by `pip install"):
        training_arguments(settings(report_to=["trackio"]), data, tmp_path, 1, False)


def test_loggers_that_are_installed_reach_the_trainer(data, tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "find_spec", lambda name: name)
    asked = ["tensorboard", "wandb", "mlflow", "trackio"]
    found = training_arguments(settings(report_to=asked), data, tmp_path, 1, False)
    assert found.report_to == asked
    assert training_arguments(settings(), data, tmp_path, 1, False).report_to == []


def test_keys_of_lora_are_those_of_the_adapter_and_attention_is_loaded(base):
    found = lora_config(LoraSettings(r=4, target_modules=["q_proj"]), task_type="CAUSAL_LM")
    assert (found.r, found.lora_alpha, found.target_modules) == (4, 16, {"q_proj"})
    assert load_base(base, attention="eager").config._attn_implementation == "eager"
