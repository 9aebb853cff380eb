"""Raw mentions counted in the files themselves, by form, without any reader of the project."""

import io
import re
import tarfile
from collections.abc import Callable


def tags(data: bytes) -> int:
    """Count where a tag begins an entity, in each column but the first."""
    count, before = 0, [""] * 5
    for line in data.decode("utf-8-sig").split("\n"):
        row = line.rstrip("\r").split("\t") + [""] * 5
        for column in range(1, 5):
            tag = row[column]
            begins = tag[:2] == "I-" and before[column][2:] != tag[2:]
            count += tag[:2] == "B-" or begins
            before[column] = tag
    return count


def standoff_lines(data: bytes) -> int:
    """Count the lines of text-bound annotations in an archive of BRAT files."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = (archive.extractfile(m) for m in archive if m.name.endswith((".ann", ".a1")))
        return sum(line[:1] == b"T" for file in files if file for line in file)


def matches(pattern: bytes) -> Callable[[bytes], int]:
    """Return a function that counts the places where a pattern is."""
    found = re.compile(pattern, re.MULTILINE)
    return lambda data: len(found.findall(data))


#: By reader; files that hold texts alone have no match.
COUNTED: dict[str, Callable[[bytes], int]] = {
    "bc2gm": matches(rb"^[^|\n]+\|\d+ \d+\|"),
    "bioc": matches(rb"<annotation[ >]|\"locations\""),
    "brat": standoff_lines,
    "chemdner": matches(rb"^[^\t\n]+\t[TA]\t\d+\t\d+\t"),
    "cmeee": matches(rb'"start_idx"'),
    "cmeee_v1": matches(rb"\|\|\|\d+ +\d+ +\w+(?=\|\|\|)"),
    "genia": matches(rb"<cons[ >]"),
    "iob": tags,
    "pubtator": matches(rb"^\d+\t\d+\t\d+\t"),
}
