"""Base models: where they come from (`hub`, `package`, `local`), and how they are loaded."""

from bionerflow.models.loading import (
    device,
    four_bits,
    load_base,
    load_causal,
    load_encoder,
    load_merged,
    load_scorer,
    load_tokenizer,
    precision,
    save,
    token_counter,
)

__all__ = [
    "device",
    "four_bits",
    "load_base",
    "load_causal",
    "load_encoder",
    "load_merged",
    "load_scorer",
    "load_tokenizer",
    "precision",
    "save",
    "token_counter",
]
