"""Untrained models of two layers in folders, as `save_pretrained` writes them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    Glm4Config,
    LlamaConfig,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from bionerflow.models.chat import Chat
from bionerflow.models.loading import save
from bionerflow.models.recorded import RECORD

torch.set_num_threads(1)  # the tests of a tiny model are too small to share out

TEXTS = [
    "BCL6 plays a role in activated lymphocytes; breast and ovarian cancer.",
    "患者出现高血压。",
]
PAD, END = "<|endoftext|>", "<|end|>"
ROLES = ["<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{% for message in messages %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
DECODERS = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig, "glm4": Glm4Config}
ENCODERS = {"bert": BertConfig, "modernbert": ModernBertConfig}
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SHAPE |= {"intermediate_size": 64, "max_position_embeddings": 1024}


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE with a chat template; `vocabulary` counts bytes and merges.

    Spaces, digits and Chinese characters are tokens of their own.
    """
    core = Tokenizer(models.BPE())
    alone = pre_tokenizers.Split(Regex(r"[ \p{Han}\p{Nd}]"), "isolated")
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [alone, pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        eos_token=END,
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def tiny_model(folder: Path, family: str = "qwen3", **changes: Any) -> Path:
    """Write a decoder of one of the DECODERS with random weights; return `folder`."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS * 20, vocabulary=300)
    shape = {
        **SHAPE,
        "vocab_size": len(tokenizer),
        "num_key_value_heads": 1,
        "head_dim": 16,
        "initializer_range": 0.3,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": Chat(tokenizer).end,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return saved(
        AutoModelForCausalLM.from_config(DECODERS[family](**shape | changes)), tokenizer, folder
    )


def tiny_encoder(folder: Path, family: str = "bert") -> Path:
    """Write an encoder of one of the ENCODERS with random weights; return `folder`."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS * 20, vocabulary=300)
    config = ENCODERS[family](
        **SHAPE, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id
    )
    return saved(AutoModel.from_config(config), tokenizer, folder)


def saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    """Write a model as others publish theirs: nothing of ours is recorded beside it."""
    save(model, tokenizer, folder)
    (folder / RECORD).unlink()
    return folder
