"""The order in which languages alternate (unified, section II.B), for files and for training."""

from collections import Counter
from collections.abc import Sequence


def alternate(order: Sequence[int], languages: Sequence[str]) -> list[int]:
    """Return an order in which languages take turns, as far as each of them lasts.

    Conversations of one language keep the order that they have in `order`, for example one that
    groups similar lengths. Apply it last: a sort by length afterwards undoes it.

    Args:
        order: Numbers of conversations, each at most once.
        languages: The language of each conversation, by its number.

    Returns:
        The numbers of `order`. Every batch of at least as many conversations as there are languages
        has all languages that are not used up.
    """
    turn: Counter[str] = Counter()
    places = []
    for number in order:
        language = languages[number]
        places.append((turn[language], language, number))
        turn[language] += 1
    return [number for *_, number in sorted(places)]


def alternate_by_length(
    order: Sequence[int], languages: Sequence[str], lengths: Sequence[int], window: int
) -> list[int]:
    """Return an order in which languages alternate and neighbours have similar lengths.

    Within each language, windows of conversations are sorted by length, longest first; then the
    languages take turns (`alternate`).

    Args:
        order: Numbers of conversations in random order.
        languages: The language of each conversation, by its number.
        lengths: Tokens of each conversation, by its number.
        window: Conversations per language that are sorted together, for example 50 batches.
    """
    grouped: list[int] = []
    for language in dict.fromkeys(languages[number] for number in order):
        its = [number for number in order if languages[number] == language]
        for begin in range(0, len(its), window):
            grouped += sorted(its[begin : begin + window], key=lambda n: (-lengths[n], n))
    return alternate(grouped, languages)
