"""Baselines: a dictionary, a token classifier, predictions of other programs."""

import json
import random
from pathlib import Path

import pytest
from seqeval.metrics.sequence_labeling import get_entities
from tiny import tiny_encoder

from bionerflow.baselines.dictionary import Dictionary
from bionerflow.baselines.external import External
from bionerflow.baselines.system import check_queries, load, rows
from bionerflow.baselines.tagging import chunks, gold_layers, layers_of, mentions
from bionerflow.baselines.token_classification import TokenClassifier
from bionerflow.baselines.token_training import dataset, seqeval_f1, train
from bionerflow.config.stages import TrainSettings
from bionerflow.config.workflow import FootprintSettings
from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    write_examples,
    write_rows,
)
from bionerflow.evaluate import evaluate
from bionerflow.formats import FORMATS
from bionerflow.formats.prompts import Asking
from bionerflow.formats.queries import Asked, asked
from bionerflow.formats.render import render
from bionerflow.tables.cost import per_sentence
from bionerflow.utils.errors import UserError

SETTINGS = TrainSettings(
    num_train_epochs=3,
    learning_rate=5e-3,
    effective_batch_size=8,
    validations_per_epoch=1,
    bf16=False,
)
TYPES = ("Disease", "Drug")


def query(text: str, *mentions: tuple, types=TYPES, id="1") -> Asked:
    """Return the query of a sentence whose mentions are given as type and string or spans."""
    entities = []
    for type, place in mentions:
        start = text.index(place) if isinstance(place, str) else 0
        spans = [(start, start + len(place))] if isinstance(place, str) else place
        entities.append(Entity.at(type, spans, text))
    return Asked("made", "multi_bio", id, types, text, tuple(entities), ())


def found(dictionary: Dictionary, text: str, types=TYPES) -> list[tuple[str, str, int]]:
    return [(one.type, one.text, one.start) for one in dictionary.find(text, types)]


def test_a_dictionary_takes_the_longest_match_between_words(tmp_path):
    training = [
        query("breast cancer and cancer", ("Disease", "breast cancer"), ("Disease", "cancer")),
        query("lead (Pb) is a drug", ("Drug", "lead (Pb)"), ("Drug", "lead")),
        query("lead disease", ("Disease", "lead"), ("Disease", [(0, 4), (5, 12)])),
        query("lead", ("Disease", "lead")),
    ]
    Dictionary.of(training).save(tmp_path)
    dictionary = load("dictionary", tmp_path)
    text = "Breast cancer, breast cancers, cancer; lead (Pb) or lead-Pb in a cancer."
    assert found(dictionary, text) == [
        ("Disease", "cancer", 7),
        ("Disease", "cancer", 31),
        ("Drug", "lead (Pb)", 39),
        ("Disease", "lead", 52),  # twice as Disease, once as Drug
        ("Disease", "cancer", 65),
    ]
    assert found(dictionary, "lead cancer", ("Drug",)) == [("Drug", "lead", 0)]
    assert found(dictionary, "") == []


def test_a_dictionary_reads_chinese():
    dictionary = Dictionary.of([query("患者高血压", ("Disease", "高血压"))])
    assert found(dictionary, "有高血压病史") == [("Disease", "高血压", 1)]


def test_a_baseline_gives_rows_of_the_predictions_schema(tmp_path):
    dictionary = Dictionary.of([query("ataxia", ("Disease", "ataxia"))])
    table = list(rows(dictionary, [query("an ataxia", id="a"), query("nothing", id="b")]))
    write_rows(tmp_path / "p.parquet", table, PREDICTIONS)
    assert [(row["id"], [e["text"] for e in row["entities"]]) for row in table] == [
        ("a", ["ataxia"]),
        ("b", []),
    ]


def test_formats_with_one_type_per_query_are_refused():
    with pytest.raises(UserError, match="one type at a time"):
        check_queries([query("x", types=("Drug",)), query("x", types=("Disease",))])


def test_chunks_are_those_of_seqeval():
    draw = random.Random(1)
    for _ in range(300):
        tags = draw.choices(["O", "B-a", "I-a", "B-b", "I-b"], k=draw.randint(0, 8))
        expected = [(name, first, last + 1) for name, first, last in get_entities(tags)]
        assert list(chunks(tags)) == expected


