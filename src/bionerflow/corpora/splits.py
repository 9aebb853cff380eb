"""Split recipes: the sentences of a part, dealt into train, dev and test."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat

from bionerflow.config.corpora import SPLITS, Part, Split
from bionerflow.data.schema import Example
from bionerflow.utils.errors import UserError

#: Yields the document of each example of a part.
Documents = Callable[[], Iterable[str]]


def divide(
    corpus: str, part: Part, examples: Iterable[Example], documents: Documents
) -> Iterator[tuple[Split, Example]]:
    """Yield each example with its split, in file order, and hold none of them.

    At random, the sentences of one document stay in one split. Who goes where depends on all
    documents then: they are asked for before the first example is taken.

    Raises:
        UserError: the counts cannot be met.
    """
    if isinstance(part.into, str):
        yield from ((part.into, example) for example in examples)
        return
    sizes = {split: part.into[split] for split in SPLITS if split in part.into}
    by_count = {split: size for split, size in sizes.items() if isinstance(size, int)}
    homes: Iterator[Split]
    if part.order == "file" and by_count:
        homes = chain.from_iterable(repeat(split, size) for split, size in by_count.items())
    else:
        homes = dealt_out(corpus, part, sizes, by_count, documents())
    total = 0
    for example in examples:
        total += 1
        home = next(homes, None)
        if home:
            yield home, example
    if by_count:
        check_total(corpus, by_count, total)


def dealt_out(
    corpus: str,
    part: Part,
    shares: Mapping[Split, float],
    sizes: Mapping[Split, int],
    documents: Iterable[str],
) -> Iterator[Split]:
    """Return the split of each example, given its document; by shares where there are no sizes."""
    together: dict[str | int, list[int]] = {}
    for number, document in enumerate(documents):
        together.setdefault(document if part.order == "random" else number, []).append(number)
    groups = list(together.values())
    if part.order == "random":
        random.Random(f"{part.seed}:split {corpus}").shuffle(groups)
    numbers = dealt(corpus, groups, sizes) if sizes else shared(groups, shares)
    found = {number: split for split, chosen in numbers.items() for number in chosen}
    return (found[number] for number in range(len(found)))


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
    check_total(corpus, sizes, sum(map(len, groups)))
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


def check_total(corpus: str, sizes: Mapping[Split, int], total: int) -> None:
    """Raise UserError unless the sizes take all sentences."""
    if sum(sizes.values()) != total:
        raise UserError(f"{corpus}: the splits ask for {sizes}, the files have {total} sentences.")
