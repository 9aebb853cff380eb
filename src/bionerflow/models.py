"""Base models and runs, loaded from folders; nothing here reaches a network or runs remote code."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from bionerflow.errors import UserError
from bionerflow.files import read_json, sha256, write_json

ADAPTER = "adapter_config.json"


def device() -> torch.device:
    """Return the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision() -> torch.dtype:
    """Return bfloat16 on a GPU and float32 on a CPU."""
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def load_tokenizer(folder: str | Path) -> Any:
    """Load a model folder's tokenizer."""
    if not (Path(folder) / "tokenizer_config.json").is_file():
        raise UserError(f"There is no tokenizer in {folder}: build it, or correct the path.")
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def token_counter(folder: str | Path) -> Callable[[Sequence[str]], list[int]]:
    """Return what counts the tokens of texts by a model folder's tokenizer."""
    tokenizer = load_tokenizer(folder)

    def count(texts: Sequence[str]) -> list[int]:
        return list(map(len, tokenizer(list(texts), add_special_tokens=False)["input_ids"]))

    return count


def load_causal(folder: str | Path) -> Any:
    """Load a base model, or a base model with the adapter in `folder`, ready to answer."""
    folder = _there(folder)
    if not (folder / ADAPTER).is_file():
        return load_base(folder).eval()
    from peft import PeftModel

    base = _there(read_json(folder / ADAPTER)["base_model_name_or_path"])
    if not (folder / "adapter_model.safetensors").is_file():
        raise UserError(f"The adapter in {folder} has no safetensors: pickled weights are refused.")
    return PeftModel.from_pretrained(load_base(base), str(folder)).eval()


def load_base(folder: str | Path, dtype: torch.dtype | None = None, **quantisation: Any) -> Any:
    """Load a base model that generates, on the device unless quantisation places it."""
    model = _load(AutoModelForCausalLM, folder, dtype=dtype or precision(), **quantisation)
    return model if quantisation else torch.nn.Module.to(model, device())


def load_encoder(folder: str | Path) -> Any:
    """Load an encoder that is to be trained as a whole, hence in float32, on the device."""
    return _load(AutoModel, folder, dtype=torch.float32).to(device())


def _load(kind: Any, folder: str | Path, **options: Any) -> Any:
    """Load full weights from safetensors; pickled weights are refused."""
    try:
        return kind.from_pretrained(
            _there(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            **options,
        )
    except (OSError, ValueError) as error:
        raise UserError(f"The model in {folder} cannot be loaded: {error}") from None


def _there(folder: str | Path) -> Path:
    if not (Path(folder) / "config.json").is_file() and not (Path(folder) / ADAPTER).is_file():
        raise UserError(f"There is no model in {folder}: build it, or correct the path.")
    return Path(folder)


def save(model: Any, tokenizer: Any, folder: str | Path) -> None:
    """Save weights or adapter and the tokenizer as any model of the Hub has them."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_card(folder: Path, **facts: Any) -> None:
    """Write the card beside a model folder: the SHA-256 of its weights, what is known of it."""
    weights = sorted(folder.glob("*.safetensors"))
    card = {"files": {path.name: sha256(path) for path in weights}, **facts}
    write_json(folder.with_name(f"{folder.name}.json"), card)
