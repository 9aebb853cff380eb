"""The tiny family's encoder: trained from nothing to fill in masked tokens of training texts.

It reads what follows a mention as well as what stands before it. No label is read; the trainer is
the one that fine-tunes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers.processors import TemplateProcessing
from transformers import DataCollatorForLanguageModeling, ModernBertConfig, ModernBertForMaskedLM

from bionerflow.chat import Encoded
from bionerflow.settings.models import Architecture
from bionerflow.settings.stages import TrainSettings
from bionerflow.train import fit_rows
from bionerflow.train.data import Conversations, Row

MASK, FIRST = "<|mask|>", "<|first|>"
NEAR = 4  # tokens, half of them on each side
MASKED = 0.3  # of the tokens, as ModernBERT's authors found best (Warner et al. 2024)


def add_tokens(tokenizer: Any) -> None:
    """Give a tokenizer a mask, and a first token of each text, at which the whole is read."""
    tokenizer.add_special_tokens({"mask_token": MASK, "cls_token": FIRST})
    first = [(FIRST, tokenizer.cls_token_id)]
    template = TemplateProcessing(single=f"{FIRST} $A", special_tokens=first)
    tokenizer.backend_tokenizer.post_processor = template


def build(architecture: Architecture, tokenizer: Any) -> Any:
    """Return an untrained encoder of the ModernBERT architecture.

    Its last layer sees all places, those below NEAR around each: what stands at the marks of a
    candidate is then gathered from the first step on, and need not be found in the whole sentence.
    """
    config = ModernBertConfig(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=architecture.intermediate_size,
        max_position_embeddings=4096,
        initializer_range=architecture.hidden_size**-0.5,
        layer_types=[*["sliding_attention"] * (architecture.layers - 1), "full_attention"],
        local_attention=NEAR,
        sparse_prediction=True,
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        bos_token_id=None,
        eos_token_id=None,
        sep_token_id=None,
    )
    return ModernBertForMaskedLM(config)


def pretrain(
    tokenizer: Any,
    texts: Sequence[tuple[str, str]],
    architecture: Architecture,
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
) -> tuple[Any, dict[str, Any]]:
    """Train an encoder on (language, text) pairs; return it and what is to be recorded.

    The tokenizer gets the tokens that it needs.
    """
    torch.manual_seed(seed)
    add_tokens(tokenizer)
    rows = tokenizer([text for _, text in texts])["input_ids"]
    data = Conversations([Encoded(ids, []) for ids in rows], settings.max_length)
    masked = DataCollatorForLanguageModeling(tokenizer, mlm_probability=MASKED)

    def collate(rows: Sequence[Row]) -> Any:
        return masked([{"input_ids": row["input_ids"]} for row in rows])

    model = build(architecture, tokenizer)
    return fit_rows(model, tokenizer, data, collate, settings, checkpoints, seed)
