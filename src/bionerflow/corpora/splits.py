"""Split recipes: the sentences of a part, dealt into train, dev and test."""

import random
from collections.abc import Mapping, Sequence
from itertools import chain

from bionerflow.corpora.settings import SPLITS, Part, Split
from bionerflow.errors import UserError
from bionerflow.schema import Example


def divide(corpus: str, examples: Sequence[Example], part: Part) -> dict[Split, list[Example]]:
    """Return the examples of each split, in file order.

    At random, the sentences of one document stay in one split.

    Raises:
        UserError: the counts cannot be met.
    """
    if isinstance(part.into, str):
        return {part.into: list(examples)}
    documents: dict[str, list[int]] = {}
    for number, example in enumerate(examples):
        key = example.doc_id if part.order == "random" else example.id
        documents.setdefault(key, []).append(number)
    groups = list(documents.values())
    if part.order == "random":
        random.Random(f"{part.seed}:split {corpus}").shuffle(groups)
    ordered = {split: part.into[split] for split in SPLITS if split in part.into}
    if any(isinstance(size, float) for size in ordered.values()):
        numbers = shared(groups, ordered)
    else:
        numbers = dealt(corpus, groups, {split: int(size) for split, size in ordered.items()})
    return {split: [examples[number] for number in sorted(numbers[split])] for split in ordered}


def shared(groups: Sequence[list[int]], shares: Mapping[Split, float]) -> dict[Split, list[int]]:
    """Return the sentences of each split, that gets its share of the documents."""
    numbers: dict[Split, list[int]] = {}
    share = 0.0
    for split, part in shares.items():
        start, share = round(share * len(groups)), share + part
        numbers[split] = list(chain(*groups[start : round(share * len(groups))]))
    return numbers


def dealt(
    corpus: str, groups: Sequence[list[int]], sizes: Mapping[Split, int]
) -> dict[Split, list[int]]:
    """Return the sentences of each split, exactly as many as asked for."""
    total = sum(map(len, groups))
    if sum(sizes.values()) != total:
        raise UserError(f"{corpus}: the splits ask for {sizes}, the files have {total} sentences.")
    numbers: dict[Split, list[int]] = {}
    left = list(groups)
    for split, size in sizes.items():
        taken, kept = list[int](), list[list[int]]()
        for group in left:
            if len(taken) + len(group) <= size:
                taken += group
            else:
                kept.append(group)
        if len(taken) != size:
            raise UserError(f"{corpus}: no whole documents make {size} sentences of {split}.")
        numbers[split], left = taken, kept
    return numbers
