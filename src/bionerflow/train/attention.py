"""Attention over a flat pass: a shared prefix once, then the rest of each conversation.

A flat pass is one row of tokens without padding: the `prefix` tokens that all of its conversations
begin with, then the remaining tokens of each conversation. Every layer but attention treats tokens
one by one, so that the prefix is computed once with gradients, whatever the method (full, LoRA,
QLoRA) and with gradient checkpointing. In attention, each conversation sees the prefix and itself:
the gradient with regard to the prefix is the sum over the conversations, as if each had run it.

What differs from separate rows: with LoRA dropout, all conversations of a pass share one mask for
the tokens of the prefix.

`flat_attention` is registered with transformers under the name FLAT. transformers makes no mask for
attention functions of which it knows no mask function.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

FLAT = "bionerflow_flat"
ALIKE = 0.75  # rows of at least this share of the longest one's length are padded together


def layout(prefix: int, lengths: Sequence[int]) -> dict[str, Any]:
    """Return the index tensors of a flat pass.

    Args:
        prefix: Tokens of the shared prefix, possibly 0.
        lengths: Further tokens of each conversation, at least 1 each.

    Returns:
        `prefix`; for padded attention: `places`, of each group of rows of like lengths the position
        in the pass of each of their tokens (rows, width), padded on the right with the row's last
        one, and `back`, where each token of the pass stands in the concatenation of the prefix and
        the padded groups; for variable-length attention: `keys`, the positions of the keys
        of all sequences, the first of which is the prefix, the sequences' offsets in the queries
        and in the keys, `cu_seq_q` and `cu_seq_k`, and their longest, `max_q` and `max_k`.
    """
    starts = [prefix + sum(lengths[:n]) for n in range(len(lengths))]
    places, back, begun = [], list(range(prefix)), prefix
    for group in _groups(lengths):
        width = max(lengths[n] for n in group)
        places.append(
            torch.tensor(
                [[starts[n] + min(k, lengths[n] - 1) for k in range(width)] for n in group]
            )
        )
        for n in group:
            back += range(begun, begun + lengths[n])
            begun += width
    shared = range(prefix)
    sequences = [range(start, start + n) for start, n in zip(starts, lengths, strict=True)]
    keys = [*shared, *(place for own in sequences for place in (*shared, *own))]
    queried = [prefix, *lengths] if prefix else list(lengths)
    seen = [prefix, *(prefix + n for n in lengths)] if prefix else queried
    return {
        "prefix": prefix,
        "places": places,
        "back": torch.tensor(back),
        "keys": torch.tensor(keys),
        "cu_seq_q": _offsets(queried),
        "cu_seq_k": _offsets(seen),
        "max_q": max(queried),
        "max_k": max(seen),
    }


def _groups(lengths: Sequence[int]) -> list[list[int]]:
    """Part consecutive rows into groups of like lengths, which are the cheaper to pad."""
    groups: list[list[int]] = []
    for n, length in enumerate(lengths):
        first = lengths[groups[-1][0]] if groups else 0
        if ALIKE * first <= length <= first:
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups


def _offsets(lengths: Sequence[int]) -> torch.Tensor:
    return pad(torch.tensor(lengths).cumsum(0), (1, 0)).int()


def flat_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    flat: dict[str, Any],
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within the conversations of a flat pass; an attention function of transformers.

    Args:
        module: The attention layer.
        query: (1, heads, tokens, width); `key` and `value` may have fewer heads.
        key: See `query`.
        value: See `query`.
        attention_mask: None, since `flat` says who sees whom.
        flat: The pass's `layout`.
        **kwargs: `scaling`, `dropout` and what else the model hands to attention.

    Returns:
        The attended values (1, tokens, heads, width), and no weights.

    Raises:
        ValueError: The model changes attention in a way that is not provided for.
    """
    if attention_mask is not None or kwargs.get("softcap") or kwargs.get("s_aux") is not None:
        raise ValueError("This model changes its attention: it cannot take flat passes.")
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))
    if query.is_cuda and not kwargs.get("dropout") and (half := _half(query, key, value)):
        query, key, value = half
        return _varlen(query, key, value, flat, kwargs.get("scaling"))[None], None
    return _padded(module, query, key, value, flat, **kwargs)[None], None


def _half(*states: torch.Tensor) -> tuple[torch.Tensor, ...] | None:
    """Return the states in the half precision that flash kernels need; None if it is not in use."""
    if torch.is_autocast_enabled("cuda"):
        return tuple(one.to(torch.get_autocast_dtype("cuda")) for one in states)
    return states if states[0].dtype in (torch.float16, torch.bfloat16) else None


def _varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    flat: dict[str, Any],
    scaling: float | None,
) -> torch.Tensor:
    """Attend by torch's variable-length flash attention, tensors as (tokens, heads, width)."""
    from torch.nn.attention.varlen import varlen_attn

    attended: Any = varlen_attn(
        query,
        key.index_select(0, flat["keys"]),
        value.index_select(0, flat["keys"]),
        flat["cu_seq_q"],
        flat["cu_seq_k"],
        flat["max_q"],
        flat["max_k"],
        scale=scaling,
        window_size=(-1, 0),  # causal: queries are the last tokens of their keys' sequence
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return attended


def _padded(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    flat: dict[str, Any],
    **kwargs: Any,
) -> torch.Tensor:
    """Attend by SDPA in rows that are padded on the right, where no real token looks."""
    prefix, attended = flat["prefix"], []

    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Any = None) -> None:
        q, k, v = (states.transpose(1, 2) for states in (q, k, v))
        attended.append(sdpa_attention_forward(module, q, k, v, mask, **kwargs)[0].flatten(0, 1))

    if prefix:
        attend(query[None, :prefix], key[None, :prefix], value[None, :prefix])
    for places in flat["places"]:
        rows, width = places.shape
        queries, *seen = (
            states.index_select(0, places.flatten()).unflatten(0, (rows, width))
            for states in (query, key, value)
        )
        mask = None
        if prefix:
            seen = [
                torch.cat([states[None, :prefix].expand(rows, -1, -1, -1), own], dim=1)
                for states, own in zip((key, value), seen, strict=True)
            ]
            mask = query.new_ones(width, prefix + width, dtype=torch.bool).tril(prefix)
        attend(queries, seen[0], seen[1], mask)
    return torch.cat(attended).index_select(0, flat["back"])


AttentionInterface.register(FLAT, flat_attention)
