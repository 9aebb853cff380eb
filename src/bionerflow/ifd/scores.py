r"""Instruction-following difficulty: how little a prompt helps a weak model to its answer.

IFD = perplexity(answer | prompt) / perplexity(answer alone), after Superfiltering (Li et al. 2024):
with the prompt all m answer tokens are scored, alone the m - 1 that have a token before them. The
asymmetry is the reference's and is kept. Modes:

- superfiltering: plain text, `{asked}\n{answer}`, no chat template;
- loss_ratio: the same passages, mean losses instead of perplexities;
- chat: the conversation in the model's own template, end marks scored as part of the answers.

An encoder (bioselecttune, Figure 4) scores by pseudo-perplexity. It reads both sides of a token, so
that an answer alone has all its tokens scored, the first one, too.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bionerflow.data.schema import CONVERSATIONS, SCORES, Turn, open_rows
from bionerflow.data.shards import WHOLE, Share, is_kept, write_shard
from bionerflow.ifd.losses import Losses, MaskedLosses, Passage
from bionerflow.models.chat import Chat
from bionerflow.models.context import context
from bionerflow.utils.progress import Progress

CONTEXT = 1024  # tokens: Superfiltering's max_length
WINDOW = 1024  # conversations that are held, sorted, scored and kept together


class Pair(NamedTuple):
    """An answer as it is scored: behind its prompt and alone; `reason`: what is wrong with it."""

    conditioned: Passage
    alone: Passage
    reason: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """What SCORES says of one conversation; `n_tokens` counts scored answer tokens."""

    n_tokens: int
    ppl_conditioned: float | None
    ppl_alone: float | None
    ifd: float | None
    reason: str | None


def score_file(
    path: Path,
    model: Any,
    tokenizer: Any,
    mode: str,
    parts: Path,
    negatives: bool = False,
    share: Share = WHOLE,
) -> Iterator[pa.Table]:
    """Yield tables of SCORES for a rendered file's positive conversations, or for all of them.

    Each is kept in the folder `parts`; those that are there already are not scored again. A table
    is scored by itself, so that several jobs, each with its share, give what one gives.
    """
    file = open_rows(path, CONVERSATIONS)
    least = 0 if negatives else 1
    windows = share.of(math.ceil(file.metadata.num_rows / WINDOW))
    batches = enumerate(file.iter_batches(WINDOW, columns=["entities"]))
    total = sum(_has(least, batch).true_count for n, batch in batches if n in windows)
    scorer = Scorer(model, tokenizer, mode, Progress("ifd", total, "conversations"))
    columns = ["id", "types", "entities", "turns"]
    for n, batch in enumerate(file.iter_batches(WINDOW, columns=columns)):
        if n not in windows:
            continue
        part = parts / f"{n:06}.parquet"
        rows = batch.filter(_has(least, batch)).to_pylist()
        asked = [[row["id"], row["types"]] for row in rows]
        if is_kept(part, asked):
            scorer.count(len(rows))
        else:
            scores = scorer.score([[Turn(**turn) for turn in row["turns"]] for row in rows])
            identified = [{"id": row["id"], "types": row["types"]} for row in rows]
            kept = [i | asdict(score) for i, score in zip(identified, scores, strict=True)]
            write_shard(part, kept, SCORES, asked)
        yield open_rows(part, SCORES).read()


def _has(least: int, rows: pa.RecordBatch) -> pa.BooleanArray:
    """Tell which rows have at least so many entities."""
    return pc.greater_equal(pc.list_value_length(rows["entities"]), least)


class Scorer:
    """Scores conversations by one model in one mode."""

    def __init__(
        self, model: Any, tokenizer: Any, mode: str, progress: Progress, length: int = CONTEXT
    ) -> None:
        """Prepare `model`; `length` is the longest passage in tokens, cut to what it can read."""
        self.tokenizer, self.mode = tokenizer, mode
        self.context = min(length, context(model.config, tokenizer) or length)
        self.encoder = not model.can_generate()
        mask = tokenizer.mask_token_id if self.encoder else None
        self.losses = Losses(model) if mask is None else MaskedLosses(model, mask)
        self.progress, self.done = progress, 0

    def score(self, conversations: Sequence[Sequence[Turn]]) -> list[Score]:
        """Return the scores of `conversations`, in their order; equal answers run alone once."""
        plain = _encoder_pairs if self.encoder else _plain_pairs
        encode = _chat_pairs if self.mode == "chat" else plain
        pairs = list(encode(self.tokenizer, conversations, self.context)) if conversations else []
        conditioned = self.losses.mean([pair.conditioned for pair in pairs], self.count)
        answers = {tuple(pair.alone.ids): pair.alone for pair in pairs}
        alone = dict(zip(answers, self.losses.mean(list(answers.values())), strict=True))
        return [
            _score(pair, loss, alone[tuple(pair.alone.ids)], self.mode)
            for pair, loss in zip(pairs, conditioned, strict=True)
        ]

    def count(self, n: int) -> None:
        """Count `n` conversations as done."""
        self.done += n
        self.progress.to(self.done)


def _score(pair: Pair, conditioned: float, alone: float, mode: str) -> Score:
    """Put the mean losses together; what is not a number leaves a reason, never a zero."""
    ppl = _exp(conditioned), _exp(alone)
    above, below = (conditioned, alone) if mode == "loss_ratio" else ppl
    ifd = _number(above / below) if below else None
    broken = ifd is None and pair.reason in (None, "truncated")
    reason = "not_a_number" if broken else pair.reason
    return Score(len(pair.conditioned.scored), _number(ppl[0]), _number(ppl[1]), ifd, reason)


def _exp(loss: float) -> float:
    return math.exp(loss) if loss < math.log(1e300) else math.nan


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain_pairs(
    tokenizer: Any, conversations: Iterable[Sequence[Turn]], context: int
) -> Iterator[Pair]:
    """Tokenise as Superfiltering does: prompt and answer in one text, cut at `context` tokens.

    The answer begins after as many tokens as the prompt has alone. Special tokens are the
    tokenizer's own: one that opens each text gives the answer alone a first token to follow. One
    that a text quotes is plain text.
    """
    texts = [_plain(turns) for turns in conversations]
    parts = zip(*((prompt, prompt + answer, answer) for prompt, answer in texts), strict=True)
    prompts, wholes, alones = (
        tokenizer(list(part), split_special_tokens=True)["input_ids"] for part in parts
    )
    for (_, answer), prompt, whole, alone in zip(texts, prompts, wholes, alones, strict=True):
        room = max(context - len(prompt), 0) + 1
        yield _pair(
            Passage(whole[:context], range(len(prompt), min(len(whole), context))),
            Passage(alone[:room], range(1, min(len(alone), room))),
            empty=not answer,
            cut=len(whole) > context,
        )


def _encoder_pairs(
    tokenizer: Any, conversations: Iterable[Sequence[Turn]], context: int
) -> Iterator[Pair]:
    """Tokenise as `_plain_pairs` does, between an encoder's own tokens, which are not scored."""
    texts = [_plain(turns) for turns in conversations]
    options = {"return_offsets_mapping": True, "split_special_tokens": True}
    wholes = tokenizer([prompt + answer for prompt, answer in texts], **options)
    alones = tokenizer([answer for _, answer in texts], **options)
    for n, (prompt, answer) in enumerate(texts):
        ids, alone = wholes["input_ids"][n], alones["input_ids"][n]
        ends = [end for _, end in wholes["offset_mapping"][n][:context]]
        own = [place for place, (_, end) in enumerate(alones["offset_mapping"][n]) if end]
        scored = [place for place, end in enumerate(ends) if end > len(prompt)]
        yield _pair(
            Passage(ids[:context], scored),
            Passage(alone[:context], own[: len(scored)]),
            empty=not answer,
            cut=len(ids) > context,
        )


