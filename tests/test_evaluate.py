"""Scores: hand-worked counts, independent scorers, intervals and tests by their definition."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bionerflow.data.schema import (
    CONVERSATIONS,
    ENTITIES,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate import conventions, evaluate
from bionerflow.evaluate.match import error_classes, kinds, overlaps
from bionerflow.evaluate.mentions import PROBLEMS, Mentions, Sample, read_mentions
from bionerflow.evaluate.scores import COUNTS, judge, record
from bionerflow.evaluate.statistics import interval, prf, randomisation_test
from bionerflow.utils.errors import UserError

TEXT = "breast and ovarian cancer in rats with BRCA1 loss"
OVARIAN = Entity.at("disease", [(11, 25)], TEXT)
BREAST = Entity.at("disease", [(0, 6), (19, 25)], TEXT)
CANCER = Entity.at("disease", [(19, 25)], TEXT)
RATS = Entity.at("species", [(29, 33)], TEXT)
BRCA1 = Entity.at("gene", [(39, 44)], TEXT)


def mentions(*sides: list[list[Entity]]) -> list[Mentions]:
    """Read sides, each a list of sentences, each a list of entities."""
    rows = [[list(map(entity_row, sentence)) for sentence in side] for side in sides]
    return list(read_mentions(*(pa.array(side, ENTITIES) for side in rows)))


class Files:
    """Writes gold, training mentions and predictions, and evaluates them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.rows: list[dict] = []
        self.train([])

    def gold(self, corpus: str, *examples: Example) -> None:
        write_examples(self.folder / corpus / "test.parquet", examples)

    def train(self, entities: list[Entity]) -> None:
        row = {"entities": [entity_row(entity) for entity in entities]}
        write_rows(self.folder / "train.parquet", [row], CONVERSATIONS)

    def predict(self, corpus, format, id, entities, problems=()):
        row = {"corpus": corpus, "format": format, "id": id, "answers": [""]}
        row["entities"] = [entity_row(entity) for entity in entities]
        row["problems"] = [{"kind": kind, "detail": "…"} for kind in problems]
        self.rows.append(row)

    def scores(self) -> dict:
        path = self.folder / "run.parquet"
        write_rows(path, self.rows, PREDICTIONS)
        result = evaluate(path, self.folder, self.folder / "train.parquet")
        assert result["predictions"] == "run"
        return {(s["corpus"], s["format"]): s for s in result["scores"]}


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def example(id: str, entities: list[Entity], doc: str = "d", text: str = TEXT) -> Example:
    return Example(id, doc, "en", text, tuple(entities))


