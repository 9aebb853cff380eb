"""A tiny untrained model in a folder, as any model of the Hub has it."""

from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from bionerflow.models import save
from bionerflow.pretrain import build
from bionerflow.settings import Architecture
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
    architecture = Architecture(
        hidden_size=32, layers=2, heads=2, key_value_heads=1, intermediate_size=64
    )
    save(build(architecture, tokenizer), tokenizer, folder)
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