def _plain(turns: Sequence[Turn]) -> tuple[str, str]:
    """Return the prompt and the answer as plain text; several answers are a line each."""
    asked = [turn.content for turn in turns if turn.role != "assistant"]
    answered = [turn.content for turn in turns if turn.role == "assistant"]
    return "\n".join(asked) + "\n", "\n".join(answered)


def _chat_pairs(
    tokenizer: Any, conversations: Sequence[Sequence[Turn]], context: int
) -> Iterator[Pair]:
    """Tokenise through the chat template; alone, the answers follow one another."""
    for turns, encoded in zip(conversations, Chat(tokenizer).encode(conversations), strict=True):
        places = [place for start, end in encoded.answers for place in range(start, end)]
        kept = [place for place in places if place < context]
        alone = [encoded.ids[place] for place in kept]
        yield _pair(
            Passage(encoded.ids[:context], kept),
            Passage(alone, range(1, len(alone))),
            empty=not any(turn.content for turn in turns if turn.role == "assistant"),
            cut=len(encoded.ids) > context,
        )


def _pair(conditioned: Passage, alone: Passage, empty: bool, cut: bool) -> Pair:
    """Say why a pair has no score, or that it is `truncated` and scored as far as it goes."""
    if empty:
        return Pair(replace(conditioned, scored=()), replace(alone, scored=()), "empty_answer")
    if cut and not conditioned.scored:
        return Pair(conditioned, alone, "prompt_fills_context")
    if not alone.scored:
        return Pair(conditioned, alone, "one_token_answer")
    return Pair(conditioned, alone, "truncated" if cut else None)