def test_counts_are_those_worked_by_hand(files):
    files.gold("c", example("1", [OVARIAN, BREAST, RATS, BRCA1]), example("2", [RATS], doc="e"))
    files.train([Entity("x", (), "RATS")])
    wrong_type = Entity.at("gene", [(29, 33)], TEXT)
    files.predict("c", "f", "1", [CANCER, BREAST, BREAST, wrong_type])
    files.predict("c", "f", "2", [], ["malformed", "not_in_text"])
    score = files.scores()["c", "f"]
    assert score["n"] == {"sentences": 2, "documents": 2, "gold": 5, "predicted": 3, "correct": 1}
    assert score["strict"]["precision"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    assert score["strict"]["recall"]["value"] == pytest.approx(1 / 5)
    assert score["strict"]["f1"]["value"] == pytest.approx(2 / 8)
    assert score["types"]["disease"] == {
        "correct": 1, "gold": 2, "predicted": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5
    }  # fmt: skip
    assert score["types"]["species"]["recall"] == 0
    assert score["types"]["species"]["precision"] is None
    assert score["kinds"]["discontinuous"]["f1"] == 1
    assert score["kinds"]["plain"] == {"correct": 0, "gold": 4, "recall": 0}
    assert score["kinds"]["nested"]["recall"] is None
    assert score["seen"] == {"correct": 0, "gold": 2, "recall": 0}
    assert score["unseen"] == {"correct": 1, "gold": 3, "recall": pytest.approx(1 / 3, abs=1e-6)}
    assert score["errors"] == {
        "type": 1, "span": 1, "type_and_span": 0, "spurious": 0, "missing": 2
    }  # fmt: skip
    assert score["problems"] == {
        "unparsable": 1, "malformed": 1, "unknown_type": 0, "not_in_text": 1, "ambiguous": 0,
        "truncated": 0,
    }  # fmt: skip


def test_a_malformed_answer_that_gave_an_entity_is_not_unparsable(files):
    files.gold("c", example("1", [RATS]))
    files.predict("c", "f", "1", [RATS], ["malformed"])
    assert files.scores()["c", "f"]["problems"]["unparsable"] == 0


@pytest.mark.parametrize(("gold", "found"), [([RATS], []), ([], [RATS]), ([], [])])
def test_nothing_to_find_or_nothing_found_is_scored_too(files, gold, found):
    files.gold("c", example("1", gold))
    files.predict("c", "f", "1", found)
    strict = files.scores()["c", "f"]["strict"]
    assert strict["precision"]["value"] == (0 if found else None)
    assert strict["recall"]["value"] == (0 if gold else None)
    assert strict["f1"]["value"] == (0 if gold or found else None)


def test_surface_sets_forgive_the_place_but_not_the_type(files):
    text = "p53 and p53"
    first, second = (Entity.at("gene", [span], text) for span in ((0, 3), (8, 11)))
    files.gold("c", example("1", [first], text=text))
    files.predict("c", "f", "1", [second])
    score = files.scores()["c", "f"]
    assert score["n"]["correct"] == 0
    assert score["surface"]["f1"] == 1


def test_pooling_adds_counts_over_formats_and_corpora(files):
    files.gold("a", example("1", [RATS]))
    files.gold("b", example("1", [BRCA1, CANCER]))
    for format, right in (("f", [RATS]), ("g", [])):
        files.predict("a", format, "1", right)
        files.predict("b", format, "1", [BRCA1])
    scores = files.scores()
    expected = {("a", "f"): 1, ("a", "g"): 0, ("a", None): 1, ("b", "f"): 1, ("b", "g"): 1}
    expected |= {("b", None): 2, (None, "f"): 2, (None, "g"): 1, (None, None): 3}
    assert {name: score["n"]["correct"] for name, score in scores.items()} == expected
    assert scores[None, None]["n"]["gold"] == 6
    assert scores[None, None]["n"]["documents"] == 2


def test_two_entities_nested_in_each_other_are_nested_and_a_gap_holds_none():
    lymphocytes = "activated lymphocytes"
    outer, inner = (Entity.at("cell", [span], lymphocytes) for span in ((0, 21), (10, 21)))
    nested, gap = mentions([[outer, inner]], [[BREAST, OVARIAN, RATS]])
    assert kinds(nested).tolist() == ["nested", "nested"]
    assert kinds(gap).tolist() == ["discontinuous", "plain", "plain"]


def test_error_classes_by_their_definition():
    spans = [(29, 33), (26, 33), (34, 38)]
    found = [OVARIAN, CANCER, *(Entity.at("gene", [span], TEXT) for span in spans)]
    gold, predicted = mentions([[OVARIAN, RATS], [BRCA1]], [found, []])
    missing, wrong = error_classes(gold, predicted, overlaps(predicted, gold))
    assert wrong.tolist() == ["", "span", "type", "type_and_span", "spurious"]
    assert missing.tolist() == ["", "", "missing"]


def test_order_of_predictions_never_matters(files):
    entities = [OVARIAN, BREAST, CANCER, RATS, BRCA1]
    files.gold("c", example("1", entities))
    files.predict("c", "f", "1", entities[::-1])
    assert files.scores()["c", "f"]["strict"]["f1"] == {"value": 1, "low": 1, "high": 1}


def surface(*strings: str, type: str = "gene") -> list[Entity]:
    """Return mentions of these strings, in places of their own."""
    text, found = " ".join(strings), []
    for string in strings:
        start = found[-1].end + 1 if found else 0
        found.append(Entity.at(type, [(start, start + len(string))], text))
    return found


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        pytest.param(
            surface("IL-2", "p53"), surface("The IL2", "P53", "p-53"), {
                "uniner": (2, 2, 2), "instructuie": (1, 2, 3), "gollie": (1, 2, 3),
                "iepile": (0, 2, 3),
            }, id="normalised strings",
        ),
        pytest.param(
            surface("[3H]thymidine", "IL-2"), surface("IL-2"), {
                "uniner": (0, 0, 1), "instructuie": (1, 2, 1), "gollie": (1, 2, 1),
                "iepile": (1, 2, 1),
            }, id="a bracket empties a list",
        ),
        pytest.param(
            surface("p53", "p53"), surface("p53", "p53", "p53"), {
                "uniner": (1, 1, 1), "instructuie": (1, 1, 1), "gollie": (2, 2, 3),
                "iepile": (2, 2, 3),
            }, id="sets and multisets",
        ),
        pytest.param(
            [], [], {
                "uniner": (0, 0, 0), "instructuie": (1, 1, 1), "gollie": (0, 0, 0),
                "iepile": (0, 0, 0),
            }, id="none for none",
        ),
        pytest.param(
            surface("p53"), [], {
                "uniner": (0, 1, 0), "instructuie": (0, 1, 1), "gollie": (0, 1, 0),
                "iepile": (0, 1, 0),
            }, id="none for one",
        ),
    ],
)  # fmt: skip
def test_other_conventions_are_those_worked_by_hand(gold, predicted, expected):
    found = conventions.counts(*mentions([[], gold], [[], predicted]), 2)
    assert {name: tuple(counts[1].tolist()) for name, counts in found.items()} == expected
    assert found["instructuie"][0].tolist() == [1, 1, 1]


