"""Families of long strings, of pieces that formats, markup and code are made of.

Each family is a few pieces repeated, nested, or parted by long runs: what makes a pattern with two
ways to match take quadratic time, or a recursion go deep.
"""

import random
from collections.abc import Iterator

PIECES = [
    *(
        "1、",
        "①",
        "（一）",
        "答案：",
        "是",
        "；是；",
        "。",
        "[x](protein)",
        "**x** (protein)",
        "{protein}",
    ),
    *(
        "text,type\n",
        "\r",
        "\nSentence: a b c d\n",
        "/*",
        "*/",
        "- span: [1, 2]\n",
        "[[x]]\n",
        "x: y; ",
    ),
    *("BCL6 B-protein\n", "a (B-protein) ", "[protein] ", "[1] ", " / ", " and ", "--", "——"),
    *"[]{}()<>@#\\/\"'`:;,.|=-_*~ \n\t0a",
    *("“", "”", "，", "：", "【", "】", "［", "＜", "（", "\u0308", "’", "µ"),
    *("@@", "##", "<protein>", "</protein>", "<protein:", "<protein:BCL6>", "<x", "</", "\\<"),
    *("<protein id=", '<protein id="1">', "protein: [", "protein:", "**protein**: ", "[BCL6"),
    *("; is a; protein", ";is a", "| is a |", "T1\tprotein 0 4", " 0 4", "0 4;", "1 1 ", "9" * 30),
    *("Layer 1: ", "B-protein ", "I-protein ", "O ", "Layer ", "\nLayer 2:"),
    *("entity_list.append(", "entity_list = [", ".append(dict(", "return [", '"""', "# it's\n"),
    *(
        '{"text": "',
        '", "type": "',
        '"},',
        '{"type":',
        '"BCL6"',
        "'a',",
        'dict(text="',
        '\\"',
        "\\'",
    ),
    *(
        "<think>",
        "</think>",
        "<thinking",
        "[THINK]",
        "◁think▷",
        "<|channel|>analysis",
        "<|im_end|>",
    ),
    *(
        "Answer:",
        "answer is ",
        "Final answer: ",
        "```",
        "```json\n",
        "- ",
        "1. ",
        "no ",
        "not find ",
    ),
    *("BCL6", "BCL6 plays", "a b", "role in", "None", "null", "NaN", "1e999", "\ud800", "\\ud800"),
    *(
        "BCL6 (protein)\n",
        "- BCL6: protein\n",
        "BCL6 is a protein ",
        "BCL6, ",
        "protein = [",
        "### ",
    ),
    *(
        "| BCL6 | protein |\n",
        "|---|",
        "| ",
        " | - ",
        "--",
        "- text: BCL6\n  type: protein\n",
        "text=",
    ),
    *(
        "<protein/>",
        "<li>BCL6</li>",
        "<text>BCL6</text>",
        "&lt;protein&gt;",
        "&quot;",
        "[/protein]",
    ),
    *(
        "12-22\n",
        "[0, 4]: protein\n",
        "<TAB>",
        "\\t",
        "BCL6/B-protein ",
        "a B-protein\n",
        "['protein']",
    ),
    *("BCL", "plays a role", "no entities", "Type: protein\n", "protein, ", "proteins: "),
]


def families(n: int, length: int, seed: int) -> Iterator[str]:
    """Yield `n` strings of `length` characters, of one family each."""
    random_ = random.Random(f"{seed}:families")
    for _ in range(n):
        pieces = [random_.choice(PIECES) for _ in range(random_.choice([1, 1, 2, 2, 3, 4]))]
        unit = "".join(pieces)
        kind = random_.randrange(6)
        if kind == 0:  # nested
            half = length // 2 // len(unit)
            string = unit * half + random_.choice(PIECES) * half
        elif kind == 1:  # parted by long runs
            run = random_.choice([" ", "a", "\n", "\\", '"', "[", "<", "0"]) * random_.choice(
                [9, 900]
            )
            string = (unit + run) * (length // (len(unit) + len(run)) + 1)
        elif kind == 2:  # begun, then one run
            string = unit + random_.choice(PIECES) * length
        elif kind == 3:  # counted, so that no two are alike
            string = "".join(f"{unit}{i}" for i in range(length // (len(unit) + 1)))
        elif kind == 4:  # a list of strings that are not alike, in which pieces stand
            string = "[" + "".join(f'"{unit} {i}", ' for i in range(length // (len(unit) + 6)))
        else:
            string = unit * (length // len(unit) + 1)
        yield string[:length]