def test_nested_mentions_come_back_from_layers():
    text = "human IL-2 gene promoter, x"
    nested = [("DNA", "human IL-2 gene promoter"), ("DNA", "IL-2 gene"), ("protein", "IL-2")]
    asks = query(text, *nested, ("DNA", [(0, 5), (11, 15)]), types=("DNA", "protein"))
    places, layers = gold_layers(asks)
    assert len(layers) == 3
    back = [one for one, *_ in mentions(layers_of(layers, 3), places, text, asks.types)]
    assert back == [one for one in asks.entities if len(one.spans) == 1]
    assert len(list(mentions(layers_of(layers, 1), places, text, asks.types))) == 1


def made(count: int) -> list[Example]:
    """Return flat sentences in which a word after "has" is a Disease and after "takes" a Drug."""
    draw, examples = random.Random(2), []
    names = {"Disease": ["ataxia", "lead fever", "gout"], "Drug": ["lead", "aspirin", "gold salt"]}
    for n in range(count):
        type = draw.choice(list(names))
        mention = draw.choice(names[type])
        text = f"Case {n}: he {'has' if type == 'Disease' else 'takes'} {mention}, she not."
        start = text.index(mention)
        entity = Entity.at(type, [(start, start + len(mention))], text)
        examples.append(Example(f"{n}:0", str(n), "en", text, (entity,)))
    return examples


@pytest.fixture(scope="module")
def conversations(tmp_path_factory) -> Path:
    """Return a folder with gold examples and their rendered queries."""
    folder, examples = tmp_path_factory.mktemp("made"), made(60)
    asking = Asking("Made", "en", TYPES, {})
    table = render(examples, "made", asking, FORMATS["multi_bio"])
    write_rows(folder / "train.parquet", table, CONVERSATIONS)
    write_examples(folder / "made" / "test.parquet", examples)
    return folder


@pytest.fixture(scope="module")
def trained(conversations, tmp_path_factory):
    """Return a trained token classifier of a tiny encoder, its sentences, and what it recorded."""
    folder = tmp_path_factory.mktemp("trained")
    asking = Asking("Made", "en", TYPES, {})
    queries = list(asked(render(made(60), "made", asking, FORMATS["multi_bio"])))
    base = tiny_encoder(folder / "base")
    classifier, recorded = train(base, queries, queries[:20], SETTINGS, folder / "checkpoints", 1)
    classifier.save(folder / "model")
    return load("token_classification", folder / "model"), queries, recorded


def test_seqeval_and_our_scorer_give_the_same_f1(trained, conversations, tmp_path):
    classifier, queries, _ = trained
    write_rows(tmp_path / "run.parquet", rows(classifier, queries), PREDICTIONS)
    scores = evaluate(tmp_path / "run.parquet", conversations, conversations / "train.parquet")
    ours = scores["scores"][-1]
    expected = seqeval_f1(classifier, queries)
    assert 0.2 < expected < 1  # it has learned something, and still errs
    assert ours["strict"]["f1"]["value"] == pytest.approx(expected, abs=1e-6)
    assert ours["n"]["gold"] == len(queries)


def test_a_training_records_its_curve_and_keeps_the_best(trained):
    classifier, queries, recorded = trained
    validated = [entry["eval_f1"] for entry in recorded["curve"] if "eval_f1" in entry]
    assert len(validated) == 3
    assert recorded["dev_f1"] == max(validated)
    assert seqeval_f1(classifier, queries[:20]) == pytest.approx(max(validated))
    assert recorded["layers"] == 1
    assert recorded["settings"]["metric"] == "F1 by seqeval"


def test_a_saved_classifier_is_an_ordinary_model(trained):
    classifier, queries, _ = trained
    assert classifier.model.config.id2label[1] == "B-Disease"
    confident = [c for answer in classifier.answer(queries) for _, c in answer]
    assert all(0 < confidence <= 1 for confidence in confident)