def test_iepile_takes_f1_of_rounded_precision_and_recall():
    scores = conventions.rounded(1, 3, 7)
    assert (scores["precision"], scores["recall"]) == (0.1429, 0.3333)
    assert scores["f1"] == pytest.approx(0.2000, abs=1e-9)
    assert np.isnan(conventions.rounded(0, 0, 0)["f1"])


def test_seqeval_sees_whole_tokens_of_what_tags_can_hold(files):
    """Tags hold `ovarian cancer` and `rats` of the gold: no inner mention, no split one. `rat` is
    the token `rats`; `cancer` alone is another span, `loss` a third prediction."""
    files.gold("c", example("1", [OVARIAN, CANCER, BREAST, RATS]))
    found = [CANCER, *(Entity.at("species", [span], TEXT) for span in ((29, 32), (45, 49)))]
    files.predict("c", "f", "1", found)
    score = files.scores()["c", "f"]
    counts = {count: score["conventions"]["seqeval"][count] for count in COUNTS}
    assert counts == {"correct": 1, "gold": 2, "predicted": 3}
    assert score["n"]["correct"] == 1  # the inner `cancer`, which tags cannot hold


def test_of_mentions_that_overlap_tags_hold_the_first_then_the_longest(files):
    """`breast and ovarian` is kept, so that `ovarian cancer` is not, so that `cancer` is."""
    spans = [(0, 18), (0, 6), (11, 25), (19, 25)]
    files.gold("c", example("1", [Entity.at("disease", [span], TEXT) for span in spans]))
    files.predict("c", "f", "1", [Entity.at("disease", [span], TEXT) for span in spans[1:]])
    found = files.scores()["c", "f"]["conventions"]["seqeval"]
    assert (found["gold"], found["predicted"], found["correct"]) == (2, 2, 0)


def test_semeval_gives_half_a_point_for_a_wrong_boundary_and_matches_gold_once(files):
    """Gold: disease 11-25, species 29-33, gene 39-44. Predicted: the first cut in two parts of its
    type (half a point, nothing), the second with another type (a point), a spurious one."""
    halves = [Entity.at("disease", [span], TEXT) for span in ((11, 18), (19, 25))]
    wrong = Entity.at("gene", [(29, 33)], TEXT)
    files.gold("c", example("1", [OVARIAN, RATS, BRCA1]))
    files.predict("c", "f", "1", [*halves, wrong, Entity.at("gene", [(45, 49)], TEXT)])
    scores = files.scores()["c", "f"]["conventions"]
    counts = {name: tuple(scores[name][count] for count in COUNTS) for name in ("partial", "type")}
    assert counts == {"partial": (1.5, 3, 4), "type": (1, 3, 4)}
    assert scores["partial"]["precision"] == 0.375
    assert scores["partial"]["recall"] == 0.5


