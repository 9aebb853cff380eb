"""The tiny family: decoders trained from nothing on training texts alone.

Each document is a conversation: a sentence, and an answer that copies parts of it. Loss is on every
token, so that the model learns the language of the corpora and to copy, which is what extraction
by generation rests on. No label is read.
"""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from bionerflow.chat import Chat
from bionerflow.progress import Progress
from bionerflow.schema import Turn
from bionerflow.settings import Architecture, PretrainSettings

SHARE_OF_COPIES = 0.25


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
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=chat.end,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config)


def copying(text: str, language: str, rng: random.Random) -> list[Turn]:
    """Return a conversation whose answer copies the sentence, or some parts of it in order."""
    if rng.random() < SHARE_OF_COPIES:
        return [Turn("user", text), Turn("assistant", text)]
    words = list(text) if language == "zh" else text.split(" ")
    glue = "" if language == "zh" else " "
    parts, at = [], 0
    for _ in range(rng.randint(1, 4)):
        start = at + rng.randrange(max(1, len(words) // 3))
        at = start + rng.randint(1, 5)
        parts.append(glue.join(words[start:at]))
    answer = json.dumps([part for part in parts if part], ensure_ascii=False)
    return [Turn("user", text), Turn("assistant", answer)]


def pretrain(
    tokenizer: Any,
    texts: Sequence[tuple[str, str]],
    architecture: Architecture,
    settings: PretrainSettings,
    seed: int,
) -> Any:
    """Train a decoder on (language, text) pairs until `settings.tokens` tokens were seen."""
    torch.manual_seed(seed)
    model = build(architecture, tokenizer)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.95), weight_decay=0.01
    )
    progress = Progress("pretrain", settings.tokens, "tokens")
    seen = 0
    for ids, mask in _batches(Chat(tokenizer), texts, settings.batch_tokens, seed):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(seen / settings.tokens)
        labels = ids.masked_fill(mask == 0, -100)
        loss = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seen += int(mask.sum())
        progress.to(seen, f"loss {loss.item():.3f}")
        if seen >= settings.tokens:
            break
    return model.eval()


def _rate(done: float) -> float:
    """Warm up over 5 % of the tokens, then decay linearly to a tenth."""
    return min(done / 0.05 + 0.01, 1.0) * (1 - 0.9 * min(done, 1.0))


def _batches(
    chat: Chat, texts: Sequence[tuple[str, str]], tokens: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield right-padded batches of about `tokens` tokens, of like lengths, without end."""
    epoch = 0
    while True:
        rng = random.Random(f"{seed}:{epoch}")
        order = rng.sample(texts, len(texts))
        encoded = chat.encode([copying(text, language, rng) for language, text in order])
        rows = sorted((conversation.ids for conversation in encoded), key=len)
        batches: list[list[list[int]]] = []
        batch: list[list[int]] = []
        for row in rows:
            if batch and (len(batch) + 1) * len(row) > tokens:
                batches.append(batch)
                batch = []
            batch.append(row)
        rng.shuffle(batches)
        yield from map(_pad, batches)
        epoch += 1


def _pad(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask


def save(model: Any, tokenizer: Any, folder: str | Path) -> None:
    """Save weights and tokenizer as any model of the Hub has them."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
