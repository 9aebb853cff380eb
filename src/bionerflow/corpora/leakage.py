"""Which sentences and documents of a test set are in a training set, across corpora."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bionerflow.data.schema import EXAMPLES, read_rows

#: Shorter sentences (characters that are not white space) are headings and stock phrases.
SHORTEST = 20
#: A document id that is a PubMed id; those of tokenised files are made up by their reader.
PUBMED = re.compile(r"P?0*([1-9]\d{4,8})")


@dataclass(frozen=True)
class Leak:
    """How much of a test set a training set shows; documents are None where ids are unknown.

    A corpus that is left out has one row, with the reason alone.
    """

    train_corpus: str
    test_corpus: str
    test_sentences: int | None = None
    shared_sentences: int | None = None
    test_documents: int | None = None
    shared_documents: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Contents:
    """A split's sentences, as they are compared, and the PubMed ids of its documents."""

    sentences: Sequence[str]
    documents: frozenset[str]


def contents(path: str | Path) -> Contents:
    """Return what a split of a corpus holds.

    Sentences are compared without white space and case, so that tokenised and raw text agree.
    """
    rows = read_rows(path, EXAMPLES)
    keys = ("".join(row["text"].split()).casefold() for row in rows)
    ids = (PUBMED.fullmatch(row["doc_id"]) for row in rows)
    return Contents(
        [key for key in keys if len(key) >= SHORTEST], frozenset(match[1] for match in ids if match)
    )


def leaks(train: Mapping[str, Contents], test: Mapping[str, Contents]) -> Iterator[Leak]:
    """Yield a row for each training set and test set of corpora, also of the same corpus."""
    for train_corpus, shown in train.items():
        sentences = set(shown.sentences)
        for test_corpus, hidden in test.items():
            known = shown.documents and hidden.documents
            yield Leak(
                train_corpus,
                test_corpus,
                len(hidden.sentences),
                sum(sentence in sentences for sentence in hidden.sentences),
                len(hidden.documents) if known else None,
                len(shown.documents & hidden.documents) if known else None,
            )


def leakage(corpora: Mapping[str, str], folder: Path) -> list[Leak]:
    """Return the rows of the corpora whose splits lie in `folder`; empty splits have none.

    `corpora` has the reason why a corpus is left out, or nothing.
    """
    names = sorted(corpus for corpus, reason in corpora.items() if not reason)
    splits = {
        split: {name: contents(folder / name / f"{split}.parquet") for name in names}
        for split in ("train", "test")
    }
    train, test = (
        {name: found for name, found in splits[split].items() if found.sentences}
        for split in ("train", "test")
    )
    left_out = {name: reason for name, reason in sorted(corpora.items()) if reason}
    return [*leaks(train, test), *(Leak(n, n, reason=reason) for n, reason in left_out.items())]