def test_perfect_predictions_score_one_in_every_convention(files):
    files.gold("c", example("1", [OVARIAN, BREAST, CANCER, RATS, BRCA1]), example("2", []))
    files.predict("c", "f", "1", [RATS, CANCER, BRCA1, BREAST, OVARIAN])
    files.predict("c", "f", "2", [])
    score = files.scores()["c", "f"]
    assert {name: s["f1"] for name, s in score["conventions"].items()} == dict.fromkeys(
        conventions.NAMES, 1
    )
    ones = {"precision": 1, "recall": 1, "f1": 1}
    assert score["relaxed"] == {"touching": 5, "touched": 5} | ones


def test_relaxed_asks_for_overlap_of_the_same_type(files):
    files.gold("c", example("1", [OVARIAN, RATS, BRCA1]))
    files.predict("c", "f", "1", [CANCER, Entity.at("gene", [(29, 33)], TEXT)])
    relaxed = files.scores()["c", "f"]["relaxed"]
    assert relaxed["precision"] == 0.5
    assert relaxed["recall"] == pytest.approx(1 / 3, abs=1e-6)
    assert relaxed["f1"] == 0.4


@pytest.mark.parametrize(
    ("text", "right", "found", "tokens"),
    [
        ("activated T lymphocytes", (12, 23), (0, 23), 2),
        ("activated T lymphocytes", (0, 23), (10, 18), 1),
        ("activated T lymphocytes", (12, 23), (12, 18), 0),
        ("CD4-positive", (0, 3), (0, 12), 2),
        ("急性肺炎链球菌", (2, 4), (0, 7), 5),
    ],
)
def test_boundary_errors_are_measured_in_tokens(files, text, right, found, tokens):
    files.gold("c", example("1", [Entity.at("x", [right], text)], text=text))
    files.predict("c", "f", "1", [Entity.at("x", [found], text)])
    record = files.scores()["c", "f"]
    shift = max(found[0] - right[0], -5)
    assert {n: count for n, count in record["shifts"].items() if count} == {str(min(shift, 5)): 1}
    counts = record["deviations"]
    assert counts == {**dict.fromkeys("01234", 0), "5+": 0, str(tokens).replace("5", "5+"): 1}


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([("f", "9")], "not in gold, such as '9' of c"),
        ([("f", "1"), ("f", "1")], "'1' of c is predicted twice as f"),
        ([("f", "1"), ("g", "1"), ("f", "2")], "different sentences"),
    ],
)
def test_a_test_sample_that_is_not_one_is_refused(files, ids, message):
    files.gold("c", example("1", []), example("2", []))
    for format, id in ids:
        files.predict("c", format, id, [])
    with pytest.raises(UserError, match=message):
        files.scores()


def test_interval_is_that_of_drawing_documents_one_by_one():
    rng = np.random.default_rng(0)
    gold = rng.integers(1, 6, 80)
    predicted = rng.integers(1, 6, 80)
    counts = np.stack([rng.integers(0, np.minimum(gold, predicted) + 1), gold, predicted], axis=1)
    plain = [counts[rng.integers(0, 80, 80)].sum(axis=0) for _ in range(4000)]
    expected = np.percentile([prf(*row)["f1"] for row in plain], [2.5, 97.5])
    assert interval(counts, resamples=4000)["f1"] == pytest.approx(expected, abs=0.01)
    assert interval(counts) == interval(counts[::-1])


def test_randomisation_test_equals_full_enumeration():
    first = np.array([[3, 4, 4], [2, 2, 3], [1, 3, 2], [4, 4, 4]])
    second = np.array([[1, 4, 3], [2, 2, 2], [0, 3, 3], [2, 4, 4]])
    observed = prf(*first.sum(0))["f1"] - prf(*second.sum(0))["f1"]
    extreme = 0
    for mask in range(16):
        swap = np.array([mask >> i & 1 for i in range(4)], bool)[:, None]
        one, two = np.where(swap, second, first), np.where(swap, first, second)
        difference = prf(*one.sum(0))["f1"] - prf(*two.sum(0))["f1"]
        extreme += abs(difference) >= observed - 1e-12
    assert randomisation_test(first, second, 40000) == pytest.approx(extreme / 16, abs=0.01)
    assert randomisation_test(first, first) == 1


