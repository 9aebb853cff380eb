"""The elements of raw XML files, one in memory at a time; a fault names its file and line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from bionerflow.corpora.raw import READ
from bionerflow.utils.errors import UserError


class ByLine:
    """A binary file that gives its lines one at a time; `number` is that of the last one."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.number, self.ended = file, 1, False

    def read(self, size: int = -1) -> bytes:
        """Return a line, or a part of a long one."""
        self.number += self.ended
        line = self.file.readline(READ)
        self.ended = line.endswith(b"\n")
        return line


class Collected(TreeBuilder):
    """The elements of a tag that have ended, with the lines they begin at.

    Faster than `iterparse`, which makes an event of each start and end of any element.
    """

    def __init__(self, tag: str, source: ByLine) -> None:
        super().__init__()
        self.tag, self.source, self.line = tag, source, source.number
        self.top: Element | None = None
        self.ended: list[tuple[int, Element]] = []
        self._starts, self._ends = super().start, super().end

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        """Note where an element of the tag begins, and which element is the first of all."""
        element = self._starts(tag, attrs)
        if tag == self.tag:
            self.line = self.source.number
        if self.top is None:
            self.top = element
        return element

    def end(self, tag: str, /) -> Element:
        """Keep an element of the tag that has ended."""
        element = self._ends(tag)
        if tag == self.tag:
            self.ended.append((self.line, element))
        return element

    def taken(self) -> Iterator[tuple[int, Element]]:
        """Yield the elements that have ended, and let go of them."""
        ended, self.ended = self.ended, []
        for one in ended:
            yield one
            if self.top is not None:
                self.top.clear()


def elements(name: str, file: BinaryIO, tag: str) -> Iterator[tuple[int, Element]]:
    """Yield the elements of a tag with the lines they begin at, one in memory at a time.

    Raises:
        UserError: the file is not XML, or declares entities (which could fill the memory).
    """
    source = ByLine(file)
    collected = Collected(tag, source)
    parser = DefusedXMLParser(target=collected)
    with xml_faults(name, source):
        while data := source.read():
            try:
                parser.feed(data)
            finally:
                yield from collected.taken()
        parser.close()
        yield from collected.taken()


@contextmanager
def xml_faults(name: str, source: ByLine) -> Iterator[None]:
    """Tell faults of XML as the user's to mend."""
    try:
        yield
    except ParseError as error:
        raise UserError(f"{name}:{error.position[0]}: not XML ({error}).") from error
    except DefusedXmlException as error:
        raise UserError(
            f"{name}:{source.number}: declares entities, which a corpus must not ({error})."
        ) from error
    except (LookupError, ValueError) as error:
        raise UserError(
            f"{name}:{source.number}: not XML of a known encoding ({error})."
        ) from error
