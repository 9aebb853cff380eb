"""All that a reader finds in raw files, for tests: readers themselves yield it piece by piece."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from bionerflow.corpora.documents import Document, Finding, Reading
from bionerflow.corpora.readers import READERS


class Read(NamedTuple):
    """The documents, and what was noted beside them."""

    documents: list[Document]
    findings: list[Finding]
    mentions: Counter[str]


def read(
    reader: str, files: Mapping[str, bytes], reading: Reading | None = None, **options: Any
) -> Read:
    """Read whole files, into `reading` where it is given."""
    reading = reading or Reading()
    documents = list(READERS[reader](reading, files, **options))
    return Read(documents, reading.findings, reading.mentions)
