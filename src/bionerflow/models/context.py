"""How many tokens a model reads at most, by its configuration and tokenizer."""

from typing import Any

#: Their positions begin behind the padding token's number, so that they hold fewer tokens than
#: `max_position_embeddings` says: two fewer for RoBERTa (transformers, modeling_roberta.py).
BEHIND_PADDING = {
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}


def context(config: Any, tokenizer: Any = None) -> int | None:
    """Return the tokens that a model reads at most, or None if nothing limits them.

    A sliding window is no limit: each layer sees so many tokens, and the layers together see more.

    Args:
        config: The model's configuration.
        tokenizer: Its tokenizer, whose `model_max_length` counts as well.
    """
    text = config.get_text_config()
    limits = [getattr(text, "max_position_embeddings", None) or 0]
    if text.model_type in BEHIND_PADDING:
        limits[0] -= text.pad_token_id + 1
    limits.append(getattr(tokenizer, "model_max_length", None) or 0)
    known = [limit for limit in limits if 0 < limit < 1e9]  # tokenizers write 1e30 for "no limit"
    return min(known, default=None)
