"""Answers as a model that runs off writes them: gold answers, mutated."""

import random
from collections.abc import Iterator

from bionerflow.formats import FORMATS
from bionerflow.schema import Entity

TEXTS = {
    "These results suggest that BCL6 [3H] plays a role in activated lymphocytes; p < 0.05.": [
        ("protein", [(27, 31)]),
        ("cell_type", [(53, 74)]),
        ("cell_type", [(63, 74)]),
        ("protein", [(32, 36)]),
    ],
    '急性【肝】炎，肺炎和"EBV"感染 @@ ##\n😀 pain': [
        ("cell_type", [(0, 6)]),
        ("protein", [(2, 5)]),
        ("protein", [(11, 14)]),
        ("cell_type", [(0, 2), (5, 6)]),
    ],
    "": [],
}
TYPES = ("protein", "cell_type")
NOISE = [
    *"[]{}<>@#\\/\"'`:;,. \n\t0",
    *"［］【】｛｝＜＞“”：，",
    *("@@", "##", "<protein>", "</cell_type>", "<protein:BCL6>", "Answer: ", "null", "NaN"),
    *("; is a; ", "T1\t", "B-protein ", "Layer 1: ", "Type: protein\n", "protein: ", "-1", "1e999"),
    *('entity_list.append("', '{"text": "', "</think>", "\x00", "\ud800", "\u2028", "９"),
]


def mutated(n: int, seed: int) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Yield `n` mutated answers: format, answer, text, types."""
    random_ = random.Random(f"{seed}:fuzzing")
    gold = list(_gold())
    for _ in range(n):
        name, answer, text, types = random_.choice(gold)
        for _ in range(random_.randint(1, 4)):
            answer = _mutated(answer, random_)
        yield name, answer, text, types


def _gold() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    for name, format in FORMATS.items():
        for text, mentions in TEXTS.items():
            entities = [Entity.at(type, spans, text) for type, spans in mentions]
            for types in format.queries(TYPES):
                turns = format.render(text, entities, types)
                answer = "\n".join(turn.content for turn in turns)
                yield name, answer, text, types


def _mutated(answer: str, random_: random.Random) -> str:
    start = random_.randint(0, len(answer))
    end = random_.randint(start, min(len(answer), start + 20))
    match random_.randrange(7):
        case 0:
            return answer[:start]
        case 1:
            return answer[:start] + answer[end:]
        case 2:
            return answer[:start] + random_.choice(NOISE) + answer[start:]
        case 3:
            return answer[:end] + answer[start:]
        case 4:
            return answer + random_.choice(["", "\n", " "]) + answer
        case 5:
            return answer.translate({ord('"'): random_.choice("'“”"), ord(":"): "："})
        case _:
            return answer[:start] + answer[start:end][::-1] + answer[end:]
