"""What annotate writes, the readers of corpora read: the same sentences with the same mentions."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from reading import read

from bionerflow.annotate.forms import FORMS
from bionerflow.annotate.passages import Answered, Mention
from bionerflow.annotate.passages import sentences as asked_sentences
from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate
from bionerflow.corpora.documents import Document
from bionerflow.corpora.sentences import joined, sentences
from bionerflow.data.schema import Entity

TEXTS = {
    "one": "Renal failure in two patients. \r\nIL-2 (🧬) and TNF-α rose, with\nsevere pain; no "
           "fever. Nothing here.\n\nAspirin helped_a lot.\n",
    "two": "The second document has fever and rash. Pain too.",
}  # fmt: skip
#: What the stand-in for a model finds, by type; of these none overlap.
WORDS = {
    "Finding": ("Renal failure", "severe pain", "fever", "rash", "Pain"),
    "Adverse Event": ("no",),
    "Gene": ("IL-2", "TNF-α", "🧬"),
}
#: A mention as type and text, a sentence with its mentions; white space is left out of both.
Told = tuple[str, frozenset[tuple[str, str]]]


class Words:
    """A stand-in for a model that finds words."""

    key, language = "words", "en"

    def fits(self, sentence: str) -> bool:
        return True

    def __call__(self, asked: Sequence[str]) -> list[Answered]:
        return [Answered([Mention(one, 0.5) for one in found(text)]) for text in asked]


def found(text: str) -> list[Entity]:
    return [
        Entity.at(type, [(text.index(word), text.index(word) + len(word))], text)
        for type, words in WORDS.items()
        for word in words
        if word in text
    ]


def told(text: str, entities: Iterable[Entity]) -> Told:
    mentions = (("_".join(one.type.split()), "".join(one.text.split())) for one in entities)
    return "".join(text.split()), frozenset(mentions)


def expected() -> list[Told]:
    """Return the sentences as they were asked, in any order."""
    texts = [text[s.start : s.end] for text in TEXTS.values() for s in asked_sentences(text, "en")]
    return sorted((told(text, found(text)) for text in texts), key=str)


def read_sentences(documents: Iterable[Document]) -> list[Told]:
    """Return the sentences as the corpora's stage cuts them, in any order."""
    found = []
    for document in documents:
        for cut in joined(sentences(document, "en"), document.entities):
            inside = [one for one in document.entities if cut.start <= one.start < cut.end]
            found.append(told(document.text[cut.start : cut.end], inside))
    return sorted((one for one in found if one[0]), key=str)


def read_back(form: str, ending: str, folder: Path) -> list[Told]:
    """Annotate texts, write them in a form, and read that as a corpus."""
    (folder / "in").mkdir()
    for name, text in TEXTS.items():
        (folder / "in" / f"{name}.txt").write_bytes(text.encode())
    out = folder / "out" / f"corpus.{ending}"
    annotate([str(folder / "in")], Reading("en"), Words(), form, out)
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    raw = {str(path.relative_to(out.parent)): path.read_bytes() for path in files}
    return read_sentences(read(FORMS[form].reader, raw).documents)


@pytest.mark.parametrize(
    ("form", "ending"),
    [*((name, name) for name, form in FORMS.items() if form.reader), ("bioc", "xml")],
)
def test_what_is_written_is_read_as_the_same_sentences(form, ending, tmp_path):
    sentences_asked = expected()
    assert (len(sentences_asked), sum(len(found) for _, found in sentences_asked)) == (6, 10)
    assert read_back(form, ending, tmp_path) == sentences_asked
