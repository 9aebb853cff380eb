"""spaCy: JSON in its several layouts, and `.spacy` files, which spaCy itself reads."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from bionerflow.corpora.archives import MAX_BYTES
from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.readers import records
from bionerflow.utils.errors import UserError

#: What a `.spacy` file begins with, and JSON never does.
ZLIB = b"x"

_read_json = records.reader(records.spacy_json, "spaCy")


def read(reading: Reading, files: Mapping[str, bytes]) -> Iterator[Document]:
    """Yield the documents of spaCy's JSON and of `.spacy` files with their mentions.

    Raises:
        UserError: a file has another form, or is `.spacy` and spaCy is not installed.
    """
    for name, data in files.items():
        if not data.startswith(ZLIB):
            yield from _read_json(reading, {name: data})
            continue
        for number, value in enumerate(of_docbin(name, data)):
            with records.form_faults(f"{name}:{number + 1}", "spaCy"):
                record = records.spacy_json(value)
            id = records.identifier(name, None, number)
            if record:
                yield records.document(reading, id, record, f"{name}:{number + 1}")


def of_docbin(name: str, data: bytes) -> list[dict[str, Any]]:
    """Return the documents of a `.spacy` file as `Doc.to_json` writes them.

    Such a file has no pickles: it is MessagePack, and arrays of numbers.

    Raises:
        UserError: spaCy is not installed, or the file is damaged or unpacks to too much.
    """
    try:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab
    except ImportError:
        raise UserError(
            f"{name}: `.spacy` files are read by spaCy: pip install 'bionerflow[spacy]', or write "
            "`doc.to_json()` of each document as a line of a .jsonl file."
        ) from None
    check_size(name, data)
    vocab = Vocab()
    try:
        docs = list(DocBin().from_bytes(data).get_docs(vocab))
        found = [
            {"text": doc.text, "ents": doc.to_json()["ents"], "spans": groups(doc)} for doc in docs
        ]
    except (*records.FAULTS, zlib.error) as error:
        said = " ".join(str(error).split())[:200]
        raise UserError(f"{name}: not a whole .spacy file ({said}).") from None
    return found


def check_size(name: str, data: bytes) -> None:
    """Raise UserError where a file unpacks to more than a corpus has."""
    try:
        unpacking = zlib.decompressobj()
        unpacking.decompress(data, MAX_BYTES)
    except zlib.error:
        return  # spaCy tells what it is not
    if unpacking.unconsumed_tail:
        raise UserError(f"{name} unpacks to more than {MAX_BYTES} bytes: not a corpus.")


def groups(doc: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the groups of spans of a document, with their offsets."""
    return {
        key: [{"start": s.start_char, "end": s.end_char, "label": s.label_} for s in its]
        for key, its in doc.spans.items()
    }