def test_only_types_that_are_asked_for_are_found(trained):
    classifier, queries, _ = trained
    asks = [query(one.text, types=("Drug",)) for one in queries]
    types = {entity.type for answer in classifier.answer(asks) for entity, _ in answer}
    assert types == {"Drug"}


def test_a_long_sentence_is_read_in_parts_and_left_out_of_training(trained):
    classifier = trained[0]
    text = " ".join(["he has gout,"] * 200)
    long = query(text)
    pieces = classifier.pieces([long])
    assert len(pieces) > 1
    assert max(len(piece.ids) for piece in pieces) <= classifier.limit
    assert [n for piece in pieces for n in piece.words] == list(range(800))
    assert len(next(classifier.answer([long]))) > 100
    assert dataset(classifier, [long, query("short")], 10**6).too_long == 1


def test_layers_have_logits_of_their_own(tmp_path):
    text = "human IL-2 gene"
    asks = query(text, ("DNA", text), ("protein", "IL-2"), types=("DNA", "protein"))
    classifier = TokenClassifier.untrained(tiny_encoder(tmp_path), [asks])
    assert (classifier.layers, classifier.model.config.num_labels) == (2, 10)
    assert classifier.model.config.id2label[6] == "2:B-DNA"
    assert [len(layer) for layer in classifier.tag([asks])[0].tags] == [5, 5]


def predictions(folder: Path, *lines: object) -> Path:
    """Write a file of predictions; return its path."""
    file = folder / "theirs.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(texts), encoding="utf-8")
    return file


def sentence(id: str, *entities: dict) -> dict:
    return {"corpus": "made", "id": id, "entities": list(entities)}


def test_predictions_of_other_programs_are_taken_in(tmp_path):
    text = "breast and ovarian cancer"
    fragments = {"type": "Disease", "spans": [[19, 25], [0, 6]], "confidence": 0.5}
    file = predictions(tmp_path, sentence("1", fragments), "", sentence("2"), sentence("3"))
    External.read(file).save(tmp_path / "model")
    taken = load("predictions", tmp_path / "model")
    one, two = taken.answer([query(text), query("x", id="2")])
    assert one == [(Entity.at("Disease", [(0, 6), (19, 25)], text), 0.5)]
    assert two == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "theirs.jsonl:1: this is not JSON"),
        ({"id": "1", "entities": []}, "theirs.jsonl:1: 'corpus'"),
        (sentence("2"), "lacks 1 of 1 test sentences, the first of which is made '1'"),
        (sentence("1", {"type": "Gene", "spans": [[0, 1]]}), "'Gene' is none of Disease, Drug"),
        (sentence("1", {"type": "Drug", "spans": [[0, 9]]}), "which has 4 characters"),
        (sentence("1", {"type": "Drug", "spans": [[2, 2]]}), "must not be empty"),
        (sentence("1", {"type": "Drug", "spans": [[0, 3], [2, 4]]}), "overlap"),
        (sentence("1", {"type": "Drug", "spans": [[-1, 3]]}), "spans.0.0"),
    ],
)
def test_faults_of_a_file_of_predictions_are_told(tmp_path, line, said):
    with pytest.raises(UserError, match=said.replace("[", r"\[")):
        list(External.read(predictions(tmp_path, line)).answer([query("text")]))


def test_a_sentence_twice_is_a_fault(tmp_path):
    with pytest.raises(UserError, match="made has the sentence '1' twice"):
        External.read(predictions(tmp_path, sentence("1"), sentence("1")))


def test_costs_are_per_sentence():
    machine = {"processes": 1, "threads": 2, "gpu": None, "peak_memory_mb": 0}
    spent = {"seconds": 36.0, "sentences": 10, "usage": {"cost": 0.5}, "environment": machine}
    constants = FootprintSettings(core_watts=10, overhead=1)
    found = per_sentence(spent, 22e6, constants)
    assert found == {
        "seconds_per_sentence": 3.6,
        "wh_per_sentence": pytest.approx(3.6 / 3600 * 20),
        "price_per_sentence": 0.05,
        "million_parameters": 22,
    }
    assert per_sentence(None, 0, constants)["seconds_per_sentence"] is None
