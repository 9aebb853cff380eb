"""A tiny untrained model in a folder, as any model of the Hub has it."""

from pathlib import Path

import torch
from transformers import BertConfig, BertModel, Qwen3Config, Qwen3ForCausalLM

from bionerflow.chat import Chat
from bionerflow.models import save
from bionerflow.tokenizer import train_tokenizer

torch.set_num_threads(1)  # the tests of a tiny model are too small to share out

TEXTS = [
    "BCL6 plays a role in activated lymphocytes; breast and ovarian cancer.",
    "患者出现高血压。",
]


def tiny_model(folder: Path) -> Path:
    """Write a 2-layer Qwen3 with random weights and a byte-level BPE; return `folder`."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS * 20, vocabulary=300)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=1024,
        initializer_range=0.3,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=Chat(tokenizer).end,
        pad_token_id=tokenizer.pad_token_id,
    )
    save(Qwen3ForCausalLM(config), tokenizer, folder)
    return folder


def tiny_encoder(folder: Path) -> Path:
    """Write a 2-layer BERT with random weights and a byte-level BPE; return `folder`."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS * 20, vocabulary=300)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    save(BertModel(config), tokenizer, folder)
    return folder
