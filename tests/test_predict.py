"""Answers become entities with exact spans, a row a sentence; nothing is lost without a word."""

import json
import math
import random
import re
import runpy
import sys
import time
from dataclasses import replace

import pytest
from conftest import ROOT
from forked import Process
from tiny import tiny_model

from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Problem,
    Turn,
    entity_from,
    entity_row,
    read_card,
    read_rows,
    write_rows,
)
from bionerflow.data.shards import gather
from bionerflow.formats import FORMATS
from bionerflow.formats.prompts import Asking, conversation
from bionerflow.formats.queries import Asked, asked
from bionerflow.inference import predict as predict_module
from bionerflow.inference.engines.base import Answer, Engine
from bionerflow.inference.predict import dev_f1, predict, prompt_hash, read_answers, sample
from bionerflow.workflow.dependencies import code

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


class Scripted(Engine):
    """An engine that gives these answers, in the order of the queries."""

    name, version, tokenizer = "scripted", "1", None

    def __init__(self, *answers):
        super().__init__()
        self.answers = [list(one) for one in answers]

    def check(self, conversations, max_new_tokens):
        pass

    def answer(self, conversations, *_, **__):
        return self.answers


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


def test_an_edit_of_generation_leaves_rendered_corpora_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    behind = code("workflow/scripts/render.py")
    assert "src/bionerflow/formats/render.py" in behind
    answering = {f"src/bionerflow/inference/{name}.py" for name in ("predict", "generate")}
    assert not answering & set(behind)


# what is answered


