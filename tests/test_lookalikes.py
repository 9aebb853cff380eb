"""Look-alike characters: counted from the answer to the card, switched by a setting."""

from argparse import Namespace
from collections import Counter

import pyarrow as pa
import pytest

from bionerflow.annotate.chunks import chunks, keep, kept
from bionerflow.annotate.model import changed
from bionerflow.annotate.passages import Answered, Mention, Passage
from bionerflow.annotate.summary import Summary
from bionerflow.annotate.zero_shot import SETTINGS
from bionerflow.cli import annotate as command
from bionerflow.config.stages import PredictSettings
from bionerflow.data.datasets import predictions_dataset
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Turn,
    read_rows,
    write_rows,
    write_table,
)
from bionerflow.formats.lookalikes import Folded, alike, folded
from bionerflow.formats.queries import Asked
from bionerflow.inference.engines.base import Answer
from bionerflow.inference.predict import predict, read_answers

TEXT = "Crohn’s disease and 40 µg"
FOUND = Entity.at("Disease", [(0, 15)], TEXT)
ASKED = Asked("c", "uniner", "1", ("Disease",), TEXT, (), (Turn("user", "?"),), 0)


class Engine:
    """Says one answer to all that it is asked."""

    tokenizer, label, usage = None, "stub", Counter()

    def check(self, conversations, max_new_tokens):
        pass

    def answer(
        self, conversations, max_new_tokens, batch_size, done=lambda _: None, constraint=None
    ):
        return ([Answer('["Crohn\'s disease"]', False)] for _ in conversations)


def test_an_answer_says_how_many_were_found_by_look_alikes():
    said = [(ASKED, [Answer('["Crohn\'s disease", "40 μg"]', False)])]
    entities, problems, lookalikes = read_answers(None, said)
    assert (entities[0][0], problems, lookalikes) == (FOUND, [], 2)
    entities, problems, lookalikes = read_answers(None, said, lookalikes=False)
    assert (entities, [problem.kind for problem in problems]) == ([], ["not_in_text"] * 2)
    assert lookalikes == 0


def test_predictions_have_the_number_and_the_setting_switches_it(tmp_path):
    rows = [
        next(iter(predict(Engine(), [ASKED], PredictSettings(lookalikes=on), tmp_path / str(on))))
        for on in (True, False)
    ]
    assert [(row["lookalikes"], len(row["entities"])) for row in rows] == [(1, 1), (0, 0)]
    write_rows(tmp_path / "p.parquet", rows, PREDICTIONS)
    assert [row["lookalikes"] for row in read_rows(tmp_path / "p.parquet", PREDICTIONS)] == [1, 0]
    assert predictions_dataset(tmp_path / "p.parquet")["test"]["lookalikes"][:] == [1, 0]


def test_files_of_earlier_versions_are_read(tmp_path):
    row = dict.fromkeys(PREDICTIONS.names) | {"corpus": "c", "id": "1", "entities": []}
    table = pa.Table.from_pylist([row], schema=PREDICTIONS).drop_columns(["lookalikes"])
    write_table(tmp_path / "old.parquet", table)
    [read] = read_rows(tmp_path / "old.parquet", PREDICTIONS)
    assert read["lookalikes"] is None
    assert predictions_dataset(tmp_path / "old.parquet")["test"][0]["lookalikes"] is None


class Finder:
    """Finds by look-alikes."""

    language, key = "en", "k"

    def fits(self, sentence):
        return True

    def __call__(self, sentences):
        return [Answered([Mention(Entity.at("A", [(0, 1)], s))], (), 1) for s in sentences]


def test_annotate_keeps_and_counts_them(tmp_path):
    [chunk] = chunks([Passage(0, "a", 0, "One is here. Two are there."), Passage(1, "b", 0, "x")])
    keep(tmp_path / "1.jsonl", chunk, Finder())
    summary = Summary()
    assert [one.lookalikes for one in summary.counting(kept([tmp_path / "1.jsonl"]))] == [2, 1]
    assert summary.card()["lookalikes"] == 3


def test_annotate_switches_them_off(monkeypatch):
    given = {}
    monkeypatch.setattr(
        "bionerflow.annotate.model.RunModel",
        lambda *its: given.update(settings=changed(SETTINGS, *its[5:])),
    )
    its = {"model": "m", "corpus": None, "format": None, "types": None, "definitions": None}
    its |= {"examples": None}
    its |= {"selector": None, "threshold": "0.5", "batch_size": None, "engine": None}
    for off, expected in ((False, False), (None, True)):
        command.annotator(Namespace(**its, engine_settings=None, lookalikes=off))
        assert given["settings"].lookalikes is expected


@pytest.mark.parametrize(
    ("one", "other"), [("ﬁx", "fix"), ("as\u200bpirin", "aspirin"), ("Å", "A\u030a"), ("α", "a")]
)
def test_a_folded_text_leads_back_to_its_own_offsets(one, other):
    text = Folded.of(f"- {one} c")
    assert alike(one, other)
    at = text.string.index(folded(other))
    assert text.span(at, at + len(folded(other))) == (2, 2 + len(one))
    assert text.place(2 + len(one)) == at + len(folded(other))


def test_half_of_a_ligature_is_no_place():
    text = Folded.of("ﬁx")
    assert text.span(0, 1) is None
    assert text.span(1, 3) is None
    assert text.span(0, 3) == (0, 2)