BRACKETS = "The [3H]-IL-2 and the IL 2, a p53 [药剂] p53"
places = st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda one: (one[0], sum(one)))
mention = st.builds(
    lambda type, spans: Entity.at(type, spans, BRACKETS),
    st.sampled_from("AB"),
    st.lists(places, min_size=1, max_size=2, unique=True).filter(
        lambda spans: len(spans) == 1 or max(spans)[0] > min(spans)[1]
    ),
)


def scored(gold: list[list[Entity]], predicted: list[list[Entity]]) -> dict:
    """Score sentences of one text, a document each."""
    names = [str(n) for n in range(len(gold))]
    sentences = pd.DataFrame({"corpus": "c", "format": "f", "id": names, "document": names})
    sentences = sentences.assign(text=BRACKETS, **dict.fromkeys(PROBLEMS, 0))
    return record(judge(Sample(sentences, *mentions(gold, predicted)), {}))


@given(st.lists(st.lists(mention, max_size=4), min_size=2, max_size=2), st.data())
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_order_never_matters_and_a_wrong_entity_never_raises_precision(gold, data):
    found = data.draw(st.lists(st.lists(mention, max_size=4), min_size=2, max_size=2))
    wrong = data.draw(mention.filter(lambda one: one not in gold[0]))
    before, after = scored(gold, found), scored(gold, [[*found[0], wrong], found[1]])
    turned = [data.draw(st.permutations(sentence)) for sentence in found]
    assert scored(gold, turned) == before
    assert after["strict"]["recall"] == before["strict"]["recall"]
    if any(found):
        assert after["strict"]["precision"]["value"] <= before["strict"]["precision"]["value"]


@given(st.lists(st.lists(mention, max_size=5), min_size=2, max_size=2))
@settings(max_examples=25, deadline=None)
def test_perfect_predictions_score_one_wherever_there_is_something_to_score(gold):
    score = scored(gold, [sentence[::-1] for sentence in gold])
    found = {name: one["f1"] for name, one in score["conventions"].items()}
    assert set(found) == set(conventions.NAMES)
    nothing = {name for name, one in score["conventions"].items() if one["gold"] == 0}
    assert found == {name: None if name in nothing else 1 for name in found}
    if any(gold):
        assert nothing <= {"uniner", "seqeval"}  # lists that hold `]`, mentions with a gap
        assert [score[name]["f1"] for name in ("surface", "relaxed")] == [1, 1]
        assert score["strict"]["f1"]["value"] == 1
        assert sum(score["errors"].values()) == 0


def test_recall_is_told_of_concepts_that_training_has_and_has_not(files):
    cancer, other = (replace(OVARIAN, identifiers=ids) for ids in (("D1", "D2"), ("D9",)))
    files.gold(
        "c", example("1", [cancer, replace(RATS, identifiers=("T1",))]), example("2", [RATS])
    )
    files.predict("c", "f", "1", [OVARIAN])
    files.predict("c", "f", "2", [RATS])
    shown = [example("7", [replace(BREAST, identifiers=("D2",))]), example("8", [other])]
    write_examples(files.folder / "c" / "train.parquet", shown)
    row = {"corpus": "c", "id": "7", "entities": [entity_row(BREAST)]}
    write_rows(files.folder / "train.parquet", [row], CONVERSATIONS)
    score = files.scores()["c", "f"]
    assert score["seen_concepts"] == {"correct": 1, "gold": 1, "recall": 1}
    assert score["unseen_concepts"] == {"correct": 0, "gold": 1, "recall": 0}
    files.gold("d", example("1", [RATS]))
    files.rows = []
    files.predict("d", "f", "1", [RATS])
    assert "seen_concepts" not in files.scores()["d", "f"]
