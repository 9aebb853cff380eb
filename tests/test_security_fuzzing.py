"""Whatever is read, the only exception is a UserError: parsers, readers, annotate's inputs.

A case is made from its number alone. Whoever finds one that fails keeps its number in KEPT.
"""

import random
import time
from collections.abc import Callable

import pytest
from fuzzing import check, mutated
from reading import read
from test_annotate import BROKEN
from test_corpora_cases import FORMS

from bionerflow.annotate.inputs import inputs
from bionerflow.annotate.sources import Reading, passages
from bionerflow.utils.errors import UserError

SECONDS = 600  # of each kind
QUICK = range(60)
KEPT: dict[str, list[int]] = {
    "parsers": [],
    "readers": [27, 32, 298, 601, 778, 2291, 4053, 5041, 1002290, 991081321, 994406091],
    "inputs": [200650172],
}
PIECES = [
    *(
        b"",
        b"\x00",
        b"\xff",
        b"\n",
        b"\r",
        b"\t",
        b"{",
        b"]",
        b'"',
        b"<",
        b"&#0;",
        b"-1",
        b"9" * 30,
    ),
    *(b"9" * 30, b"null", b"\xef\xbb\xbf", b"\\ud800", "\u2028".encode(), b"%s", b"[" * 3000),
]


def damaged(data: bytes, random_: random.Random) -> bytes:
    """Exchange, drop or repeat pieces of a file."""
    for _ in range(random_.randint(1, 4)):
        start = random_.randint(0, len(data))
        end = min(len(data), start + random_.choice([0, 1, 3, 40]))
        piece = random_.choice([*PIECES, data[start:end] * 2, random_.randbytes(3)])
        data = data[:start] + piece + data[end:]
    return data


def parse(number: int, folder: object) -> None:
    """Parse a mutated answer."""
    for case in mutated(5, number):
        check(*case)


def read_raw(number: int, folder: object) -> None:
    """Read mutated raw files by a reader that their form has."""
    random_ = random.Random(f"readers:{number}")
    files, reader, _ = FORMS[random_.choice(sorted(FORMS))]
    raw = {name: data if isinstance(data, bytes) else data.encode() for name, data in files.items()}
    read(reader, {name: damaged(data, random_) for name, data in raw.items()})


def read_texts(number: int, folder) -> None:
    """Read a mutated input of annotate."""
    random_ = random.Random(f"inputs:{number}")
    given = {name: data for name, (data, _) in BROKEN.items()}
    for files, _, _ in FORMS.values():
        given |= {n: d if isinstance(d, bytes) else d.encode() for n, d in files.items()}
    name = random_.choice(sorted(given))
    file = folder / name.rpartition("/")[2]
    file.write_bytes(damaged(given[name], random_))
    try:
        for _ in passages(inputs([str(file)]), Reading("en")):
            pass
    finally:
        file.unlink()


KINDS: dict[str, Callable[..., None]] = {
    "parsers": parse,
    "readers": read_raw,
    "inputs": read_texts,
}


def survives(kind: str, number: int, folder: object) -> None:
    """Run a case; an exception that is no UserError is raised with the number to keep."""
    try:
        KINDS[kind](number, folder)
    except UserError as error:
        if "\n" in str(error):
            raise AssertionError(f"keep {number} of {kind}: {error!r}") from error
    except Exception as error:
        raise AssertionError(f"keep {number} of {kind}: {error!r}") from error


@pytest.mark.parametrize("kind", KINDS)
def test_some_broken_inputs_and_all_kept_ones_are_told_in_a_line(kind, tmp_path):
    for number in [*KEPT[kind], *QUICK]:
        survives(kind, number, tmp_path)


def test_an_error_is_one_line_and_controls_no_terminal():
    said = "x\n y: \x1b[2J\u2028\u202e\ud800 患者 é"
    assert str(UserError(said)) == r"x  y: \x1b[2J\u2028\u202e\ud800 患者 é"


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_ten_minutes_of_broken_inputs_are_told_in_a_line(kind, tmp_path):
    end, first = time.monotonic() + SECONDS, random.SystemRandom().randrange(10**9)
    number = first
    while time.monotonic() < end:
        survives(kind, number := number + 1, tmp_path)
    print(f"{kind}: {number - first:,} cases, from {first}")
