"""The three selectors that the paper compares (unified, section III.D and Table III)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch

from bionerflow.config.stages import SelectorSettings
from bionerflow.data.schema import Turn
from bionerflow.inference.prefix import (
    Before,
    Prefixes,
    batches,
    keeps_keys_and_values,
    sliding_window,
)
from bionerflow.models.adapters import lora_config, with_adapter
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_base, load_encoder
from bionerflow.select.model import Selector, read_card
from bionerflow.select.samples import Candidate
from bionerflow.select.sharing import Beginning, beginnings
from bionerflow.utils.errors import UserError
from bionerflow.utils.plugins import Registry

#: The question stands last, beside the answer: behind it, a tiny model did not learn to judge.
QUESTION = "{}\nIs the marked text exactly one mention of its type? Answer yes or no."
ANSWERS = ("yes", "no")


class Causal(Selector):
    """A causal model, read at the last real token, under either padding side."""

    def __init__(self, base: Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Load the model in the folder `base`, with untrained LoRA on it if that is the method."""
        super().__init__(base, settings, types)
        self.padding_side = self.tokenizer.padding_side
        full = settings.method == "full"
        dtype = torch.float32 if full else None  # small steps vanish in bfloat16 weights
        self.model = load_base(base, dtype, settings.attn_implementation).requires_grad_(False)
        marks = self.add_marks(self.model)
        self.encoder = self.model.base_model
        self.learner = self.learns()
        if full:
            self.learner.requires_grad_(True)
        else:
            more = {"trainable_token_indices": marks or None, "task_type": self.task_type}
            self.learner = with_adapter(self.learner, lora_config(settings.lora, **more))

    task_type: str | None = None

    def learns(self) -> Any:
        """Return the part of the model that is trained."""
        return self.encoder

    def read(self, ids: torch.Tensor, mask: torch.Tensor, before: Before | None = None) -> Any:
        """Return the output for ids and mask (rows, length), and what was read before them.

        Positions are counted from the first real token.
        """
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        if before is None:
            return self.encoder(ids, attention_mask=mask, position_ids=positions, use_cache=False)
        return self.encoder(
            ids,
            attention_mask=before.mask(mask),
            position_ids=positions + before.seen[:, None],
            past_key_values=before.cache,
            use_cache=True,
        )

    def judged(
        self, candidates: Sequence[Candidate], rows: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield logits; what candidates of a sentence have in common is read once."""
        if not self._shares(rows):
            yield from super().judged(candidates, rows)
            return
        found = beginnings(candidates, rows)
        for window in batches(found, lambda one: len(one.ids), self.budget):
            yield from self._after(window, rows)

    def _shares(self, rows: Sequence[Sequence[int]]) -> bool:
        """Tell whether rows may stand behind a prefix of which each sees a part.

        The places between are not seen, but a sliding window counts them.
        """
        window = sliding_window(self.model)
        longest = max(map(len, rows), default=0)
        return keeps_keys_and_values(self.model) and (window is None or 2 * longest <= window)

    def _after(
        self, window: Sequence[Beginning], rows: Sequence[Sequence[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield the logits of rows behind their beginnings, the longest of which is the first."""
        width = len(window[0].ids)
        read = Prefixes.read(self.encoder, [one.ids for one in window]) if width else None
        place = {n: at for at, one in enumerate(window) for n in one.common}
        seen = {n: common for one in window for n, common in one.common.items()}
        lengths = {n: width + len(rows[n]) - seen[n] for n in seen}
        for batch in batches(list(seen), lengths.__getitem__, self.budget):
            ids, mask = self.pad([rows[n][seen[n] :] for n in batch])
            behind = [place[n] for n in batch], [seen[n] for n in batch]
            before = read.before(*behind) if read else None
            yield batch, self.logits(self.read(ids, mask, before).last_hidden_state, mask)

    def last(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the hidden state of each row's last real token (rows, size), in float32."""
        place = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(1)
        return hidden[torch.arange(len(hidden), device=mask.device), place].float()

    def merged(self) -> Self:
        """Add the adapter to the weights; in bfloat16 that would change what they say."""
        if self.settings.method == "lora" and self.encoder.dtype == torch.float32:
            self.learner = self.learner.merge_and_unload()
        return self


class LlmCls(Causal):
    """LLM-CLS: a linear layer on the last hidden state (equations 1 to 3)."""

    def __init__(self, base: Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Put an untrained layer on the model, in float32."""
        super().__init__(base, settings, types)
        size = self.encoder.config.hidden_size
        self.head = torch.nn.Linear(size, 1, device=self.encoder.device)

    def logits(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits from the last hidden state."""
        return self.head(self.last(hidden, mask)).squeeze(1)


class LlmCausal(Causal):
    """LLM-CAUSAL: the model answers yes or no; p(yes) is taken among these two alone.

    It is trained as runs are, on conversations of a question and its answer.
    """

    task_type = "CAUSAL_LM"

    def learns(self) -> Any:
        """Return the model with its output layer."""
        return self.model

    def __init__(self, base: Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Find the tokens that begin the two answers."""
        super().__init__(base, settings, types)
        self.chat = Chat(self.tokenizer)
        ids = self.tokenizer(list(ANSWERS), add_special_tokens=False)["input_ids"]
        self.answers = [answer[0] for answer in ids]
        if self.answers[0] == self.answers[1]:
            raise UserError(f"The tokenizer of {base} begins yes and no alike: use llm_cls.")

    def tokens(self, candidates: Sequence[Candidate]) -> list[list[int]]:
        """Return questions in the model's own chat, open for the answer."""
        turns = [[self.question(candidate)] for candidate in candidates]
        return [encoded.ids for encoded in self.chat.encode(turns)]

    def question(self, candidate: Candidate) -> Turn:
        """Return what the model is asked of a candidate."""
        return Turn("user", QUESTION.format(candidate.marked(self.marks)))

    def conversation(self, candidate: Candidate, is_mention: bool) -> list[Turn]:
        """Return the question and its answer."""
        return [self.question(candidate), Turn("assistant", ANSWERS[not is_mention])]

    def logits(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the difference of the two answers' logits."""
        yes, no = self.model.get_output_embeddings().weight[self.answers].float()
        return self.last(hidden, mask) @ (yes - no)


class BertCls(Selector):
    """BERT-CLS: an encoder, fine-tuned as a whole, and a linear layer on its first token."""

    padding_side = "right"

    def __init__(self, base: Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Put an untrained layer on the encoder in the folder `base`."""
        super().__init__(base, settings, types)
        self.encoder = load_encoder(base, settings.attn_implementation)
        self.add_marks(self.encoder)
        size = self.encoder.config.hidden_size
        self.head = torch.nn.Linear(size, 1, device=self.encoder.device)

    def logits(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits from the first token, under right padding."""
        return self.head(hidden[:, 0].float()).squeeze(1)


def _is_selector(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Selector)


KINDS: Registry[type[Selector]] = Registry(
    "selector",
    {"llm_cls": LlmCls, "llm_causal": LlmCausal, "bert_cls": BertCls},
    _is_selector,
    "a subclass of bionerflow.select.model.Selector",
)


def build(base: Path, settings: SelectorSettings, types: Sequence[str]) -> Selector:
    """Return an untrained selector on the base model in the folder `base`."""
    return KINDS.named(settings.kind)(base, settings, types)


def load(folder: Path) -> Selector:
    """Load a selector, ready to judge, and the base model that its card names.

    Raises:
        UserError: no selector in `folder`, or none of its base model.
    """
    return build(*read_card(folder)).restore(folder).merged()