@pytest.mark.parametrize("format", ["single_term", "conv_term", "multi_span", "multi_bio"])
def test_a_sentence_has_one_row_however_often_it_was_asked(format, tmp_path):
    several = queries(format, ["1", "2"])
    answers = [gold_answers(query) for query in several]
    rows = list(predict(Scripted(*answers), several, SETTINGS, tmp_path))
    assert [(row["corpus"], row["format"], row["id"]) for row in rows] == [
        ("Genia", format, "1"),
        ("Genia", format, "2"),
    ]
    texts = [answer.text for one in answers for answer in one]
    assert rows[0]["answers"] == texts[: len(texts) // 2]
    found = [entity_from(entity) for entity in rows[0]["entities"]]
    assert found == sorted(GOLD, key=lambda entity: entity.start)
    assert all(TEXT[e.start : e.end] == e.text for e in found)
    assert {e[key] for e in rows[0]["entities"] for key in ("probability", "confidence")} == {None}
    assert rows[0]["prompt"] == rows[1]["prompt"]
    assert rows[0]["problems"] == rows[1]["problems"] == []


def test_formats_of_a_sentence_are_rows_of_their_own(tmp_path):
    both = queries("multi_term") + queries("multi_triple")
    engine = Scripted(*map(gold_answers, both))
    rows = list(predict(engine, both, SETTINGS, tmp_path))
    assert [row["format"] for row in rows] == ["multi_term", "multi_triple"]
    assert rows[0]["prompt"] != rows[1]["prompt"]


def test_the_hash_of_a_prompt_is_of_what_was_asked_alone():
    asked = queries("single_term")
    no_gold = [
        replace(
            query, turns=tuple(Turn(t.role, t.content * (t.role == "user")) for t in query.turns)
        )
        for query in asked
    ]
    assert prompt_hash(no_gold) == prompt_hash(asked)
    assert prompt_hash(asked[:1]) != prompt_hash(asked)


def test_what_cannot_be_used_is_listed_and_the_rest_kept():
    [query] = queries("multi_term")
    items = [("activated lymphocytes", "cell_type"), ("BRCA1", "protein"), ("BCL6", "virus")]
    text = "Answer: " + json.dumps([{"text": t, "type": type} for t, type in items])
    entities, problems, _ = read_answers(None, [(query, [Answer(text, False)])])
    assert entities == [(CELLS, None)]
    assert sorted(problem.kind for problem in problems) == ["not_in_text", "unknown_type"]


def test_a_truncated_answer_is_a_problem_with_its_last_characters():
    [query] = queries("multi_term")
    text = 'Answer: [{"text": "BCL6", "type": "protein"}, {"text": "' + "x" * 100
    entities, problems, _ = read_answers(None, [(query, [Answer(text, True)])])
    assert (BCL6[0], None) in entities
    assert problems == [Problem("truncated", "x" * 80)]


def test_an_answer_that_the_model_left_open_is_truncated_too():
    [query] = queries("multi_term")
    text = 'Answer: [{"text": "BCL6", "type": "protein"}, {"text": "lymph'
    assert [
        problem.kind for problem in read_answers(None, [(query, [Answer(text, False)])])[1]
    ] == ["truncated"]


def test_the_answers_of_a_conversation_are_read_turn_by_turn():
    [query] = queries("conv_term")
    answers = [Answer("Answer: nothing [", True), Answer('["activated lymphocytes", "', False)]
    entities, problems, _ = read_answers(None, [(query, answers)])
    assert entities == [(CELLS, None)]
    cut, open_end = [problem for problem in problems if problem.kind == "truncated"]
    assert cut == Problem("truncated", "Answer: nothing [")
    assert open_end.detail.endswith('"')


# confidence


class Characters:
    """A tokenizer of one token a character."""

    def decode(self, ids):
        return "".join(map(chr, ids))


def spoken(text, doubted, probability=0.5):
    """Return an answer whose model doubts the first character of each of these words."""
    places = [m.start() for word in doubted for m in re.finditer(re.escape(word), text)]
    logprobs = [math.log(probability) if n in places else 0.0 for n in range(len(text))]
    return Answer(text, False, tuple(map(ord, text)), tuple(logprobs))


@pytest.mark.parametrize("name", FORMATS)
def test_doubt_about_the_words_of_an_entity_lowers_its_confidence_alone(name):
    format = FORMATS[name]
    entities = [BCL6[0], CELLS]
    types = ("protein",) if format.per_type else TYPES
    turns = conversation(Asking("Genia", "en", TYPES), format, TEXT, entities, types)
    query = Asked("Genia", name, "1", types, TEXT, (), tuple(turns))
    written = [turn.content for turn in turns if turn.role == "assistant"][format.given :]
    answers = [spoken(content, []) for content in written]
    sure, _, _ = read_answers(Characters(), [(query, answers)])
    assert sure
    assert {confidence for _, confidence in sure} == {1.0}
    everywhere = [spoken(a.text, set(a.text)) for a in answers]
    unsure, _, _ = read_answers(Characters(), [(query, everywhere)])
    assert [entity for entity, _ in unsure] == [entity for entity, _ in sure]
    whole = 0.5 ** max(len(answer.text) for answer in answers)
    assert all(whole < confidence <= 0.5 for _, confidence in unsure)


def test_each_mention_has_the_probability_of_its_own_words():
    [query] = queries("multi_term")
    text = json.dumps([{"text": e.text, "type": e.type} for e in GOLD])
    second = text.index("BCL6", text.index("BCL6") + 1)
    answer = spoken(text, ["activated"])
    logprobs = [math.log(0.25) if n == second else p for n, p in enumerate(answer.logprobs)]
    answer = replace(answer, logprobs=tuple(logprobs))
    found, _, _ = read_answers(Characters(), [(query, [answer])])
    expected = {BCL6[0]: 1.0, BCL6[1]: 0.25, CELLS: 0.5}
    assert dict(found) == pytest.approx(expected)


# validation


def test_dev_f1_counts_entities_of_all_queries_exactly():
    several = queries("single_term", ["1", "2"])
    proteins, nothing = several[0], [Answer("Answer: []", False)]
    wrong = [Answer('Answer: ["lymphocytes"]', False)]
    engine = Scripted(gold_answers(proteins), wrong, nothing, nothing)
    assert dev_f1(engine, several, SETTINGS) == 2 * 2 / (3 + 6)
    assert dev_f1(Scripted(*map(gold_answers, several)), several, SETTINGS) == 1.0
    assert dev_f1(Scripted(*[nothing] * 4), several, SETTINGS) == 0.0


# the script


SCRIPT = ROOT / "workflow/scripts/predict.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def arguments(folder, model, written, settings=SETTINGS):
    """Write the queries and return what the script is called with."""
    write_rows(folder / "test.parquet", map(as_row, written), CONVERSATIONS)
    return [
        *(f"--model={model}", f"--queries={folder / 'test.parquet'}", "--seed=1", "--threads=1"),
        *(f"--settings={settings.dump()}", f"--checkpoints={folder / 'checkpoints'}"),
        f"--out={folder / 'out.parquet'}",
    ]


def call(*arguments):
    """Call the script in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["predict.py", *arguments])
        runpy.run_path(str(SCRIPT), run_name="__main__")


def test_the_script_writes_rows_and_counts_problems(tmp_path, model):
    call(*arguments(tmp_path, model, queries("single_term")))
    [row] = read_rows(tmp_path / "out.parquet", PREDICTIONS)
    assert len(row["answers"]) == 2
    assert row["prompt"] == prompt_hash(queries("single_term"))
    kinds = [problem["kind"] for problem in row["problems"]]
    counted = read_card(tmp_path / "out.parquet")["problems"]
    assert kinds
    assert counted == {kind: kinds.count(kind) for kind in kinds}
    assert not list((tmp_path / "checkpoints").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("written", "there", "settings", "message"),
    [
        ([], True, SETTINGS, "There are no test sentences to answer"),
        (queries("multi_term"), False, SETTINGS, "There is no model in .*nowhere"),
        (
            queries("multi_term", ["1", "2"]),
            True,
            PredictSettings(max_new_tokens=1024),
            "2 of 2 conversations may not fit into the model's context of 1024 tokens.*"
            "lower predict.max_new_tokens",
        ),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(
    tmp_path, model, written, there, settings, message
):
    folder = model if there else tmp_path / "nowhere"
    with pytest.raises(SystemExit, match=f"error: {message}"):
        call(*arguments(tmp_path, folder, written, settings))
    assert not (tmp_path / "out.parquet").exists()


def test_a_prediction_that_is_killed_ends_as_one_that_nothing_disturbed(tmp_path, model):
    written = queries("single_term", [str(n) for n in range(96)])
    settings = PredictSettings(max_new_tokens=8, batch_size=1)
    folders = [tmp_path / "undisturbed", tmp_path / "killed"]
    undisturbed, killed = (arguments(folder, model, written, settings) for folder in folders)
    begun = time.monotonic()
    assert finished(started(undisturbed))
    seconds = time.monotonic() - begun
    rng = random.Random(1)
    kept = []
    for n in range(10):
        process = started(killed)
        there = len(shards(folders[1]))
        while n % 3 == 0 and len(shards(folders[1])) == there:
            time.sleep(0.01)
        process.join(rng.uniform(0, seconds / 30))
        process.kill()
        process.join()
        kept.append(len(shards(folders[1])))
    assert 0 < kept[0] < kept[-1]
    assert kept == sorted(kept)
    assert finished(started(killed))
    for name in ("out.parquet", "out.json"):
        assert (folders[1] / name).read_bytes() == (folders[0] / name).read_bytes()


def test_several_jobs_answer_what_one_job_answers(tmp_path, model, monkeypatch):
    monkeypatch.setattr(predict_module, "SHARD_BATCHES", 1)
    written = queries("single_term", [str(n) for n in range(7)])
    call(*arguments(tmp_path, model, written))
    shares = [tmp_path / "parts" / f"{n}of5.parquet" for n in range(1, 6)]
    for share in shares:
        call(*arguments(tmp_path, model, written), f"--share={share.stem}", f"--out={share}")
    assert [read_card(share)["rows"] for share in shares] == [0, 2, 2, 2, 1]
    gather(shares, tmp_path / "gathered.parquet")
    one, several = (tmp_path / f"{name}.parquet" for name in ("out", "gathered"))
    assert read_rows(several, PREDICTIONS) == read_rows(one, PREDICTIONS)
    assert read_card(several)["problems"] == read_card(one)["problems"]


def started(arguments):
    """Start the script in a process of its own."""
    process = Process(target=call, args=arguments)
    process.start()
    return process


def finished(process):
    process.join(120)
    return process.exitcode == 0


def shards(folder):
    """Return the whole shards: a kill between the rows and their record leaves rows alone."""
    found = folder.glob("checkpoints/*/*/[0-9]*.parquet")
    return [path for path in found if path.with_suffix(".json").is_file()]
