"""Constrained decoding: a model writes only answers that parse, and only spans of the sentence.

A format's answers are a machine of states (`grammar`); a writer walks it with the tokens of a
vocabulary, byte by byte, and takes the most probable one of those that are allowed.
"""

from collections.abc import Sequence

import torch

from bionerflow.formats import FORMATS
from bionerflow.formats.bio import MultiBio
from bionerflow.formats.marks import TagFormat
from bionerflow.formats.symbolic import Symbolic
from bionerflow.formats.tags import Html
from bionerflow.formats.terms import ConvTerm
from bionerflow.inference.constrained.copies import Copied, Lines, Named
from bionerflow.inference.constrained.grammar import Grammar
from bionerflow.inference.constrained.lists import Bio, Listed
from bionerflow.inference.constrained.vocabulary import Vocabulary
from bionerflow.inference.constrained.writer import TRIED, Writer

__all__ = ["Grammar", "Vocabulary", "Writer", "constrained", "grammar_of"]


def grammar_of(name: str, text: str, types: Sequence[str], turn: int = 0) -> Grammar:
    """Return the grammar of a format's answer to a query, in its n-th turn."""
    format, asked = FORMATS[name], tuple(types)
    if isinstance(format, ConvTerm):
        return Listed(text, asked[turn : turn + 1], format)
    if isinstance(format, TagFormat):
        kind = {Html: Named, Symbolic: Lines}.get(type(format), Copied)
        return kind(text, asked, format)
    return Bio(text, asked) if isinstance(format, MultiBio) else Listed(text, asked, format)


def constrained(logits: torch.Tensor, writers: Sequence[Writer | None]) -> torch.Tensor:
    """Return each row's next token, (rows,): its writer's choice, or the best without a writer."""
    best = logits.topk(TRIED).indices.tolist()
    return torch.tensor(
        [
            writer.choose(row, tokens) if writer else tokens[0]
            for row, tokens, writer in zip(logits, best, writers, strict=True)
        ],
        device=logits.device,
    )
