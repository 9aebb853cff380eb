"""The tiny family's encoder: it learns to fill in words from what stands on both sides."""

import random

import pytest
import torch
from tiny import TEXTS

from bionerflow.encoder import FIRST, MASK, add_tokens, build, pretrain
from bionerflow.models import load_encoder, load_scorer, load_tokenizer, save
from bionerflow.settings.models import Architecture
from bionerflow.settings.stages import TrainSettings
from bionerflow.tokenizer import train_tokenizer

SMALL = Architecture(kind="encoder", hidden_size=32, layers=2, heads=2, intermediate_size=64)


@pytest.fixture
def tokenizer():
    return train_tokenizer([*TEXTS * 20, *(text for _, text in texts(200))], vocabulary=300)


def texts(count):
    """Return sentences whose last word follows from their first, and the other way round."""
    rng = random.Random(0)
    pairs = [("one", "gene"), ("two", "cell"), ("six", "drug")]
    for _ in range(count):
        first, last = rng.choice(pairs)
        yield "en", f"{first} {' '.join(rng.choices(['of', 'in', 'a'], k=2))} {last}"


def test_a_text_begins_with_a_token_of_its_own_also_after_saving(tokenizer, tmp_path):
    add_tokens(tokenizer)
    save(build(SMALL, tokenizer), tokenizer, tmp_path)
    saved = load_tokenizer(tmp_path)
    ids = saved("BCL6")["input_ids"]
    assert ids[0] == saved.convert_tokens_to_ids(FIRST)
    assert saved.decode(ids[1:]) == "BCL6"
    assert saved.mask_token == MASK
    assert load_encoder(tmp_path).config.vocab_size >= len(saved)


def test_it_learns_to_fill_in_what_either_side_tells(tokenizer, tmp_path):
    how = TrainSettings(
        epochs=1, learning_rate=5e-3, beta2=0.98, batch_size=16, validations=0, warmup=0.1
    )
    model, metrics = pretrain(tokenizer, list(texts(2500)), SMALL, how, tmp_path / "c", seed=1)
    assert metrics["curve"][-1]["loss"] < 0.7 * metrics["curve"][0]["loss"]
    save(model, tokenizer, tmp_path / "model")
    filled = load_scorer(tmp_path / "model")
    for text, place, expected in (("one of a gene", 0, "one"), ("six in of drug", -1, "drug")):
        [first, *ids] = tokenizer(text)["input_ids"]
        length = len(tokenizer(expected, add_special_tokens=False)["input_ids"])
        hidden = slice(0, length) if place == 0 else slice(len(ids) - length, None)
        ids[hidden] = [tokenizer.mask_token_id] * length
        with torch.inference_mode():
            said = filled(torch.tensor([[first, *ids]])).logits[0, 1:].argmax(-1)[hidden]
        assert tokenizer.decode(said) == expected


def test_the_same_seed_gives_the_same_weights(tmp_path):
    how = TrainSettings(epochs=1, learning_rate=1e-3, batch_size=8, validations=0)
    first, second = (
        pretrain(
            train_tokenizer(TEXTS * 20, vocabulary=300),
            list(texts(40)), SMALL, how, tmp_path / folder, seed=1,
        )[0].state_dict()
        for folder in "ab"
    )  # fmt: skip
    assert all(torch.equal(first[name], second[name]) for name in first)
