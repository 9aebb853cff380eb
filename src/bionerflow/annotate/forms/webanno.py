"""WebAnno TSV 3.3, as WebAnno and INCEpTION import it: one file per document.

The grammar is that of the user guide of WebAnno, appendix "WebAnno TSV 3.x". Offsets count UTF-16
units, since the tool is written in Java.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate, count
from pathlib import Path

from bionerflow.annotate.forms.tokens import Sentence, sentences
from bionerflow.annotate.output import contiguous, documents, folder_at, free_stem, open_text
from bionerflow.annotate.passages import Annotated
from bionerflow.annotate.summary import Summary

LAYER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value"
HEAD = f"#FORMAT=WebAnno TSV 3.3\n#T_SP={LAYER}\n\n"
#: Escaped in a feature's value and in a token; `->` is escaped as one.
RESERVED = re.compile(r"->|[\\\[\]|_;*]")
#: Escaped in the text of a sentence; other control characters become spaces.
IN_TEXT = re.compile(r"[\x00-\x1f\x85\u2028\u2029\\]")


def webanno(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write a folder with a .tsv file per document; mentions are of the layer NamedEntity."""
    with folder_at(out) as folder:
        for id, passages in documents(annotated):
            with open_text(f"{free_stem(folder, id, '.tsv')}.tsv") as file:
                file.write(HEAD)
                file.writelines(_lines(passages, summary))


def _lines(passages: Iterable[Annotated], summary: Summary) -> Iterator[str]:
    """Yield the lines of a document; sentences and mentions are numbered through it."""
    beyond = 0  # characters of two UTF-16 units before the passage
    numbers, ids = count(1), count(1)
    for one in passages:
        text = one.passage.text
        units = utf16(text)
        start = one.passage.start + beyond
        for sentence in sentences(one, contiguous(one, "WebAnno TSV", summary)):
            number = next(numbers)
            yield from _text(text[sentence.span.start : sentence.span.end])
            values = _values(sentence, ids)
            for n, ((begin, end), value) in enumerate(
                zip(sentence.tokens, values, strict=True), start=1
            ):
                place = f"{start + units[begin]}-{start + units[end]}"
                yield f"{number}-{n}\t{place}\t{escaped(text[begin:end])}\t{value}\t\n"
            yield "\n"
        beyond += units[-1] - len(text)


def utf16(text: str) -> list[int] | range:
    """Return the UTF-16 units before each character of a text, and before its end."""
    if not text or max(text) < "\U00010000":
        return range(len(text) + 1)
    return list(accumulate((1 + (letter >= "\U00010000") for letter in text), initial=0))


def escaped(value: str) -> str:
    """Return a token or value with its reserved characters escaped."""
    return RESERVED.sub(lambda match: "\\" + match[0], value)


def _text(sentence: str) -> Iterator[str]:
    """Yield the lines that repeat the text of a sentence, one per line of it."""
    for line in sentence.split("\n"):
        yield f"#Text={IN_TEXT.sub(_in_text, line)}\n"


def _in_text(match: re.Match[str]) -> str:
    return {"\t": "\\t", "\\": "\\\\"}.get(match[0], " ")


def _values(sentence: Sentence, ids: Iterator[int]) -> Iterator[str]:
    """Yield the columns `identifier` and `value` of each token.

    Mentions of more than one token, or on one token with others, are told apart by numbers.
    """
    stacked = Counter(n for _, first, last in sentence.mentions for n in range(first, last + 1))
    columns: list[list[tuple[str, str]]] = [[] for _ in sentence.tokens]
    for mention, first, last in sentence.mentions:
        several = first < last or stacked[first] > 1
        mark = f"[{next(ids)}]" if several else ""
        value = escaped(" ".join(mention.entity.type.split()))
        concept = escaped("|".join(mention.entity.identifiers)) or "*"
        for column in columns[first : last + 1]:
            column.append((f"{concept}{mark}", f"{value}{mark}"))
    for column in columns:
        yield "\t".join("|".join(its) for its in zip(*column, strict=True)) or "_\t_"
