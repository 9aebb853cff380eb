"""CoNLL: one token and its IOB2 tag per line, an empty line after each sentence."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bionerflow.annotate.forms.tokens import Sentence, from_left, sentences
from bionerflow.annotate.output import contiguous, documents, text_file
from bionerflow.annotate.passages import Annotated, Mention
from bionerflow.annotate.summary import Summary


def conll(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write one file; documents begin with `-DOCSTART-`, as those of CoNLL-2003.

    Of mentions that overlap, the first is kept, of these the longest; the others are left out and
    told. White space in the name of a type becomes `_`.
    """
    with text_file(out) as file:
        for id, passages in documents(annotated):
            file.write("-DOCSTART-\tO\n\n")
            for one in passages:
                kept = list(_apart(id, one, contiguous(one, "CoNLL", summary), summary))
                for sentence in sentences(one, kept):
                    file.writelines(_lines(one.passage.text, sentence))
                    file.write("\n")


def _apart(
    id: str, one: Annotated, mentions: Iterable[Mention], summary: Summary
) -> Iterator[Mention]:
    """Yield the mentions that begin after the end of all that were kept before."""
    end = 0
    for mention in from_left(mentions):
        if mention.entity.start < end:
            summary.leave_out(id, one.placed(mention), "CoNLL holds no overlapping mentions")
        else:
            end = mention.entity.end
            yield mention


def _lines(text: str, sentence: Sentence) -> Iterator[str]:
    """Yield the lines of a sentence."""
    tags = ["O"] * len(sentence.tokens)
    for mention, first, last in sentence.mentions:
        type = "_".join(mention.entity.type.split()) or "_"
        tags[first : last + 1] = [f"B-{type}", *[f"I-{type}"] * (last - first)]
    for (start, end), tag in zip(sentence.tokens, tags, strict=True):
        yield f"{text[start:end]}\t{tag}\n"
