"""A selector's classifier, whatever its kind: scoring in batches, saving, loading."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers.modeling_outputs import SequenceClassifierOutput

from bionerflow.config.base import parse
from bionerflow.config.stages import SelectorSettings
from bionerflow.inference.prefix import batches
from bionerflow.models.context import context
from bionerflow.models.loading import load_tokenizer
from bionerflow.models.recorded import base_record, checked_base
from bionerflow.select.samples import BRACKETS, Candidate
from bionerflow.train.data import IGNORED
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import damaged, read_result, sha256, whole, write_result
from bionerflow.utils.progress import Progress

WEIGHTS, CARD = "selector.safetensors", "selector.json"
BATCH_TOKENS = {"cpu": 1024, "cuda": 16384}  # measured on a CPU, not on a GPU
OWN_MARKS = ("<|mention|>", "<|/mention|>")


class Selector(torch.nn.Module):
    """Tells mentions from near misses. A kind sets `encoder` and `padding_side`."""

    encoder: Any
    padding_side: str
    accepts_loss_kwargs = True  # the Trainer then hands the samples of the whole batch

    def __init__(self, base: Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Keep the base model's folder and tokenizer, and the entity types that can be judged."""
        super().__init__()
        self.base, self.settings, self.types = base, settings, sorted(types)
        self.tokenizer = load_tokenizer(base)
        self.marks = OWN_MARKS if settings.marks == "tokens" else BRACKETS

    def add_marks(self, model: Any) -> list[int]:
        """Make the marks tokens of the model, if they are tokens of their own; return these.

        They begin as what the model knows of brackets.
        """
        if self.settings.marks != "tokens":
            return []
        # Not special ones: those of a sentence are read as plain text.
        self.tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in OWN_MARKS])
        if len(self.tokenizer) > model.get_input_embeddings().num_embeddings:
            model.resize_token_embeddings(len(self.tokenizer), mean_resizing=False)
        own, known = (
            [self.tokenizer(mark, add_special_tokens=False)["input_ids"][-1] for mark in marks]
            for marks in (OWN_MARKS, BRACKETS)
        )
        weights = model.get_input_embeddings().weight.data
        weights[own] = weights[known]
        return own

    def tokens(self, candidates: Sequence[Candidate]) -> list[list[int]]:
        """Return the token ids of marked candidates, as the tokenizer begins any text."""
        texts = [candidate.marked(self.marks) for candidate in candidates]
        return self.tokenizer(texts, split_special_tokens=True)["input_ids"]

    @abstractmethod
    def logits(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits (rows,) from hidden states (rows, length, size), mask (rows, length)."""

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> SequenceClassifierOutput:
        """Return logits (rows,) and their binary cross entropy, as a model of transformers does.

        Args:
            input_ids: Token ids (rows, length).
            attention_mask: What is no padding (rows, length).
            labels: 1.0 for a mention and 0.0 for a near miss (rows,); IGNORED teaches nothing.
            num_items_in_batch: The samples by which the sum is divided; these ones if None.
        """
        hidden = self.read(input_ids, attention_mask).last_hidden_state
        logits = self.logits(hidden, attention_mask)
        known = labels != IGNORED
        total = binary_cross_entropy_with_logits(logits[known], labels[known], reduction="sum")
        items = known.sum() if num_items_in_batch is None else num_items_in_batch
        return SequenceClassifierOutput(loss=total / items, logits=logits)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Make a padded pass of samples; one without a label teaches nothing."""
        ids, mask = self.pad([row["input_ids"] for row in rows])
        labels = torch.tensor([row.get("label", float(IGNORED)) for row in rows])
        return {"input_ids": ids, "attention_mask": mask, "labels": labels.to(ids.device)}

    def score(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the logits (rows,), in float32, of rows of token ids."""
        ids, mask = self.pad(rows)
        return self.logits(self.read(ids, mask).last_hidden_state, mask)

    @property
    def config(self) -> Any:
        """The encoder's configuration."""
        return self.encoder.config

    @property
    def device(self) -> torch.device:
        """Where the encoder is."""
        return self.encoder.device

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: Any = None) -> None:
        """Compute the encoder's activations twice instead of keeping them."""
        self.encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs)

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        """Return the encoder's output for ids and mask (rows, length)."""
        return self.encoder(input_ids=ids, attention_mask=mask)

    def pad(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
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
        limit = context(self.encoder.config) or math.inf
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
        result = [0.0] * len(candidates)
        progress, done = Progress("select", len(candidates), "candidates"), 0
        for batch, logits in self.judged(candidates, self.encode(candidates)):
            for n, score in zip(batch, torch.sigmoid(logits).tolist(), strict=True):
                result[n] = score
            done += len(batch)
            progress.to(done)
        return result

    def judged(
        self, candidates: Sequence[Candidate], rows: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield the logits (rows,) of candidates whose token ids are `rows`, with their numbers."""
        for batch in batches(range(len(rows)), lambda n: len(rows[n]), self.budget):
            yield batch, self.score([rows[n] for n in batch])

    @property
    def budget(self) -> int:
        """Padded tokens of a batch."""
        return BATCH_TOKENS[self.encoder.device.type]

    def trained(self) -> dict[str, torch.Tensor]:
        """Return the weights that training changes, by name."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}

    def save_weights(self, folder: Path) -> None:
        """Write what was trained, as a checkpoint has it: the base model is not in it."""
        weights = {name: w.detach().cpu().contiguous() for name, w in self.trained().items()}
        with whole(folder / WEIGHTS) as part:
            save_file(weights, part)

    def save(self, folder: Path) -> None:
        """Write what was trained and a card, which records the base model relative to `folder`."""
        self.save_weights(folder)
        card = {
            "base": base_record(self.base, folder),
            "weights": sha256(folder / WEIGHTS),
            "settings": self.settings.model_dump(mode="json", exclude={"threshold"}),
            "types": self.types,
        }
        write_result(folder / CARD, card)

    def restore(self, folder: Path) -> Self:
        """Take the trained weights from `folder`, where `save` wrote them."""
        if sha256(folder / WEIGHTS) != read_result(folder / CARD)["weights"]:
            raise damaged(folder / WEIGHTS, f"its SHA-256 is not the one in {folder / CARD}")
        return self.take_weights(folder)

    def take_weights(self, folder: Path) -> Self:
        """Take the trained weights from `folder`, where `save_weights` wrote them."""
        weights = load_file(folder / WEIGHTS)
        if weights.keys() != self.trained().keys():
            raise UserError(f"{folder} does not fit its base model {self.base}: train again.")
        self.load_state_dict(weights, strict=False)
        return self.eval()

    def merged(self) -> Self:
        """Return the selector as it judges fastest; it is not trained or saved any more."""
        return self


def read_card(folder: Path) -> tuple[Path, SelectorSettings, list[str]]:
    """Return a saved selector's base model, settings and types."""
    if not (folder / CARD).is_file():
        raise UserError(f"There is no selector in {folder}: train it, or correct the path.")
    card = read_result(folder / CARD)
    settings = parse(SelectorSettings, card["settings"], str(folder / CARD))
    return checked_base(folder, card["base"]), settings, card["types"]
