"""The check before packed training: families are in test_families.py."""

import pytest
import torch
from transformers import BioGptConfig, BioGptForCausalLM, LlamaConfig, LlamaForCausalLM

from bionerflow.errors import UserError
from bionerflow.train.packing import check_packing

SIZE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
ROWS = [
    {"input_ids": list(range(n, n + length)), "answers": [(length - 2, length)]}
    for n, length in ((1, 5), (9, 12), (30, 7), (2, 4), (3, 30), (0, 9))
]


@pytest.fixture
def llama():
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZE))


def test_a_model_whose_conversations_stay_apart_is_taken_and_left_as_it_was(llama):
    llama.train()
    check_packing(llama, ROWS)
    assert llama.training
    assert all(weight.grad is None for weight in llama.parameters())


def test_rows_without_answers_say_nothing(llama):
    check_packing(llama, [*ROWS, {"input_ids": [0], "answers": []}])
    check_packing(llama, [{"input_ids": [0], "answers": []}])


def test_a_model_whose_conversations_see_each_other_is_refused_with_both_losses():
    torch.manual_seed(0)
    model = BioGptForCausalLM(BioGptConfig(**SIZE))
    with pytest.raises(UserError, match=r"BioGpt.*\(loss \d.* packed, \d.* one by one\).* false\."):
        check_packing(model, ROWS)


def test_a_loss_that_is_no_number_is_left_to_the_trainer(llama):
    torch.nn.init.constant_(llama.model.norm.weight, float("nan"))
    check_packing(llama, ROWS)
