"""`partial` and `type`: worked counts, and no dependence on names of types or order of mentions."""

import json
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import ROOT

from bionerflow.data.schema import ENTITIES, Entity, entity_row
from bionerflow.evaluate.mentions import PROBLEMS, Sample, read_mentions
from bionerflow.evaluate.scores import judge

TEXT = "Renal failure with severe fever and rash."
COUNTED = ("correct", "gold", "predicted")
CASES = ROOT.parent / "shared" / "cases" / "evaluation.jsonl"

#: A mention as [type, spans].
Row = tuple[str, tuple[tuple[int, int], ...]]


def judged(sentences: list[tuple[str, list[Row], list[Row]]]) -> pd.DataFrame:
    """Return the counts per sentence, each a text with its gold and its predicted mentions."""
    sides = [
        [[entity_row(Entity.at(*row, one[0])) for row in one[side]] for one in sentences]
        for side in (1, 2)
    ]
    found = read_mentions(*(pa.array(side, ENTITIES) for side in sides))
    names = [str(n) for n in range(len(sentences))]
    frame = pd.DataFrame({"corpus": "c", "format": "f", "id": names, "document": names})
    frame = frame.assign(text=[one[0] for one in sentences], **dict.fromkeys(PROBLEMS, 0))
    sample = judge(Sample(frame, *found), {})
    strict = {
        "strict.correct": (sample.gold, "correct"),
        "strict.gold": (sample.gold, None),
        "strict.predicted": (sample.predicted, None),
    }
    for name, (side, column) in strict.items():
        rows = side.frame if column is None else side.frame[side.frame[column]]
        sample.sentences[name] = np.bincount(rows["sentence"], minlength=len(sentences))
    return sample.sentences[[name for name in sample.sentences if "." in name]]


def counted(sentences: list[tuple[str, list[Row], list[Row]]], name: str) -> list[float]:
    return judged(sentences)[[f"{name}.{key}" for key in COUNTED]].sum().tolist()


X, Y = "xy"
WORKED = {
    "a type's name does not decide which prediction matches": (
        [(X, [(0, 5)])], [(Y, [(0, 13)]), (X, [(0, 13)])], (1, 1, 2), (0.5, 1, 2)),
    "two predictions of one span each find their type": (
        [(X, [(0, 5)]), (Y, [(6, 13)])], [(Y, [(0, 13)]), (X, [(0, 13)])], (2, 2, 2), (1, 2, 2)),
    "a wrong prediction takes the gold mention it overlaps": (
        [(X, [(0, 13)])], [(Y, [(0, 5)]), (X, [(6, 13)])], (0, 1, 2), (0.5, 1, 2)),
    "an equal mention is matched before one to its left": (
        [(X, [(6, 13)])], [(X, [(0, 8)]), (X, [(6, 13)])], (1, 1, 2), (1, 1, 2)),
    "one prediction over two gold mentions": (
        [(X, [(19, 25)]), (X, [(36, 40)])], [(X, [(21, 38)])], (1, 2, 1), (0.5, 2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("names", ["xyz", "zyx", "yxz", "zxy"])
@pytest.mark.parametrize("case", WORKED)
def test_worked_counts_whatever_the_types_are_called(case, names):
    *sides, type_counts, partial = WORKED[case]
    named = dict(zip("xyz", names, strict=True))
    gold, predicted = ([(named[type], spans) for type, spans in side] for side in sides)
    for turned in (predicted, predicted[::-1]):
        assert counted([(TEXT, gold, turned)], "type") == list(type_counts)
        assert counted([(TEXT, gold, turned)], "partial") == list(partial)


def crowded(rng: random.Random) -> tuple[str, list[Row], list[Row]]:
    """Return a sentence with up to eight mentions per side, several types on one span."""
    places = [(start, start + rng.randint(1, 4)) for start in rng.choices(range(7), k=4)]
    spans = [(one,) for one in places] + [(one, (one[1] + 1, 14)) for one in places]
    sides = [[(rng.choice("ABCD"), rng.choice(spans)) for _ in range(rng.randint(0, 8))]
             for _ in range(2)]  # fmt: skip
    return (TEXT, *sides)


@pytest.fixture(scope="module")
def data() -> list[tuple[str, list[Row], list[Row]]]:
    rng = random.Random(1)
    return [crowded(rng) for _ in range(2000)]


def turned(data, rng: random.Random, names: str) -> pd.DataFrame:
    """Return the counts per sentence, mentions shuffled and types renamed."""
    named = dict(zip("ABCD", names, strict=True))
    return judged(
        [
            (text, *([(named[t], its) for t, its in rng.sample(side, len(side))] for side in sides))
            for text, *sides in data
        ]
    )


@pytest.mark.parametrize("seed", range(4))
def test_neither_names_of_types_nor_the_order_of_mentions_matter(data, seed):
    """Only `seqeval` may depend on names: its tags hold one type per token."""
    rng = random.Random(seed)
    before, after = judged(data), turned(data, rng, "".join(rng.sample("ZBAY", 4)))
    columns = [name for name in before if not name.startswith("seqeval.")]
    assert {"type.correct", "partial.correct", "gollie.correct"} <= set(columns)
    assert 1000 < before["type.correct"].sum() < before["type.gold"].sum()
    pd.testing.assert_frame_equal(after[columns], before[columns])


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_mentions_matters_in_no_convention(data, seed):
    pd.testing.assert_frame_equal(turned(data, random.Random(seed), "ABCD"), judged(data))


@pytest.mark.skipif(not CASES.is_file(), reason="the handed cases are not here")
def test_handed_cases():
    for line in CASES.read_text("utf-8").splitlines():
        case = json.loads(line)
        sentences = [(one["text"], one["gold"], one["predicted"]) for one in case["sentences"]]
        for name, expected in case["right"].items():
            assert counted(sentences, name) == expected, (case["case"], name)
