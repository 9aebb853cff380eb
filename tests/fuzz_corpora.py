"""Damaged files of corpora, in all forms that are read.

    python tests/fuzz_corpora.py --files 100000

Reads so many damaged corpora in one process. Prints per reader how many there were, how many were
refused with an error of the user's, and the processor seconds of the slowest. Ends with an error at
the first that raises anything else, that loses a mention without telling, or that gives an entity
that does not cover its text.
"""

import argparse
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from reading import read
from test_corpora_cases import FORMS
from test_corpora_roundtrip import FILES

from bionerflow.data.schema import Entity
from bionerflow.utils.errors import UserError

Files = dict[str, bytes]
JUNK = [
    *(b"\xff", b"\0", b"\t", b"\n", b"\r", b"\n\n", b" ", b"|", b"<", b">", b"&", b'"', b"'"),
    *(b"{", b"}", b"[", b"]", b",", b":", b"\\", b"-1", b"0", b"1.5", b"9" * 5000, b"1e999"),
    *(b"null", b"true", b"NaN", b'""', b"[]", b"{}", b"B-", b"I-X", b"O", b"T1\tA 0 1;2 3\tx\n"),
    *("é🧬".encode(), "\u0301".encode(), "\u2028".encode(), b"\xef\xbb\xbf", b"\\ud800"),
]
NUMBER = re.compile(rb"\d+")


def corpora() -> list[tuple[str, Files]]:
    """Return readers with whole files that they read."""
    cases = [
        (reader, {name: text if isinstance(text, bytes) else text.encode("utf-8")
                  for name, text in files.items()})
        for files, reader, _ in FORMS.values()
    ]  # fmt: skip
    return [*cases, *FILES.values()]


def damaged(n: int, seed: int) -> Iterator[tuple[str, Files]]:
    """Yield `n` damaged corpora, each with its reader."""
    random_ = random.Random(f"{seed}:corpora")
    whole = corpora()
    for number in range(n):
        reader, files = whole[number % len(whole)]
        name = random_.choice(sorted(files))
        data = files[name]
        for _ in range(random_.choice([1, 1, 1, 2, 3])):
            data = changed(data, random_)
        yield reader, files | {name: data}


def changed(data: bytes, random_: random.Random) -> bytes:
    """Change a file in one place, or its line ends or encoding."""
    start = random_.randint(0, len(data))
    end = random_.randint(start, min(len(data), start + 30))
    numbers = list(NUMBER.finditer(data))
    match random_.randrange(10):
        case 0:
            return data[:start]
        case 1:
            return data[:start] + data[end:]
        case 2 | 3:
            return data[:start] + random_.choice(JUNK) + data[start:]
        case 4:
            return data[:start] + random_.choice(JUNK) + data[end:]
        case 5:
            return data[:end] + data[start:]
        case 6 | 7 if numbers:
            number = random_.choice(numbers)
            other = str(random_.choice([-1, 0, 1, 2, 9, 14, 40, 10**9, 10**20])).encode()
            return data[: number.start()] + other + data[number.end() :]
        case 8:
            return data.replace(b"\n", random_.choice([b"\r\n", b"\r", b"\n\n", b""]))
        case _:
            lines = data.split(b"\n")
            random_.shuffle(lines)
            return b"\n".join(lines)


def check(reader: str, files: Mapping[str, bytes]) -> bool:
    """Read a corpus and assert that all that is read is sound; tell if it was not refused."""
    try:
        found = read(reader, files)
    except UserError:
        return False
    kept = [(document, entity) for document in found.documents for entity in document.entities]
    lost = sum(finding.lost for finding in found.findings)
    assert found.mentions.total() == len(kept) + lost, (found.mentions, len(kept), lost)
    for document, entity in kept:
        assert all(0 <= start < end <= len(document.text) for start, end in entity.spans)
        assert entity == Entity.at(entity.type, entity.spans, document.text)
    for document in found.documents:
        for start, end in document.sentences or ():
            assert 0 <= start <= end <= len(document.text)
    return True


def main() -> None:
    """Read the arguments and the damaged files, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    spent: dict[str, list[float]] = defaultdict(list)
    refused: Counter[str] = Counter()
    for reader, files in damaged(args.files, args.seed):
        start = time.process_time()
        try:
            refused[reader] += not check(reader, files)
        except Exception:
            print(reader, files)
            raise
        spent[reader].append(time.process_time() - start)
    print(f"{'reader':14}{'files':>9}{'refused':>9}{'slowest':>9}")
    for reader, seconds in sorted(spent.items()):
        print(f"{reader:14}{len(seconds):9}{refused[reader]:9}{max(seconds):9.3f}")


if __name__ == "__main__":
    main()
