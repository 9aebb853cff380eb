"""The first layers of a model as a weaker one, and scorers that lack their head."""

import json

import pytest
import torch
from tiny import tiny_encoder, tiny_model

from bionerflow.config.models import Layers, Models, Resources
from bionerflow.models.layers import keep_layers
from bionerflow.models.loading import load_causal, load_scorer, load_tokenizer
from bionerflow.utils.errors import UserError


def test_the_first_layers_are_those_of_the_whole_model(tmp_path):
    whole = tiny_model(tmp_path / "whole", num_hidden_layers=3)
    entry = {"source": "layers", "of": "whole", "number": 2, "licence": "mine", "resources": {}}
    keep_layers(Layers.model_validate(entry), whole, tmp_path / "first")
    first = load_scorer(tmp_path / "first")
    ids = torch.tensor([load_tokenizer(tmp_path / "first")("colon cancer")["input_ids"]])
    with torch.no_grad():
        hidden = load_causal(whole)(ids, output_hidden_states=True).hidden_states[2]
        expected = first.lm_head(first.model.norm(hidden))
        assert torch.allclose(first(ids).logits, expected, atol=1e-5)
    assert "model.safetensors" in json.loads((tmp_path / "first.json").read_text())["files"]
    with pytest.raises(UserError, match="has 3 layers: keep fewer"):
        keep_layers(Layers.model_validate(entry | {"number": 3}), whole, tmp_path / "none")


def test_the_first_layers_are_of_a_model_that_is_there():
    layers = {"source": "layers", "number": 2, "licence": "mine", "resources": Resources()}
    with pytest.raises(ValueError, match="first: `of` must name a model that has all its layers"):
        Models.model_validate({"models": {"first": {**layers, "of": "nothing"}}})


def test_an_encoder_without_its_head_is_no_scorer(tmp_path):
    with pytest.raises(UserError, match="is a BertModel, saved without the head"):
        load_scorer(tiny_encoder(tmp_path / "encoder"))
