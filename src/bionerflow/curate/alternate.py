"""The order in which languages alternate (unified, section II.B), for files and for training."""

from collections import Counter
from collections.abc import Sequence


def alternate(order: Sequence[int], languages: Sequence[str]) -> list[int]:
    """Return an order in which languages take turns, as far as each of them lasts.

    Conversations of one language keep the order that they have in `order`. Apply it last: a sort by
    length afterwards undoes it.

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
