"""Predictions that are kept without text, and become a prediction file again."""

import json

import pytest

from bionerflow.data.measured import keep, restore
from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    read_rows,
    write_examples,
    write_rows,
)
from bionerflow.evaluate import evaluate
from bionerflow.utils.errors import UserError

TEXTS = ["Fever and renal failure.", "Skin and lung tumours 😀 grew.", "Nothing."]


def found(type, spans, text, confidence, probability=None):
    entity = Entity.at(type, spans, text)
    return {
        "type": type,
        "spans": [span._asdict() for span in entity.spans],
        "text": entity.text,
        "confidence": confidence,
        "probability": probability,
    }


@pytest.fixture
def predictions(tmp_path):
    gold = [
        Example(f"d:{n}", "d", "en", text, (Entity.at("Disease", [(0, 5)], text),))
        for n, text in enumerate(TEXTS)
    ]
    write_examples(tmp_path / "gold/c/test.parquet", gold)
    write_examples(tmp_path / "gold/c/train.parquet", gold[:1])
    entities = [
        [found("Disease", [(0, 5)], TEXTS[0], 0.987654), found("Drug", [(10, 23)], TEXTS[0], None)],
        [found("Disease", [(0, 4), (14, 21)], TEXTS[1], 0.5, 0.25)],
        [],
    ]
    rows = [
        {
            "corpus": "c",
            "format": "json_entity",
            "id": f"d:{n}",
            "prompt": "x",
            "answers": ["secret text"],
            "entities": its,
            "problems": [] if its else [{"kind": "malformed", "detail": "secret text"}],
        }
        for n, its in enumerate(entities)
    ]
    write_rows(tmp_path / "run.parquet", rows, PREDICTIONS)
    return tmp_path / "run.parquet"


def test_what_is_kept_has_no_text_and_scores_as_before(predictions, tmp_path):
    kept, again = tmp_path / "run.jsonl", tmp_path / "again" / "run.parquet"
    keep(predictions, kept, {"run": "run"})
    said = kept.read_text("utf-8")
    assert "secret" not in said
    assert "ever" not in said
    assert json.loads(said.splitlines()[0]) == {"run": "run"}
    again.parent.mkdir()
    restore(kept, tmp_path / "gold", again)
    train = tmp_path / "train.parquet"
    write_rows(train, [{"corpus": "c", "id": "d:0"}], CONVERSATIONS)
    before, after = (evaluate(path, tmp_path / "gold", train) for path in (predictions, again))
    for one, other in zip(before["scores"], after["scores"], strict=True):
        assert one.pop("calibration").keys() == other.pop("calibration").keys()
        assert one == other
    assert [row["entities"][0]["text"] for row in read_rows(again, PREDICTIONS)[:2]] == [
        "Fever",
        "Skin tumours",
    ]


def test_another_corpus_is_refused(predictions, tmp_path):
    keep(predictions, tmp_path / "run.jsonl", {})
    write_examples(tmp_path / "gold/c/test.parquet", [Example("d:0", "d", "en", "Short.", ())])
    with pytest.raises(UserError, match="no such sentence 'd:0'"):
        restore(tmp_path / "run.jsonl", tmp_path / "gold", tmp_path / "again.parquet")
