"""Raw files as numbered lines and records; a fault names its file and line."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from typing import Any, TextIO, TypeVar

from pydantic import BaseModel, ValidationError

from bionerflow.utils.errors import UserError

Model = TypeVar("Model", bound=BaseModel)

#: Characters, or bytes of one line, that are read at once.
READ = 1 << 16
#: The beginning of a file that is a JSON list.
LIST = re.compile(r"\A\s*\[")
#: The beginning of a value that is a list itself: a text with its mentions, as spaCy has them.
PAIR = re.compile(rb"\A[\xef\xbb\xbf\s]*\[\s*\"")
#: Under what a file has its list of records, where it is an object.
RECORDS = ("data", "examples", "records", "items")
BETWEEN = re.compile(r"[ \t\r\n,]*")  # what may stand between the values of a list
SPACE = re.compile(r"\s*")
DECODER = json.JSONDecoder()


def decode(name: str, data: bytes) -> str:
    """Return the UTF-8 text of a raw file without its byte order mark.

    Raises:
        UserError: the bytes are not UTF-8, or have NUL among them, as UTF-16 has.
    """
    try:
        text = data.decode("utf-8-sig")
        at = data.find(b"\0")
    except UnicodeDecodeError as error:
        at = error.start
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise UserError(f"{name}:{line}: not UTF-8 (byte {data[at]:#x}): convert the file.")
    return text


def text_file(data: bytes, newline: str) -> TextIO:
    """Return a raw file's bytes as a text file, decoded as it is read."""
    return TextIOWrapper(BytesIO(data), encoding="utf-8-sig", newline=newline)


@contextmanager
def utf8_faults(name: str, data: bytes) -> Iterator[None]:
    """Tell the line of bytes that are not UTF-8."""
    if b"\0" in data:
        decode(name, data)
    try:
        yield
    except UnicodeDecodeError:
        decode(name, data)
        raise


def lines(name: str, data: bytes) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of a raw file with their numbers; only \n and \r\n end a line.

    Raises:
        UserError: the bytes are not UTF-8, or a line has \r inside, so that lines may be lost.
    """
    has_returns = b"\r" in data
    with utf8_faults(name, data):
        for number, line in enumerate(text_file(data, "\n"), start=1):
            row = line.removesuffix("\n")
            if has_returns:
                row = row.removesuffix("\r")
                if "\r" in row:
                    raise bad_line(name, number, r"lines that end in \n or \r\n", row)
            yield number, row


def paragraphs(name: str, data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines between empty lines as `lines` yields lines, with the number of the first.

    A line of white space alone is no empty line. Faster than line by line, and as little is held.

    Raises:
        UserError: as `lines`.
    """
    number, held = 1, ""
    with utf8_faults(name, data):
        file = text_file(data, "")
        while piece := file.read(READ):
            held += piece
            *whole, held = held.replace("\r\n", "\n").split("\n\n")
            for paragraph in whole:
                yield from _paragraph(name, number, paragraph)
                number += paragraph.count("\n") + 2
    yield from _paragraph(name, number, held.removesuffix("\r"))


