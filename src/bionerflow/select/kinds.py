"""The three selectors that the paper compares (unified, section III.D and Table III)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bionerflow.chat import Chat
from bionerflow.errors import UserError
from bionerflow.models import load_base, load_encoder, load_tokenizer
from bionerflow.schema import Turn
from bionerflow.select.model import Selector, read_card
from bionerflow.select.samples import Candidate
from bionerflow.settings import SelectorSettings

QUESTION = "{}\nIs the text in square brackets exactly one mention of this type? Answer yes or no."
ANSWERS = ("yes", "no")


class Causal(Selector):
    """A causal model, read at the last real token, under either padding side."""

    def __init__(self, base: Path, settings: SelectorSettings, types: Sequence[str]) -> None:
        """Load the model in the folder `base`, with untrained LoRA on it if that is the method."""
        super().__init__(base, settings, types)
        self.tokenizer = load_tokenizer(base)
        self.padding_side = self.tokenizer.padding_side
        full = settings.method == "full"
        dtype = torch.float32 if full else None  # small steps vanish in bfloat16 weights
        self.model = load_base(base, dtype).requires_grad_(False)
        body = self.model.base_model
        self.encoder = body.requires_grad_(True) if full else _with_lora(body, settings)

    def reading(self, mask: torch.Tensor) -> dict[str, Any]:
        """Count positions from the first real token."""
        return {"position_ids": (mask.cumsum(1) - 1).clamp(min=0), "use_cache": False}

    def last(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the hidden state of each row's last real token (rows, size), in float32."""
        place = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(1)
        return hidden[torch.arange(len(hidden), device=mask.device), place].float()


def _with_lora(body: Any, settings: SelectorSettings) -> Any:
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules="all-linear",
    )
    return get_peft_model(body, lora)


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
    """LLM-CAUSAL: the model answers yes or no; p(yes) is taken among these two alone."""

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
        turns = [[Turn("user", QUESTION.format(candidate.marked))] for candidate in candidates]
        return [encoded.ids for encoded in self.chat.encode(turns)]

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
        self.tokenizer = load_tokenizer(base)
        self.encoder = load_encoder(base)
        size = self.encoder.config.hidden_size
        self.head = torch.nn.Linear(size, 1, device=self.encoder.device)

    def logits(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits from the first token, under right padding."""
        return self.head(hidden[:, 0].float()).squeeze(1)


KINDS: dict[str, type[Selector]] = {
    "llm_cls": LlmCls,
    "llm_causal": LlmCausal,
    "bert_cls": BertCls,
}


def build(base: Path, settings: SelectorSettings, types: Sequence[str]) -> Selector:
    """Return an untrained selector on the base model in the folder `base`."""
    return KINDS[settings.kind](base, settings, types)


def load(folder: Path) -> Selector:
    """Load a selector and the base model that its card names.

    Raises:
        UserError: no selector in `folder`, or none of its base model.
    """
    return build(*read_card(folder)).restore(folder)
