"""The classifier: a causal model with LoRA and a linear layer on the last token's hidden state."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from bionerflow.errors import UserError
from bionerflow.files import read_json, whole, write_json
from bionerflow.models import load_causal, load_tokenizer
from bionerflow.progress import Progress
from bionerflow.select.samples import Candidate
from bionerflow.settings import SelectorSettings, parse

WEIGHTS, CARD = "selector.safetensors", "selector.json"
BATCH_TOKENS = 4096


class Selector(torch.nn.Module):
    """Tells mentions from near misses (LLM-CLS of unified, equations 1 to 3)."""

    def __init__(self, base: str | Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Put LoRA and an untrained head on the model in the folder `base`.

        `types` are the entity types that the selector can judge.
        """
        super().__init__()
        from peft import LoraConfig, get_peft_model

        self.base, self.settings, self.types = Path(base), settings, sorted(types)
        self.tokenizer = load_tokenizer(base)
        self.padding_side = self.tokenizer.padding_side
        lora = LoraConfig(
            r=settings.lora.rank,
            lora_alpha=settings.lora.alpha,
            lora_dropout=settings.lora.dropout,
            target_modules="all-linear",
        )
        self.decoder = get_peft_model(load_causal(base).base_model, lora)
        self.head = torch.nn.Linear(self.decoder.config.hidden_size, 1)
        self.to(self.decoder.device)

    def forward(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the logits (rows,), in float32, of rows of token ids."""
        ids, mask = self._pad(rows)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        hidden = self.decoder(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state
        last = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(1)
        pooled = hidden[torch.arange(len(rows), device=mask.device), last]
        return self.head(pooled.float()).squeeze(1)

    def _pad(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and mask (rows, longest), padded at the tokenizer's side."""
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for n, row in enumerate(rows):
            place = slice(-len(row), None) if self.padding_side == "left" else slice(len(row))
            ids[n, place] = torch.tensor(row)
            mask[n, place] = 1
        return ids.to(self.head.weight.device), mask.to(self.head.weight.device)

    def encode(self, candidates: Sequence[Candidate]) -> list[list[int]]:
        """Return the token ids of marked candidates.

        Raises:
            UserError: a type that the selector was not trained for, or a sentence that is too long.
        """
        unknown = sorted({candidate.type for candidate in candidates} - set(self.types))
        if unknown:
            raise UserError(
                f"The selector was trained for other types ({', '.join(self.types)}), not for "
                f"{', '.join(unknown)}: train one on a corpus that has them."
            )
        if not candidates:
            return []
        rows = self.tokenizer([candidate.marked for candidate in candidates])["input_ids"]
        limit = self.decoder.config.max_position_embeddings
        for candidate, row in zip(candidates, rows, strict=True):
            if len(row) > limit:
                raise UserError(
                    f"The sentence '{candidate.sentence[:60]}…' has {len(row)} tokens with its "
                    f"marks; the selector's base model reads {limit}: split the sentence."
                )
        return rows

    @torch.inference_mode()
    def probabilities(self, candidates: Sequence[Candidate]) -> list[float]:
        """Return the probability of each candidate that it is a mention, in the order given."""
        self.eval()
        rows = self.encode(candidates)
        result = [0.0] * len(rows)
        progress, done = Progress("select", len(rows), "candidates"), 0
        for batch in _batches(rows):
            scores = torch.sigmoid(self([rows[n] for n in batch])).tolist()
            for n, score in zip(batch, scores, strict=True):
                result[n] = score
            done += len(batch)
            progress.to(done)
        return result

    def save(self, folder: str | Path, **card: Any) -> None:
        """Write what was trained and a card; the base model is named, relative to `folder`."""
        folder = Path(folder)
        trained = {
            name: weights.detach().cpu().contiguous()
            for name, weights in self.named_parameters()
            if weights.requires_grad
        }
        with whole(folder / WEIGHTS) as part:
            save_file(trained, part)
        write_json(
            folder / CARD,
            {
                "base": os.path.relpath(self.base, folder),
                "settings": self.settings.model_dump(mode="json"),
                "types": self.types,
                **card,
            },
        )

    @classmethod
    def load(cls, folder: str | Path) -> "Selector":
        """Load a selector and the base model that its card names."""
        folder = Path(folder)
        if not (folder / CARD).is_file():
            raise UserError(f"There is no selector in {folder}: train it, or correct the path.")
        card = read_json(folder / CARD)
        settings = parse(SelectorSettings, card["settings"], str(folder / CARD))
        selector = cls(Path(os.path.normpath(folder / card["base"])), settings, card["types"])
        missing, unexpected = selector.load_state_dict(load_file(folder / WEIGHTS), strict=False)
        trained = {name for name, w in selector.named_parameters() if w.requires_grad}
        if unexpected or trained & set(missing):
            raise UserError(f"{folder} does not fit its base model {selector.base}: train again.")
        return selector.eval()


def _batches(rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield row numbers in batches of like lengths, of at most BATCH_TOKENS padded tokens."""
    batch: list[int] = []
    for n in sorted(range(len(rows)), key=lambda n: len(rows[n])):
        if batch and (len(batch) + 1) * len(rows[n]) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch
