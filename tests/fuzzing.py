"""Answers as a model that runs off writes them: gold answers, mutated.

    python tests/fuzzing.py --answers 1000000 --long 1000

Parses so many mutated answers, and so many that repeat themselves to 100,000 characters. Prints,
for each format, how many there were, and the processor seconds that the slowest one took. Ends with
an error at the first answer that raises, that gives what is not in the text, or, where it is long,
that takes more than linear time.
"""

import argparse
import gc
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator

from bionerflow.data.schema import Entity
from bionerflow.formats import FORMATS

KINDS = {"malformed", "unknown_type", "not_in_text", "ambiguous", "truncated"}
LONG = 100_000
#: So many times longer is an answer than the one with which `is_linear` compares it.
TIMES = 8
#: Processor seconds below which only noise is measured.
NOISE_SECONDS = 1e-3
#: What some of the files cannot hold that problems are written to.
UNWRITABLE = re.compile("[\x00-\x08\ud800-\udfff]")

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
        if random_.random() < 0.5:
            answer = chat_like(answer, types, random_)
        for _ in range(random_.randint(0, 3)):
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


THOUGHTS = [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")]
THOUGHTS += [("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"), ("", "</think>")]


def chat_like(answer: str, types: tuple[str, ...], random_: random.Random) -> str:
    """Write an answer as a chat model would: one habit of several."""
    bare = answer.removeprefix("Answer:").strip()
    opened, closed = random_.choice(THOUGHTS)
    match random_.randrange(18):
        case 0:
            return f"{opened}\nMaybe {answer[::-1]}\n{closed}\n{answer}"
        case 1:
            return f"{opened}\nA draft: {answer}"
        case 2:
            return f"Sure! Here it is:\n\n```{random_.choice(['', 'json', 'py'])}\n{bare}\n```\nHi."
        case 3:
            return f'{{"{random_.choice(["entities", "result", types[0]])}": {bare}}}'
        case 4:
            return "\n".join(
                random_.choice(["- ", "1. ", "* "]) + line for line in bare.split("\n")
            )
        case 5:
            return re.sub("|".join(types), lambda type: f"**{type[0]}s**", answer)
        case 6:
            return answer.replace("append({", "append(dict(").replace("})", "))")
        case 7:
            return bare.replace("\n", ".\n") + "."
        case 8:
            return answer.replace('\\"', '"').replace('"', random_.choice("\"'“"))
        case 9:
            return json.dumps(bare)
        case 10:
            return (
                random_.choice(["No entities found.", '["None"]', "N/A", "None", "无"]) + bare[:9]
            )
        case 11:
            query = random_.choice(
                ["\n\nSentence: Some other words here.\n", "\n### Instruction:\n"]
            )
            return f"{answer}{query}Answer: {answer[::-1]}"
        case 12:
            marks = random_.choice(
                [r"[\1](protein)", r"**\1** (cell_type)", r"{protein}\1{/protein}"]
            )
            return re.sub(r"(\w{4,20})", marks, bare, count=2)
        case 13:
            rows = [line.replace(" ", random_.choice(",;\t")) for line in bare.split("\n")]
            return "\n".join(
                [random_.choice(["text,type", "id\ttext\ttype", "type;start;end"]), *rows]
            )
        case 14:
            bullets = random_.choice(["{}、", "（{}）", "[{}] ", "#{} ", "{}. "])
            lines = re.split(r"[,\n]", bare)
            return "\n".join(bullets.format(n) + line for n, line in enumerate(lines, 1))
        case 15:
            kind = random_.choice(types)
            return f"The {kind}s are: {bare}. 答案：{bare}（{kind}）、{bare[:9]}是{kind}"
        case 16:
            tags = [f"{word} ({random_.choice(['B', 'I'])}-{types[0]})" for word in bare.split()]
            return random_.choice(["\n", " "]).join(tags)
        case _:
            return answer.replace("'", "’").swapcase() + random_.choice(["<|im_end|>", "</s>x", ""])


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


def check(name: str, answer: str, text: str, types: tuple[str, ...]) -> float:
    """Parse an answer and return the processor seconds; assert that all that is read is sound.

    The garbage collector is off meanwhile, as in timeit: it goes through what other tests left.
    """
    gc.disable()
    start = time.process_time()
    try:
        parsed = FORMATS[name].parse(answer, text, types)
        seconds = time.process_time() - start
    finally:
        gc.enable()
    for entity in parsed.entities:
        assert entity.type in types
        assert all(0 <= start < end <= len(text) for start, end in entity.spans)
        assert entity == Entity.at(entity.type, entity.spans, text)
    assert len(set(parsed.entities)) == len(parsed.entities)
    assert {problem.kind for problem in parsed.problems} <= KINDS
    for problem in parsed.problems:
        assert not UNWRITABLE.search(problem.detail), problem
    assert 0 <= parsed.lookalikes <= len(parsed.entities)
    return seconds


def is_linear(name: str, answer: str, text: str, types: tuple[str, ...]) -> bool:
    """Tell whether the time grows no faster than an answer that repeats itself to `LONG`.

    Three times the linear growth is noise; where time goes with the square it would be TIMES times.
    """
    for _ in range(3):
        short, long = (
            check(name, (answer * LONG)[:length], text, types) for length in (LONG // TIMES, LONG)
        )
        if long < 3 * TIMES * max(short, NOISE_SECONDS):
            return True
    return False


def main() -> None:
    """Read the arguments, parse, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--long", type=int, default=1000, help="answers of 100,000 characters")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    spent: dict[str, list[float]] = defaultdict(list)
    for case in mutated(args.answers, args.seed):
        spent[case[0]].append(check(*case))
    endless: dict[str, list[float]] = defaultdict(list)
    for name, answer, text, types in mutated(args.long, args.seed + 1):
        unit = answer or " "
        endless[name].append(check(name, (unit * LONG)[:LONG], text * 20, types))
        assert is_linear(name, unit, text * 20, types), (name, answer, text)
    print(f"{'format':14}{'answers':>9}{'slowest':>9}{'long':>9}{'slowest':>9}")
    for name in FORMATS:
        short, long = spent[name], endless[name]
        slow, slowest = max(short, default=0), max(long, default=0)
        print(f"{name:14}{len(short):9}{slow:9.3f}{len(long):9}{slowest:9.3f}")


if __name__ == "__main__":
    main()
