"""Answers become entities with exact spans, a row a sentence; nothing is lost without a word."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT
from tiny import tiny_model

from bionerflow import predict as predict_module
from bionerflow.formats import FORMATS
from bionerflow.generate import Answer
from bionerflow.imports import code
from bionerflow.predict import dev_f1, predict, read_answers, sample
from bionerflow.prompts import Asking, conversation
from bionerflow.queries import Asked, asked
from bionerflow.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Problem,
    entity_from,
    entity_row,
    read_card,
    read_rows,
    write_rows,
)
from bionerflow.settings import PredictSettings

TEXT = "BCL6 plays a role in activated lymphocytes 😀 of BCL6 families ."
TYPES = ("protein", "cell_type")
BCL6 = [Entity.at("protein", [(at, at + 4)], TEXT) for at in (0, TEXT.rindex("BCL6"))]
CELLS = Entity.at("cell_type", [(21, 42)], TEXT)
GOLD = (*BCL6, CELLS)
SETTINGS = PredictSettings(max_new_tokens=16, batch_size=4)


def queries(format, ids=("1",), corpus="Genia"):
    """Return the queries of the text in a format, for sentences of these ids."""
    codec = FORMATS[format]
    found = []
    for id in ids:
        for types in codec.queries(TYPES):
            gold = tuple(entity for entity in GOLD if entity.type in types)
            turns = conversation(Asking(corpus, "en", TYPES), codec, TEXT, gold, types)
            found.append(Asked(corpus, format, id, types, TEXT, gold, tuple(turns)))
    return found


def gold_answers(query):
    return [Answer(turn.content, False) for turn in query.turns if turn.role == "assistant"]


@pytest.fixture
def answering(monkeypatch):
    """Let the model give these answers, in the order of the queries."""

    def answer(*answers):
        monkeypatch.setattr(predict_module, "generate", lambda *_: [list(one) for one in answers])

    return answer


# what is asked


def test_a_sample_keeps_all_queries_of_the_sentences_that_it_draws():
    ids = [f"d:{n}" for n in range(20)]
    both = queries("single_term", ids) + queries("multi_term", ids[:3], corpus="BC5CDR")
    drawn = sample(both, PredictSettings(test=5), seed=1)
    kept = dict.fromkeys(query.id for query in drawn if query.corpus == "Genia")
    assert len(kept) == 5
    assert drawn == [q for q in both if q.corpus == "BC5CDR" or q.id in kept]
    assert sample(both, PredictSettings(test=5), seed=1) == drawn
    larger = sample(both, PredictSettings(test=9), seed=1)
    assert {query.id for query in drawn} < {query.id for query in larger}
    assert sample(both, PredictSettings(test=5), seed=2) != drawn
    assert sample(both, PredictSettings(test=None), seed=1) == both


def as_row(query):
    return {
        "corpus": query.corpus,
        "format": query.format,
        "id": query.id,
        "doc_id": "d",
        "language": "en",
        "types": list(query.types),
        "text": query.text,
        "entities": [entity_row(entity) for entity in query.entities],
        "turns": [turn._asdict() for turn in query.turns],
    }


def test_queries_are_read_as_render_wrote_them(tmp_path):
    written = queries("single_term", ["1", "2"]) + queries("conv_term")
    write_rows(tmp_path / "test.parquet", map(as_row, written), CONVERSATIONS)
    assert list(asked(read_rows(tmp_path / "test.parquet", CONVERSATIONS))) == written


def test_an_edit_of_generation_leaves_the_tokenizer_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    behind = code("workflow/scripts/tokenizer.py")
    assert "src/bionerflow/queries.py" in behind
    assert not {"src/bionerflow/predict.py", "src/bionerflow/generate.py"} & set(behind)


# what is answered


@pytest.mark.parametrize("format", ["single_term", "conv_term", "multi_span", "multi_bio"])
def test_a_sentence_has_one_row_however_often_it_was_asked(format, answering):
    several = queries(format, ["1", "2"])
    answers = [gold_answers(query) for query in several]
    answering(*answers)
    rows = list(predict(None, None, several, SETTINGS))
    assert [(row["corpus"], row["format"], row["id"]) for row in rows] == [
        ("Genia", format, "1"),
        ("Genia", format, "2"),
    ]
    texts = [answer.text for one in answers for answer in one]
    assert rows[0]["answers"] == texts[: len(texts) // 2]
    found = [entity_from(entity) for entity in rows[0]["entities"]]
    assert found == sorted(GOLD, key=lambda entity: entity.start)
    assert all(TEXT[e.start : e.end] == e.text for e in found)
    assert {entity["probability"] for entity in rows[0]["entities"]} == {None}
    assert rows[0]["problems"] == rows[1]["problems"] == []


def test_formats_of_a_sentence_are_rows_of_their_own(answering):
    both = queries("multi_term") + queries("multi_triple")
    answering(*map(gold_answers, both))
    assert [row["format"] for row in predict(None, None, both, SETTINGS)] == [
        "multi_term",
        "multi_triple",
    ]


def test_what_cannot_be_used_is_listed_and_the_rest_kept():
    [query] = queries("multi_term")
    items = [("activated lymphocytes", "cell_type"), ("BRCA1", "protein"), ("BCL6", "virus")]
    text = "Answer: " + json.dumps([{"text": t, "type": type} for t, type in items])
    entities, problems = read_answers([(query, [Answer(text, False)])])
    assert entities == [CELLS]
    assert sorted(problem.kind for problem in problems) == ["not_in_text", "unknown_type"]


def test_a_truncated_answer_is_a_problem_with_its_last_characters():
    [query] = queries("multi_term")
    text = 'Answer: [{"text": "BCL6", "type": "protein"}, {"text": "' + "x" * 100
    entities, problems = read_answers([(query, [Answer(text, True)])])
    assert BCL6[0] in entities
    assert Problem("truncated", "x" * 80) in problems


def test_the_answers_of_a_conversation_are_read_turn_by_turn():
    [query] = queries("conv_term")
    answers = [Answer("Answer: nothing [", True), Answer('["activated lymphocytes"]', False)]
    entities, problems = read_answers([(query, answers)])
    assert entities == [CELLS]
    assert Problem("truncated", "Answer: nothing [") in problems


# validation


def test_dev_f1_counts_entities_of_all_queries_exactly(answering):
    several = queries("single_term", ["1", "2"])
    proteins, nothing = several[0], [Answer("Answer: []", False)]
    wrong = [Answer('Answer: ["lymphocytes"]', False)]
    answering(gold_answers(proteins), wrong, nothing, nothing)
    assert dev_f1(None, None, several, SETTINGS) == 2 * 2 / (3 + 6)
    answering(*map(gold_answers, several))
    assert dev_f1(None, None, several, SETTINGS) == 1.0
    answering(*[nothing] * 4)
    assert dev_f1(None, None, several, SETTINGS) == 0.0


# the script


def test_the_script_writes_rows_and_counts_problems(tmp_path):
    write_rows(tmp_path / "test.parquet", map(as_row, queries("single_term")), CONVERSATIONS)
    script = [sys.executable, "-P", ROOT / "workflow/scripts/predict.py", "--seed=1"]
    model = tiny_model(tmp_path / "model")
    arguments = ["--threads=1", f"--model={model}", f"--out={tmp_path / 'out.parquet'}"]
    arguments += [f"--settings={SETTINGS.dump()}", f"--queries={tmp_path / 'test.parquet'}"]
    subprocess.run([*script, *arguments], check=True)
    [row] = read_rows(tmp_path / "out.parquet", PREDICTIONS)
    assert len(row["answers"]) == 2
    kinds = [problem["kind"] for problem in row["problems"]]
    counted = read_card(tmp_path / "out.parquet")["problems"]
    assert kinds
    assert counted == {kind: kinds.count(kind) for kind in kinds}
