"""The tiny family: decoders trained from nothing on training texts alone.

Each document is a conversation: a sentence, and an answer that copies it or its rare words. So the
model learns what extraction by generation rests on: to find terms and to copy them. No label is
read; the trainer is the one that fine-tunes.
"""

import json
import random
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from bionerflow.chat import Chat
from bionerflow.induction import STRENGTHS, set_induction
from bionerflow.schema import Turn
from bionerflow.settings.models import Architecture
from bionerflow.settings.stages import TrainSettings
from bionerflow.train import fit

SHARE_OF_SENTENCES = 0.2
SHARE_OF_RARE = 1 / 3
SHARE_OF_INVENTED = 0.7


def build(architecture: Architecture, tokenizer: Any) -> Any:
    """Return an untrained decoder of the Qwen3 architecture with tied embeddings."""
    chat = Chat(tokenizer)
    config = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        num_key_value_heads=architecture.key_value_heads,
        head_dim=64,
        intermediate_size=architecture.intermediate_size,
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        initializer_range=architecture.hidden_size**-0.5,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=chat.end,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config)


def rare_words(texts: Sequence[tuple[str, str]]) -> list[str]:
    """Return the words (Chinese: characters) that make up the rarest third of the texts."""
    counts = Counter(word for language, text in texts for word in split(text, language))
    left = counts.total() * SHARE_OF_RARE
    rare = []
    for word, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        left -= count
        if left < 0:
            break
        rare.append(word)
    return rare


def split(text: str, language: str) -> list[str]:
    """Split a text into words, or into characters where no spaces stand between words."""
    return list(text) if language == "zh" else text.split(" ")


def copying(text: str, language: str, rare: Sequence[str], rng: random.Random) -> list[Turn]:
    """Return a conversation whose answer copies the sentence, or its runs of rare words in order.

    Runs of rare words are what unsupervised keyphrase extraction would take for terms. In most
    sentences they are invented, so that only copying gives the answer, not knowing the words.
    """
    inventive, known = rng.random() < SHARE_OF_INVENTED, frozenset(rare)
    marked = [
        (invented(rare, rng) if inventive and word in known else word, word in known)
        for word in split(text, language)
    ]
    glue = "" if language == "zh" else " "
    asked = glue.join(word for word, _ in marked)
    if rng.random() < SHARE_OF_SENTENCES:
        return [Turn("user", asked), Turn("assistant", asked)]
    runs = groupby(marked, key=lambda pair: pair[1])
    terms = [glue.join(word for word, _ in run) for is_rare, run in runs if is_rare]
    return [Turn("user", asked), Turn("assistant", json.dumps(terms, ensure_ascii=False))]


def invented(rare: Sequence[str], rng: random.Random) -> str:
    """Return a word that begins as one rare word and ends as another."""
    front, back = rng.choice(rare), rng.choice(rare)
    return front[: (len(front) + 1) // 2] + back[(len(back) + 1) // 2 :]


def pretrain(
    tokenizer: Any,
    texts: Sequence[tuple[str, str]],
    architecture: Architecture,
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
) -> tuple[Any, dict[str, Any]]:
    """Train a decoder to copy from (language, text) pairs; return it and what is to be recorded."""
    torch.manual_seed(seed)
    rare = rare_words(texts)
    rng = random.Random(f"{seed}:copying")
    conversations = [copying(text, language, rare, rng) for language, text in texts]
    model = build(architecture, tokenizer)
    generator = torch.Generator().manual_seed(seed)
    set_induction(model, generator, STRENGTHS[architecture.induction])
    return fit(model, tokenizer, conversations, settings, checkpoints, seed)


def draw_texts(
    texts: Sequence[tuple[str, str]], sentences: int, seed: int
) -> list[tuple[str, str]]:
    """Return at most `sentences` texts, drawn by seed, in a drawn order."""
    return random.Random(f"{seed}:texts").sample(texts, min(len(texts), sentences))
