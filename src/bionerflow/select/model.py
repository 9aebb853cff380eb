"""A selector's classifier, whatever its kind: scoring in batches, saving, loading."""

import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file, save_file

from bionerflow.errors import UserError
from bionerflow.files import read_json, whole, write_json
from bionerflow.progress import Progress
from bionerflow.select.samples import Candidate
from bionerflow.settings import SelectorSettings, parse

WEIGHTS, CARD = "selector.safetensors", "selector.json"
BATCH_TOKENS = 4096


class Selector(torch.nn.Module):
    """Tells mentions from near misses. A kind sets `tokenizer`, `encoder` and `padding_side`."""

    tokenizer: Any
    encoder: Any
    padding_side: str

    def __init__(self, base: Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Keep the base model's folder and the entity types that the selector can judge."""
        super().__init__()
        self.base, self.settings, self.types = base, settings, sorted(types)

    def tokens(self, candidates: Sequence[Candidate]) -> list[list[int]]:
        """Return the token ids of marked candidates, as the tokenizer begins any text."""
        return self.tokenizer([candidate.marked for candidate in candidates])["input_ids"]

    @abstractmethod
    def logits(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits (rows,) from hidden states (rows, length, size), mask (rows, length)."""

    def forward(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the logits (rows,), in float32, of rows of token ids."""
        ids, mask = self._pad(rows)
        hidden = self.encoder(
            input_ids=ids, attention_mask=mask, **self.reading(mask)
        ).last_hidden_state
        return self.logits(hidden, mask)

    def reading(self, mask: torch.Tensor) -> dict[str, Any]:
        """Return further arguments of the encoder."""
        return {}

    def _pad(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and mask (rows, longest)."""
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for n, row in enumerate(rows):
            place = slice(-len(row), None) if self.padding_side == "left" else slice(len(row))
            ids[n, place] = torch.tensor(row)
            mask[n, place] = 1
        return ids.to(self.encoder.device), mask.to(self.encoder.device)

    def encode(self, candidates: Sequence[Candidate]) -> list[list[int]]:
        """Return the token ids of candidates.

        Raises:
            UserError: a type that the selector was not trained for, or a sentence that is too long.
        """
        unknown = sorted({candidate.type for candidate in candidates} - set(self.types))
        if unknown:
            raise UserError(
                f"The selector was trained for other types ({', '.join(self.types)}), not for "
                f"{', '.join(unknown)}: train one on a corpus that has them."
            )
        rows = self.tokens(candidates) if candidates else []
        limit = self.encoder.config.max_position_embeddings
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

    def trained(self) -> dict[str, torch.Tensor]:
        """Return the weights that training changes, by name."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}

    def save(self, folder: Path) -> None:
        """Write what was trained and a card; the base model is named, relative to `folder`."""
        weights = {name: w.detach().cpu().contiguous() for name, w in self.trained().items()}
        with whole(folder / WEIGHTS) as part:
            save_file(weights, part)
        card = {
            "base": os.path.relpath(self.base, folder),
            "settings": self.settings.model_dump(mode="json", exclude={"threshold"}),
            "types": self.types,
        }
        write_json(folder / CARD, card)

    def restore(self, folder: Path) -> Self:
        """Take the trained weights from `folder`."""
        weights = load_file(folder / WEIGHTS)
        if weights.keys() != self.trained().keys():
            raise UserError(f"{folder} does not fit its base model {self.base}: train again.")
        self.load_state_dict(weights, strict=False)
        return self.eval()


def read_card(folder: Path) -> tuple[Path, SelectorSettings, list[str]]:
    """Return a saved selector's base model, settings and types."""
    if not (folder / CARD).is_file():
        raise UserError(f"There is no selector in {folder}: train it, or correct the path.")
    card = read_json(folder / CARD)
    settings = parse(SelectorSettings, card["settings"], str(folder / CARD))
    return Path(os.path.normpath(folder / card["base"])), settings, card["types"]


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
