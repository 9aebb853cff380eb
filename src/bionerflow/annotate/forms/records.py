"""Forms with one JSON record per passage: this project's own, and those of annotation tools."""

import json
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from bionerflow.annotate.forms.tokens import covered, from_left, tokens
from bionerflow.annotate.output import contiguous, text_file
from bionerflow.annotate.passages import Annotated, Mention, mention_row
from bionerflow.annotate.summary import Summary
from bionerflow.data.schema import Span


def _lines(records: Iterable[dict[str, Any]], out: Path) -> None:
    with text_file(out) as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _origin(one: Annotated) -> dict[str, Any]:
    """Return the document of a passage, and where the passage begins in it."""
    return {"doc_id": one.passage.id, "start": one.passage.start}


def jsonl(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write one record per passage, with its sentences; all spans count in its text.

    The reader `jsonl` reads it.
    """
    _lines(
        (
            {
                **_origin(one),
                "text": one.passage.text,
                "entities": [mention_row(mention) for mention in one.mentions],
                "sentences": [{"start": start, "end": end} for start, end in one.sentences],
            }
            for one in annotated
        ),
        out,
    )


def doccano(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write what doccano imports as JSONL for sequence labelling.

    doccano keeps further keys, the document's id and offset, as meta data.
    """
    _lines(
        (
            {
                "id": number,
                "text": one.passage.text,
                "label": [
                    [m.entity.start, m.entity.end, m.entity.type]
                    for m in contiguous(one, "doccano", summary)
                ],
                **_origin(one),
            }
            for number, one in enumerate(annotated, start=1)
        ),
        out,
    )


def label_studio(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write one JSON list of tasks; mentions are predictions ("pre-annotations").

    The project's labelling interface is to have `<Labels name="label" toName="text">` and
    `<Text name="text" value="$text">`.
    """
    ids, version = count(1), str(summary.facts.get("run", "bionerflow"))
    with text_file(out) as file:
        separator = "["
        for number, one in enumerate(annotated, start=1):
            found = contiguous(one, "Label Studio", summary)
            prediction = {"model_version": version, "result": [_region(m, ids) for m in found]}
            data = {"text": one.passage.text, **_origin(one)}
            task = {"id": number, "data": data, "predictions": [prediction]}
            file.write(f"{separator}\n{json.dumps(task, ensure_ascii=False)}")
            separator = ","
        file.write("[]\n" if separator == "[" else "\n]\n")


def _region(mention: Mention, ids: Iterator[int]) -> dict[str, Any]:
    entity = mention.entity
    place = {"start": entity.start, "end": entity.end, "text": entity.text, "labels": [entity.type]}
    region = {"id": f"m{next(ids)}", "from_name": "label", "to_name": "text", "type": "labels"}
    score = {} if mention.confidence is None else {"score": mention.confidence}
    return {**region, "value": place, **score}


def prodigy(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write what Prodigy's recipe `spans.manual` reads, with tokens."""
    _lines((_prodigy_task(one, contiguous(one, "Prodigy", summary)) for one in annotated), out)


def _prodigy_task(one: Annotated, mentions: list[Mention]) -> dict[str, Any]:
    text = one.passage.text
    found, spans = spacy_tokens(text, mentions)
    return {
        "text": text,
        "tokens": [
            {"text": text[start:end], "start": start, "end": end, "id": n,
             "ws": text[end : end + 1] == " "}
            for n, (start, end) in enumerate(found)
        ],
        "spans": [
            {"start": found[first].start, "end": found[last].end, "label": mention.entity.type,
             "token_start": first, "token_end": last}
            for mention, first, last in spans
        ],
        "meta": _origin(one),
    }  # fmt: skip


def spacy(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write one record of `Doc.to_json` per line, which `Doc.from_json` reads.

    `spans["sc"]` has all mentions, as spaCy's SpanCategorizer wants them; `ents`, which must not
    overlap, has the first and longest of them.
    """
    _lines((_spacy_doc(one, contiguous(one, "spaCy", summary)) for one in annotated), out)


def _spacy_doc(one: Annotated, mentions: list[Mention]) -> dict[str, Any]:
    found, placed = spacy_tokens(one.passage.text, mentions)
    spans: list[dict[str, Any]] = [
        {"start": found[first].start, "end": found[last].end, "label": mention.entity.type,
         "kb_id": "|".join(mention.entity.identifiers)}
        for mention, first, last in placed
    ]  # fmt: skip
    ents, end = [], 0
    for span in spans:
        if span["start"] >= end:
            ents.append(span if span["kb_id"] else {k: span[k] for k in ("start", "end", "label")})
            end = span["end"]
    return {
        "text": one.passage.text,
        "ents": ents,
        "tokens": [{"id": n, "start": start, "end": end} for n, (start, end) in enumerate(found)],
        "spans": {"sc": spans},
        **_origin(one),
    }


def spacy_tokens(
    text: str, mentions: Iterable[Mention]
) -> tuple[list[Span], list[tuple[Mention, int, int]]]:
    """Return a text's tokens as spaCy has them, and mentions with their first and last token.

    White space is a token of its own, apart from one space after a word. Mentions begin and end
    with a word.
    """
    words = tokens(text, Span(0, len(text)), mentions)
    found: list[Span] = []
    place: list[int] = []  # of each word among the tokens
    end = 0
    for word in [*words, Span(len(text), len(text))]:
        if found and end < word.start and text[end] == " ":
            end += 1
        if end < word.start:
            found.append(Span(end, word.start))
        place.append(len(found))
        found.append(word)
        end = word.end
    spans = []
    for mention in from_left(mentions):
        at = covered(words, mention)
        if at:
            spans.append((mention, place[at[0]], place[at[1]]))
    return found[:-1], spans
