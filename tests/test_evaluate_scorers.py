"""Independent scorers on the same flat data, generated and real: seqeval and nervaluate."""

import random
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pytest
from nervaluate import Evaluator
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from bionerflow.evaluate.mentions import PROBLEMS, Sample, read_mentions
from bionerflow.evaluate.scores import judge, record
from bionerflow.schema import ENTITIES, Entity, entity_row

METRICS = ("precision", "recall", "f1")


class Chunk(NamedTuple):
    """A mention as a tagger sees it: its first token, the one after its last, its type."""

    first: int
    end: int
    type: str


class Sentence(NamedTuple):
    tokens: list[str]
    gold: list[Chunk]
    predicted: list[Chunk]


def generated(rng: random.Random, size: int = 200) -> list[Sentence]:
    def chunks() -> list[Chunk]:
        place, found = 0, []
        while place < 12:
            length = rng.randint(1, 3)
            if rng.random() < 0.4 and place + length <= 12:
                found.append(Chunk(place, place + length, rng.choice("AB")))
            place += length
        return found

    gold = [chunks() for _ in range(size)]
    return [Sentence(["x"] * 12, one, one if rng.random() < 0.3 else chunks()) for one in gold]


def real(rng: random.Random, mirror: Path) -> list[Sentence]:
    """Read NCBI-Disease; predict with moved boundaries, other types, lost and split mentions."""
    text = (mirror / "ncbi_disease" / "iob" / "test.tsv").read_text("utf-8")
    found = []
    for block in text.strip().split("\n\n"):
        tokens, tags = zip(*(line.split("\t")[:2] for line in block.split("\n")), strict=True)
        begins = [i for i, tag in enumerate(tags) if tag[0] == "B"]
        ends = [
            next((j for j in range(i + 1, len(tags)) if tags[j][0] != "I"), len(tags))
            for i in begins
        ]
        gold = [Chunk(i, j, "Disease") for i, j in zip(begins, ends, strict=True)]
        predicted, free = [], 0
        for one in gold:
            first = max(free, one.first - (rng.random() < 0.15))
            halves = [(first, one.end)]
            if one.end - one.first > 2 and rng.random() < 0.2:
                halves = [(one.first, one.first + 1), (one.first + 1, one.end)]
            for a, b in halves if rng.random() < 0.85 else []:
                predicted.append(Chunk(a, b, "Disease" if rng.random() < 0.9 else "Gene"))
            free = one.end
        found.append(Sentence(list(tokens), gold, predicted))
    return found


@pytest.fixture(scope="module", params=["generated 1", "generated 2", "real"])
def data(request) -> list[Sentence]:
    rng = random.Random(request.param)
    if request.param == "real":
        return real(rng, request.getfixturevalue("corpora_mirror"))
    return generated(rng)


def scored(data: list[Sentence], rng: random.Random) -> dict:
    """Score with this library, mentions in an order by chance."""
    sides = {"gold": [], "predicted": []}
    texts = [" ".join(sentence.tokens) for sentence in data]
    for text, sentence in zip(texts, data, strict=True):
        starts = [sum(len(token) + 1 for token in sentence.tokens[:i]) for i in range(len(text))]
        for name, rows in sides.items():
            chunks = list(getattr(sentence, name))
            rng.shuffle(chunks)
            spans = [
                (starts[c.first], starts[c.end - 1] + len(sentence.tokens[c.end - 1]))
                for c in chunks
            ]
            entities = [Entity.at(c.type, [s], text) for c, s in zip(chunks, spans, strict=True)]
            rows.append([entity_row(entity) for entity in entities])
    columns = {"corpus": "c", "format": "f", "id": range(len(texts)), "document": range(len(texts))}
    sentences = pd.DataFrame(columns | {"text": texts} | dict.fromkeys(PROBLEMS, 0))
    gold, predicted = read_mentions(*(pa.array(rows, ENTITIES) for rows in sides.values()))
    return record(judge(Sample(sentences, gold, predicted), []))


def tags(chunks: list[Chunk], size: int) -> list[str]:
    written = ["O"] * size
    for first, end, type in chunks:
        written[first:end] = [f"B-{type}"] + [f"I-{type}"] * (end - first - 1)
    return written


def test_strict_and_seqeval_are_what_seqeval_counts(data):
    ours = scored(data, random.Random(0))
    sides = [[tags(chunks, len(s.tokens)) for s in data for chunks in [getattr(s, name)]]
             for name in ("gold", "predicted")]  # fmt: skip
    for metric, scorer in zip(METRICS, (precision_score, recall_score, f1_score), strict=True):
        expected = scorer(*sides, mode="strict", scheme=IOB2)
        assert 0.2 < expected < 0.9
        assert ours["strict"][metric]["value"] == pytest.approx(expected, abs=1e-6)
        assert ours["conventions"]["seqeval"][metric] == pytest.approx(expected, abs=1e-6)


def test_partial_and_type_are_what_nervaluate_counts(data):
    ours = scored(data, random.Random(0))["conventions"]
    sides = [
        [
            [{"label": c.type, "start": c.first, "end": c.end - 1} for c in getattr(s, name)]
            for s in data
        ]
        for name in ("gold", "predicted")
    ]
    labels = sorted({c.type for s in data for c in (*s.gold, *s.predicted)})
    theirs = Evaluator(*sides, tags=labels, loader="dict").evaluate()["overall"]
    for name, strategy in (("partial", "partial"), ("type", "ent_type")):
        for metric in METRICS:
            expected = getattr(theirs[strategy], metric)
            assert 0.2 < expected < 0.95
            assert ours[name][metric] == pytest.approx(expected, abs=1e-6), (name, metric)


def test_the_order_of_mentions_never_matters(data):
    assert scored(data, random.Random(1)) == scored(data, random.Random(2))