def _paragraph(name: str, number: int, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a paragraph, if it has any: empty lines may stand around it."""
    inner = text.strip("\n")
    if not inner:
        return
    number += text.index(inner[0])
    if "\r" in inner:
        line = inner.count("\n", 0, inner.index("\r"))
        row = inner.split("\n")[line]
        raise bad_line(name, number + line, r"lines that end in \n or \r\n", row)
    yield number, inner.split("\n")


def bad_line(name: str, number: int, expected: str, line: str) -> UserError:
    """Return the error for a line that has not the form of its file."""
    return UserError(f"{name}:{number}: expected {expected}, found {line[:80]!r}.")


def records(name: str, data: bytes, kind: type[Model]) -> Iterator[tuple[int, Model]]:
    """Yield the records of JSON lines with their line numbers; empty lines are none."""
    for number, line in lines(name, data):
        if line.strip():
            try:
                record = kind.model_validate_json(line)
            except ValidationError as error:
                raise record_fault(f"{name}:{number}: ", error) from None
            yield number, record


@contextmanager
def record_faults(start: str) -> Iterator[None]:
    """Tell where a JSON value is not what it should be; the message begins with `start`."""
    try:
        yield
    except ValidationError as error:
        raise record_fault(start, error) from None


def record_fault(start: str, error: ValidationError) -> UserError:
    """Return the error that tells where a JSON value is not what it should be."""
    fault = error.errors()[0]
    place = ".".join(map(str, fault["loc"]))
    return UserError(f"{start}{place and f'at {place}: '}{fault['msg']}.")


class Window:
    """What is held of a text file, used up to `at`; `line` is the number of the line there."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.held, self.at, self.line = file, "", 0, 1

    def more(self) -> bool:
        """Read on, as much again as is left; say whether there was anything."""
        left = self.held[self.at :]
        read = self.file.read(max(READ, len(left)))
        self.held, self.at = left + read, 0
        return bool(read)

    def use(self, end: int) -> None:
        """Go on to `end` of the held text."""
        self.line += self.held.count("\n", self.at, end)
        self.at = end

    def skip(self, between: re.Pattern[str]) -> bool:
        """Go on behind what matches; say whether anything is left."""
        found = between.match(self.held, self.at)
        self.use(found.end() if found else self.at)
        return self.at < len(self.held)


def items(
    name: str, file: TextIO, opening: re.Pattern[str], what: str
) -> Iterator[tuple[int, Any]]:
    """Yield the values of the JSON list that `opening` begins, with their first lines.

    One value is in memory at a time. `what` tells in the error what there is no list of.

    Raises:
        UserError: there is no such list, or the file is not whole JSON.
    """
    window = Window(file)
    while not (start := opening.search(window.held)):
        if not window.more():
            raise UserError(f"{name}:{window.line}: it has no list of {what}.")
    head = window.held[: start.end()]
    window.use(start.end())
    while _before_value(window):
        yield window.line, _value(name, window)
    while window.more():
        pass
    try:
        json.loads(head + window.held)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name}:{window.line}: not whole JSON ({error}).") from None


def values(name: str, data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the values of JSON lines or of a JSON list with their first lines, or a single value.

    The list may be all that an object has under `data`, `examples`, `records` or `items`.

    Raises:
        UserError: the file is not UTF-8, or not whole JSON.
    """
    with utf8_faults(name, data):
        file = text_file(data, "")
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") and not PAIR.match(data):
            yield from items(name, file, LIST, "values")
            return
        window = Window(file)
        while True:
            if window.skip(SPACE):
                line = window.line
                yield from ((line, one) for one in unwrapped(_value(name, window)))
            elif not window.more():
                return


def unwrapped(value: Any) -> list[Any]:
    """Return the records of an object that holds a list of them, or the value as it is."""
    if not isinstance(value, dict) or "text" in value:
        return [value]
    held = [value[key] for key in RECORDS if isinstance(value.get(key), list) and value[key]]
    are_records = len(held) == 1 and all(isinstance(one, dict | list) for one in held[0])
    return held[0] if are_records else [value]


def _before_value(window: Window) -> bool:
    """Go to the list's next value; say whether there is one, or else its end."""
    while True:
        if window.skip(BETWEEN) or not window.more():
            return not window.held.startswith("]", window.at)


def _value(name: str, window: Window) -> Any:
    """Return the value that is held next, reading as much as it needs."""
    while True:
        try:
            value, end = DECODER.raw_decode(window.held, window.at)
            window.use(end)
            return value
        except (ValueError, RecursionError) as error:
            if not isinstance(error, json.JSONDecodeError) or not window.more():
                raise UserError(f"{name}:{window.line}: not whole JSON ({error}).") from None
