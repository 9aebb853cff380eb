"""Base models and runs, loaded from folders; nothing here reaches a network or runs remote code."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
)
from transformers.utils.logging import disable_progress_bar

from bionerflow.models.adapters import without_warning
from bionerflow.models.recorded import check, record, recorded_base
from bionerflow.utils.environment import is_first
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, write_json, writing

ADAPTER = "adapter_config.json"
QUANTISATION = "quantization_config.json"
# The console and logs have lines of progress of our own.
disable_progress_bar()
# peft imports bitsandbytes, which warns of a kernel of the Hub that it would only use on a CPU.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


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
    """Load a base model, or a base model with the adapter in `folder`, ready to answer.

    An adapter that was trained on quantised weights is put on weights quantised the same way.
    """
    folder = _there(folder)
    if not (folder / ADAPTER).is_file():
        return load_base(folder).eval()
    return _adapted(folder, load_base(base_of(folder), **_quantised(folder)))


def load_merged(folder: str | Path) -> Any:
    """Load a model with its adapter added to the weights, which are full ones again."""
    folder = _there(folder)
    base = load_base(base_of(folder), **_quantised(folder))
    if _quantised(folder):
        base = base.dequantize()
    return _adapted(folder, base).merge_and_unload()


def base_of(folder: Path) -> Path:
    """Return the base model of an adapter: the recorded one or, of others' adapters, the named."""
    recorded = recorded_base(folder)
    named = read_json(folder / ADAPTER)["base_model_name_or_path"]
    return _there(recorded or _above(folder, named))


def _adapted(folder: Path, base: Any) -> Any:
    from peft import PeftModel

    if not (folder / "adapter_model.safetensors").is_file():
        raise UserError(f"The adapter in {folder} has no safetensors: pickled weights are refused.")
    with without_warning():
        return PeftModel.from_pretrained(base, str(folder)).eval()


def four_bits() -> dict[str, Any]:
    """Return how QLoRA quantises: NF4 and double quantisation (unified's released code)."""
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=precision(),
        )
    }


def _quantised(folder: Path) -> dict[str, Any]:
    """Return how the base of the adapter in `folder` was quantised, if it was."""
    from transformers import BitsAndBytesConfig

    if not (folder / QUANTISATION).is_file():
        return {}
    known = read_json(folder / QUANTISATION) | {"bnb_4bit_compute_dtype": precision()}
    return {"quantization_config": BitsAndBytesConfig.from_dict(known)}


def load_scorer(folder: str | Path) -> Any:
    """Load what gives tokens a probability: an encoder with its head, or a causal model.

    Raises:
        UserError: The model was saved without a head; a new one would be random.
    """
    folder = _there(folder)
    if (folder / ADAPTER).is_file():
        return load_causal(folder)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    kinds = config.architectures or []
    if any(kind.endswith("Model") and "LMHead" not in kind for kind in kinds):
        raise UserError(
            f"The model in {folder} is a {kinds[0]}, saved without the head that predicts tokens: "
            "name a scorer that has one."
        )
    if not any(kind.endswith("ForMaskedLM") for kind in kinds):
        return load_causal(folder)
    return _load(AutoModelForMaskedLM, folder, dtype=precision()).to(device()).eval()


def load_base(
    folder: str | Path,
    dtype: torch.dtype | None = None,
    attention: str | None = None,
    **quantisation: Any,
) -> Any:
    """Load a base model that generates, on the device unless quantisation places it.

    Args:
        folder: The model's folder.
        dtype: Of the weights; None: bfloat16 on a GPU, float32 on a CPU.
        attention: `attn_implementation` of `from_pretrained`; None: the model's default.
        quantisation: Further arguments of `from_pretrained`.
    """
    chosen = {"attn_implementation": attention} if attention else {}
    dtype = dtype or precision()
    model = _load(AutoModelForCausalLM, folder, dtype=dtype, **chosen, **quantisation)
    if not quantisation:
        return torch.nn.Module.to(model, device())
    for module in model.modules():
        # Once asked for answers on a CPU, bitsandbytes repacks a layer's weights for bfloat16, and
        # no gradient passes through it from then on: a validation would end the learning.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def load_encoder(folder: str | Path, attention: str | None = None) -> Any:
    """Load an encoder that is to be trained as a whole, hence in float32, on the device."""
    chosen = {"attn_implementation": attention} if attention else {}
    return _load(AutoModel, folder, dtype=torch.float32, **chosen).to(device())


def load_token_classifier(
    folder: str | Path, labels: Sequence[str] = (), attention: str | None = None
) -> Any:
    """Load an encoder that labels tokens, in float32, on the device.

    Args:
        folder: The model's folder.
        labels: The labels of a new linear layer, which is untrained; none: the model has its own.
        attention: `attn_implementation` of `from_pretrained`; None: the model's default.
    """
    chosen: dict[str, Any] = {"attn_implementation": attention} if attention else {}
    if labels:
        chosen["id2label"] = dict(enumerate(labels))
        chosen["label2id"] = {label: n for n, label in enumerate(labels)}
    kind = AutoModelForTokenClassification
    return _load(kind, folder, dtype=torch.float32, **chosen).to(device())


def _load(kind: Any, folder: str | Path, **options: Any) -> Any:
    """Load full weights from safetensors; pickled weights are refused."""
    try:
        return kind.from_pretrained(
            _there(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            **options,
        )
    except (ImportError, OSError, ValueError) as error:
        raise UserError(f"The model in {folder} cannot be loaded: {error}") from None


def _there(folder: str | Path) -> Path:
    """Return the folder of a model that is there and, where it has a record, is what it was."""
    if not (Path(folder) / "config.json").is_file() and not (Path(folder) / ADAPTER).is_file():
        raise UserError(f"There is no model in {folder}: build it, or correct the path.")
    check(Path(folder))
    return Path(folder)


def _above(folder: Path, path: str) -> Path:
    """Return a path that an adapter names, from a folder that the adapter lies in.

    A folder of that name in the working directory would be taken for it by its name alone.
    """
    places = [above / path for above in folder.resolve().parents]
    return next((place for place in places if place.is_dir()), Path(path).absolute())


def save(model: Any, tokenizer: Any, folder: str | Path) -> None:
    """Save weights or adapter and the tokenizer as any model of the Hub has them.

    Beside an adapter on quantised weights stands how they were quantised. Of several processes all
    call this, since a model may be shared out among them; the first one writes.

    Raises:
        UserError: the disk is full, or the folder may not be written.
    """
    weights = _gathered(model)
    if not is_first():
        return
    with writing(folder):
        model.save_pretrained(folder, state_dict=weights)
        tokenizer.save_pretrained(folder)
    (Path(folder) / "README.md").unlink(missing_ok=True)  # peft's own, which is empty
    quantised = getattr(model.config, "quantization_config", None)
    if quantised:
        write_json(Path(folder) / QUANTISATION, quantised.to_dict())
    adapters = getattr(model, "peft_config", {})
    record(folder, next((its.base_model_name_or_path for its in adapters.values()), None))


def _gathered(model: Any) -> dict[str, Any] | None:
    """Return, for the first process, the trained weights of a model that several hold in parts."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
    from torch.distributed.fsdp import FSDPModule

    if not issubclass(type(model), FSDPModule):
        return None
    whole = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    weights = get_model_state_dict(model, options=whole)
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    return {name: weight for name, weight in weights.items() if name not in tied}
