"""Independent scorers on the same flat data, generated and real: seqeval and nervaluate."""

import json
import random
import re
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pytest
from conftest import ROOT
from nervaluate import Evaluator
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from bionerflow.data.schema import ENTITIES, Entity, entity_row
from bionerflow.evaluate.mentions import PROBLEMS, Sample, read_mentions
from bionerflow.evaluate.scores import judge, record

METRICS = ("precision", "recall", "f1")
SIDES = ("gold", "predicted")
TOKEN = re.compile(r"[^\W\u3400-\u9fff]+|\S")


class Mention(NamedTuple):
    """A flat mention, by the characters of its sentence."""

    type: str
    start: int
    end: int


class Sentence(NamedTuple):
    text: str
    gold: list[Mention]
    predicted: list[Mention]


def generated(rng: random.Random, size: int = 200) -> list[Sentence]:
    """Make sentences of twelve tokens of one letter."""

    def chunks() -> list[Mention]:
        place, found = 0, []
        while place < 12:
            length = rng.randint(1, 3)
            if rng.random() < 0.4 and place + length <= 12:
                found.append(Mention(rng.choice("AB"), 2 * place, 2 * (place + length) - 1))
            place += length
        return found

    gold = [chunks() for _ in range(size)]
    text = " ".join("x" * 12)
    return [Sentence(text, one, one if rng.random() < 0.3 else chunks()) for one in gold]


def real(rng: random.Random, mirror: Path) -> list[Sentence]:
    """Read NCBI-Disease; predict with moved boundaries, other types, lost and split mentions."""
    text = (mirror / "ncbi_disease" / "iob" / "test.tsv").read_text("utf-8")
    found = []
    for block in text.strip().split("\n\n"):
        tokens, tags = zip(*(line.split("\t")[:2] for line in block.split("\n")), strict=True)
        starts = [len(" ".join(["", *tokens[:i]])) for i in range(len(tokens))]
        begins = [i for i, tag in enumerate(tags) if tag[0] == "B"]
        ends = [
            next((j for j in range(i + 1, len(tags)) if tags[j][0] != "I"), len(tags))
            for i in begins
        ]
        gold, predicted, free = [], [], 0
        for first, end in zip(begins, ends, strict=True):
            moved = max(free, first - (rng.random() < 0.15))
            halves = [(moved, end)]
            if end - first > 2 and rng.random() < 0.2:
                halves = [(first, first + 1), (first + 1, end)]
            type = "Disease" if rng.random() < 0.9 else "Gene"
            for side, parts, name in (
                (gold, [(first, end)], "Disease"),
                (predicted, halves if rng.random() < 0.85 else [], type),
            ):
                side += [
                    Mention(name, starts[a], starts[b - 1] + len(tokens[b - 1])) for a, b in parts
                ]
            free = end
        found.append(Sentence(" ".join(tokens), gold, predicted))
    return found


def answered() -> list[Sentence]:
    """Read what a tiny model of the demo answered, conv_term, on 300 sentences of sample_flat."""
    lines = (ROOT / "tests" / "flat_predictions.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Sentence(r["text"], *([Mention(*m) for m in r[side]] for side in SIDES)) for r in rows]


@pytest.fixture(scope="module", params=["generated 1", "generated 2", "real", "answered"])
def data(request) -> list[Sentence]:
    rng = random.Random(request.param)
    if request.param == "real":
        return real(rng, request.getfixturevalue("corpora_mirror"))
    return answered() if request.param == "answered" else generated(rng)


def scored(data: list[Sentence], rng: random.Random) -> dict[str, Any]:
    """Score with this library, mentions in an order by chance."""
    sides: dict[str, list[Any]] = {side: [] for side in SIDES}
    for sentence in data:
        for name, rows in sides.items():
            mentions = list(getattr(sentence, name))
            rng.shuffle(mentions)
            entities = [Entity.at(type, [span], sentence.text) for type, *span in mentions]
            rows.append([entity_row(entity) for entity in entities])
    columns = {"corpus": "c", "format": "f", "id": range(len(data)), "document": range(len(data))}
    columns |= {"text": [sentence.text for sentence in data]}
    sentences = pd.DataFrame(columns | dict.fromkeys(PROBLEMS, 0))
    gold, predicted = read_mentions(*(pa.array(rows, ENTITIES) for rows in sides.values()))
    return record(judge(Sample(sentences, gold, predicted), {}))


def tags(sentence: Sentence, mentions: list[Mention]) -> list[str]:
    """Return a sentence's mentions as IOB2 tags; a token that a mention touches is its own."""
    tokens = [match.span() for match in TOKEN.finditer(sentence.text)]
    written = ["O"] * len(tokens)
    for type, start, end in mentions:
        inside = [i for i, (a, b) in enumerate(tokens) if a < end and start < b]
        assert {written[i] for i in inside} == {"O"}, "not flat"
        for i in inside:
            written[i] = f"{'B' if i == inside[0] else 'I'}-{type}"
    return written


def test_seqeval_is_what_seqeval_counts(data):
    ours = scored(data, random.Random(0))
    sides = [[tags(s, getattr(s, side)) for s in data] for side in SIDES]
    for metric, scorer in zip(METRICS, (precision_score, recall_score, f1_score), strict=True):
        expected = scorer(*sides, mode="strict", scheme=IOB2)
        assert 0.2 < expected < 1
        assert ours["conventions"]["seqeval"][metric] == pytest.approx(expected, abs=1e-6)
        if whole_tokens(data):
            assert ours["strict"][metric]["value"] == pytest.approx(expected, abs=1e-6)


def whole_tokens(data: list[Sentence]) -> bool:
    """Tell whether all mentions begin and end with a token."""
    return all(
        TOKEN.findall(s.text) == TOKEN.findall(f"{s.text[:place]} {s.text[place:]}")
        for s in data
        for mention in (*s.gold, *s.predicted)
        for place in mention[1:]
    )


def test_strict_partial_and_type_are_what_nervaluate_counts(data):
    ours = scored(data, random.Random(0))
    sides = [
        [[{"label": t, "start": a, "end": b - 1} for t, a, b in getattr(s, side)] for s in data]
        for side in SIDES
    ]
    labels = sorted({m.type for s in data for m in (*s.gold, *s.predicted)})
    theirs = Evaluator(*sides, tags=labels, loader="dict").evaluate()["overall"]
    for metric in METRICS:
        found = {
            "strict": ours["strict"][metric]["value"],
            "partial": ours["conventions"]["partial"][metric],
            "ent_type": ours["conventions"]["type"][metric],
        }
        expected = {name: getattr(theirs[name], metric) for name in found}
        assert found == pytest.approx(expected, abs=1e-6)
        assert all(0.2 < value < 1 for value in expected.values())


def test_the_order_of_mentions_never_matters(data):
    assert scored(data, random.Random(1)) == scored(data, random.Random(2))
