"""Constrained answers in vLLM: a `Writer` per request leaves one token of the logits.

vLLM imports this module in the process that computes; a request's `extra_args` say what is asked.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

from bionerflow.inference.constrained import Vocabulary
from bionerflow.inference.constrained.writer import TRIED
from bionerflow.inference.engines.base import Constraint
from bionerflow.models.loading import load_tokenizer

Apply = Callable[[Sequence[int], torch.Tensor], torch.Tensor]


class ConstraintProcessor(AdapterLogitsProcessor):
    """Gives each request whose `extra_args` name a constraint a writer of its own."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        super().__init__(vllm_config, device, is_pin_memory)
        self.tokenizer = load_tokenizer(vllm_config.model_config.tokenizer)
        self.vocabularies: dict[int, Vocabulary] = {}

    def is_argmax_invariant(self) -> bool:
        """Tell vLLM that the most probable token changes, so that it is asked in greedy search."""
        return False

    def new_req_logits_processor(self, params: Any) -> Apply | None:
        """Return what is applied to the logits of a request."""
        asked = (params.extra_args or {}).get("bionerflow")
        if not asked:
            return None
        format, text, types, turn, limit, end = asked
        if end not in self.vocabularies:
            self.vocabularies[end] = Vocabulary(self.tokenizer, end)
        constraint = Constraint(format, text, tuple(types), turn)
        return chosen_alone(constraint.writer(self.vocabularies[end], limit))


def chosen_alone(writer: Any) -> Apply:
    """Return what leaves only the writer's choice in the logits (vocabulary,) of the next token.

    A request that vLLM has interrupted gets a new writer, which is told what was written before.
    """
    count = 0

    def apply(written: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        nonlocal count
        for token in written[count:]:
            writer.choose(logits, [token])
            count += 1
        token = writer.choose(logits, logits.topk(TRIED).indices.tolist())
        count += 1
        alone = torch.full_like(logits, float("-inf"))
        alone[token] = logits[token]
        return alone

    return apply
