"""A decoder that can copy before it has learned anything: induction heads set by hand.

Learning to copy takes a small transformer some million tokens, more than two cores see in a demo.
What it would learn is known (Olsson et al. 2022, "In-context learning and induction heads"): heads
of the first layer note at each token the one and the two tokens before it, a head of the second
looks for the place where the last two tokens stood before, and what followed there is repeated.
The heads are set for tokens not yet seen too, since they compare random directions of embeddings.
All weights stay trainable; what must hold is set large, since training moves each weight by about
its learning rate a step. Of queries and keys the size is free, as both are normalised. Where
embeddings, notes and copies are loud, what other layers learn to add at first is quiet beside them.
Which strength serves which length of training was measured: docs/results.md.
"""

from typing import Any, NamedTuple

import torch

FAST = 4  # rotary pairs that turn fast enough to tell neighbouring positions apart
SLOW = 22  # rotary pairs that hardly turn within a sentence, used to compare tokens
SHARPNESS = 4.0  # of attention, by the weights of its normalised queries
WHISPER = 0.015  # of the heads that may say a token, but do not yet look anywhere


class Strength(NamedTuple):
    """How much training it takes to move what was set by hand; a copy is the same with any."""

    loudness: float  # of the residual stream; the last norm takes it back
    look_back: float  # the size of weights that make queries and keys of the first layer
    repeat: float  # and of the second


STRENGTHS = {"firm": Strength(16, 64, 64), "light": Strength(1, 1, 8)}


@torch.no_grad()
def set_induction(model: Any, generator: torch.Generator, strength: Strength) -> None:
    """Set the first two layers of a freshly made Qwen3 decoder to copy; silence all the rest.

    Needs two key-value heads of 64 dimensions, 128 dimensions or more in all, and a rotary base of
    a million, so that the slow pairs stay put over a sentence.
    """
    loudness = strength.loudness
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    embeddings = model.model.embed_tokens.weight
    directions = _orthonormal(embeddings.shape[1] - 1, generator)[: 3 * SLOW + 128]
    token, before, earlier = directions[: 3 * SLOW].split(SLOW)
    _set_embeddings(embeddings, torch.cat([before, earlier]))
    scale = float(embeddings[:, 1:].std())
    embeddings *= loudness
    model.model.norm.weight.fill_(1 / loudness)
    first, second = (layer.self_attn for layer in model.model.layers[:2])
    for head, (distance, into) in enumerate([(1, before), (2, earlier)]):
        _look_back(first, head, distance, token, loudness * into, strength.look_back)
    for head, values in enumerate(directions[3 * SLOW :].chunk(2)):
        _repeat(second, head, (token / scale, before), (before, earlier), strength.repeat)
        _speak(second, head, values / scale, loudness * values)
        for layer in model.model.layers[2:]:
            _speak(layer.self_attn, head, values / scale, loudness * WHISPER * values)


def _orthonormal(size: int, generator: torch.Generator) -> torch.Tensor:
    """Return random orthonormal directions, all but the residual stream's first place."""
    directions = torch.linalg.qr(torch.randn(size, size, generator=generator)).Q
    return torch.cat([torch.zeros(size, 1), directions], dim=1)


def _set_embeddings(embeddings: torch.Tensor, reserved: torch.Tensor) -> None:
    """Put a constant in the first place, and clear the directions that hold earlier tokens."""
    embeddings -= embeddings @ reserved.T @ reserved
    embeddings[:, 0] = embeddings[:, 1:].std()


def _look_back(
    attention: Any,
    head: int,
    distance: int,
    read: torch.Tensor,
    write: torch.Tensor,
    firmness: float,
) -> None:
    """Let a head attend `distance` tokens back, whatever they are, and note them down."""
    q, k, v, o = _parts(attention, head)
    for part in (q, k, v):
        part.zero_()
    angles = distance * _frequencies(attention)[:FAST]
    q[:FAST, 0] = firmness
    k[:FAST, 0] = firmness * angles.cos()
    k[32 : 32 + FAST, 0] = firmness * angles.sin()
    v[:SLOW] = read
    o[:, :SLOW] = write.T
    attention.q_norm.weight.fill_(SHARPNESS)


def _repeat(
    attention: Any,
    head: int,
    wanted: tuple[torch.Tensor, torch.Tensor],
    noted: tuple[torch.Tensor, torch.Tensor],
    firmness: float,
) -> None:
    """Let a head attend where the last two tokens stood before, one place further."""
    q, k, _, _ = _parts(attention, head)
    q.zero_()
    k.zero_()
    for half, (a, b) in enumerate(zip(wanted, noted, strict=True)):
        place = slice(32 * half + 32 - SLOW, 32 * half + 32)
        q[place], k[place] = firmness * a, firmness * b
    attention.q_norm.weight.fill_(SHARPNESS)


def _speak(attention: Any, head: int, read: torch.Tensor, write: torch.Tensor) -> None:
    """Let a head say the token that it attends to, wherever it learns to look."""
    _, _, v, o = _parts(attention, head)
    v[: len(read)] = read
    o[:, : len(write)] = write.T


def _parts(attention: Any, head: int) -> tuple[torch.Tensor, ...]:
    """Return the weights of a key-value head and of its first query head: q, k, v, o."""
    query = head * attention.num_key_value_groups
    return (
        attention.q_proj.weight[64 * query : 64 * (query + 1)],
        attention.k_proj.weight[64 * head : 64 * (head + 1)],
        attention.v_proj.weight[64 * head : 64 * (head + 1)],
        attention.o_proj.weight[:, 64 * query : 64 * (query + 1)],
    )


def _frequencies(attention: Any) -> torch.Tensor:
    base = attention.config.rope_parameters["rope_theta"]
    return base ** -(torch.arange(32) / 32)
