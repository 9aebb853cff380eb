"""Models and tokenizers: loaded from folders, fetched from the Hub, trained on texts."""

import json

import huggingface_hub
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import TEXTS, tiny_model

from bionerflow.errors import UserError
from bionerflow.hub import prefetch
from bionerflow.models import load_causal, load_tokenizer, write_card
from bionerflow.schema import Turn
from bionerflow.settings.models import Hub
from bionerflow.tokenizer import REPEATED, add_phrases, train_tokenizer

# folders


def test_pickled_weights_are_refused(tmp_path):
    folder = tiny_model(tmp_path / "model")
    weights = load_causal(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=f"The model in {folder} cannot be loaded"):
        load_causal(folder)


@pytest.mark.parametrize("load", [load_causal, load_tokenizer])
def test_an_absent_folder_is_named(load, tmp_path):
    with pytest.raises(UserError, match=f"There is no [a-z]+ in {tmp_path / 'absent'}"):
        load(tmp_path / "absent")


def test_an_adapter_without_its_base_is_refused(tmp_path):
    base = {"base_model_name_or_path": str(tmp_path / "moved")}
    (tmp_path / "adapter_config.json").write_text(json.dumps(base))
    with pytest.raises(UserError, match=f"There is no model in {tmp_path / 'moved'}"):
        load_causal(tmp_path)


def test_a_card_has_the_sum_of_the_weights(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"abc")
    write_card(folder, parameters=7)
    assert json.loads((tmp_path / "model.json").read_text()) == {
        "files": {
            "model.safetensors": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        },
        "parameters": 7,
    }


# the Hub

HUB = Hub(source="hub", id="a/model", licence="Community License", resources={})


def test_a_hub_that_cannot_be_reached_names_model_and_licence(tmp_path, monkeypatch):
    """As a machine without network sees it: nothing listens at the Hub's address."""
    here = huggingface_hub.HfApi(endpoint="http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: here)
    with pytest.raises(UserError, match=r"a/model cannot be fetched .*Community License"):
        prefetch(HUB, tmp_path / "model")
    assert not (tmp_path / "model.json").exists()


def test_a_model_that_the_hub_does_not_give_names_model_and_licence(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("gated")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    with pytest.raises(UserError, match=r"a/model cannot be fetched .*Community License"):
        prefetch(HUB, tmp_path / "model")


def test_what_was_fetched_is_recorded(tmp_path, monkeypatch):
    asked = {}

    def download(id, revision, local_dir, allow_patterns):
        asked.update(id=id, revision=revision, patterns=allow_patterns)
        local_dir.mkdir()
        (local_dir / "config.json").write_bytes(b"abc")

    info = type("Info", (), {"sha": "f00d"})
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, revision: info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    prefetch(HUB, tmp_path / "model")
    card = json.loads((tmp_path / "model.json").read_text())
    assert (card["id"], card["revision"], card["licence"]) == ("a/model", "f00d", HUB.licence)
    assert (list(card["files"]), asked["revision"]) == (["config.json"], "f00d")
    assert not any(pattern.endswith((".py", ".bin", ".pt", "*")) for pattern in asked["patterns"])


# the tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS * 20, 400)


@settings(max_examples=200, deadline=None)
@given(st.text() | st.text("aZ 0９高血压😀🏽é\u0301β-'\"\n\t<|>"))
def test_what_is_encoded_can_be_decoded(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


WORD = st.from_regex(r"[a-zA-Zβé][a-zA-Z0-9βé]{0,6}(-[0-9A-Za-z]{1,3})?", fullmatch=True)
MENTIONS = st.lists(WORD, min_size=1, max_size=3).map(" ".join) | st.text("高血压心脏", min_size=1)


@settings(max_examples=100, deadline=None)
@given(MENTIONS)
def test_a_mention_has_the_same_tokens_in_the_sentence_and_in_the_answer(tokenizer, mention):
    alone = tokenizer.tokenize(mention)
    for text in (
        f"activated {mention} , of cells",
        f"患者{mention}。",
        f'Answer: ["{mention}"]',
        f'Answer: [{{"text": "{mention}", "type": "protein"}}]',
    ):
        tokens = tokenizer.tokenize(text)
        places = range(len(tokens) - len(alone) + 1)
        assert any(tokens[n : n + len(alone)] == alone for n in places), text


def test_the_tokenizer_is_the_same_each_time(tokenizer):
    again = train_tokenizer(TEXTS * 20, 400)
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    assert len(again) <= 400


def test_lines_that_prompts_repeat_are_one_token():
    tokenizer = train_tokenizer(TEXTS, 300)
    often, seldom = "Extract the proteins .", "Extract the cells ."
    prompts = [[Turn("user", often)]] * REPEATED + [[Turn("user", seldom)]] * (REPEATED - 1)
    add_phrases(tokenizer, prompts)
    assert tokenizer.tokenize(f"{often}\nBCL6")[0] == often
    assert len(tokenizer.tokenize(seldom)) > 1
