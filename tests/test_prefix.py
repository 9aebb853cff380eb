"""Common prefixes, their cache expanded to rows, and batches of rows of like length."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from bionerflow.inference.prefix import Prefixes, batches, common, keeps_keys_and_values, shared

ROWS = st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=6)


@given(ROWS)
def test_what_rows_have_in_common_is_what_any_two_have(rows):
    assert common(rows) == min(shared(a, b) for a in rows for b in rows)


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 60))
def test_batches_hold_all_items_once_and_no_more_than_their_tokens(lengths, tokens):
    items = list(enumerate(lengths))
    found = list(batches(items, lambda item: item[1], tokens))
    assert sorted(item for batch in found for item in batch) == items
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(n for _, n in batch) <= tokens
    longest = [max(n for _, n in batch) for batch in found]
    assert longest == sorted(longest, reverse=True)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    return LlamaForCausalLM(config).eval()


@torch.inference_mode()
def test_rows_behind_parts_of_prefixes_are_read_as_rows_alone(model):
    prefixes = [[1, 2, 3, 4, 5, 6], [7, 8, 9]]
    rows, seen, own = [0, 0, 1], [6, 2, 3], [[10, 11], [12, 13], [14, 15]]
    before = Prefixes.read(model.model, prefixes).before(rows, seen)
    mask = torch.ones(3, 2, dtype=torch.long)
    output = model.model(
        torch.tensor(own),
        attention_mask=before.mask(mask),
        position_ids=torch.arange(2) + before.seen[:, None],
        past_key_values=before.cache,
    )
    for n, (row, part, ids) in enumerate(zip(rows, seen, own, strict=True)):
        alone = model.model(torch.tensor([prefixes[row][:part] + ids])).last_hidden_state[0, -2:]
        torch.testing.assert_close(output.last_hidden_state[n], alone, atol=1e-5, rtol=1e-4)


def test_a_decoder_keeps_keys_and_values_alone(model):
    assert keeps_keys_and_values(model)
