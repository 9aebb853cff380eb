"""The synthetic sample: equal on every run, exact, unseen enough, and read back as it was drawn."""

import hashlib
import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from reading import read

from bionerflow.corpora.synthetic import generate, sample_corpora, write_raw
from bionerflow.corpora.synthetic.grammar import Draft, Grammar, alternatives, load_grammar
from bionerflow.corpora.synthetic.raw import GENIA_LEAVES, genia_marked, iob2_block
from bionerflow.data.schema import Entity, Example, Span
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, sha256

ROOT = Path(__file__).parent.parent
RESOURCES = ROOT / "resources" / "sample"
CORPORA = ["sample_discontinuous", "sample_flat", "sample_nested", "sample_zh"]
FILES = {
    "sample_flat": {"train.tsv", "devel.tsv", "test.tsv"},
    "sample_nested": {"corpus.xml"},
    "sample_discontinuous": {"brat.tar.gz"},
    "sample_zh": {"train.json", "dev.json", "test.json"},
}
READER_OF = {
    "sample_flat": "iob",
    "sample_nested": "genia",
    "sample_discontinuous": "brat",
    "sample_zh": "cmeee",
}

every_corpus = pytest.mark.parametrize("corpus", CORPORA)


@cache
def sample(corpus: str) -> dict[str, list[Example]]:
    return generate(corpus, RESOURCES, seed=1)


@pytest.fixture(scope="session")
def raw(tmp_path_factory):
    @cache
    def folder_of(corpus: str) -> Path:
        folder = tmp_path_factory.mktemp(corpus)
        write_raw(corpus, RESOURCES, 1, folder)
        return folder

    return folder_of


def mentions(examples):
    """Casefolded, so that a capital at the start of a sentence makes no mention unseen."""
    return [(e.type, e.text.casefold()) for example in examples for e in example.entities]


def drawn(rules: dict[str, str], seed: int = 0):
    """Draw a sentence from rules without lexicons."""
    parsed = {name: alternatives(lines) for name, lines in rules.items()}
    draft = Draft(Grammar("en", "brat", {}, parsed, {}, {}), {}, random.Random(seed))
    draft.draw("sentence")
    return draft.finish()


def test_the_corpora_are_the_four_grammars():
    assert sample_corpora(RESOURCES) == CORPORA


@every_corpus
def test_sizes_ids_and_language(corpus):
    splits = sample(corpus)
    assert {split: len(examples) for split, examples in splits.items()} == {
        "train": 600 if corpus == "sample_flat" else 4000,
        "dev": 300,
        "test": 300,
    }
    last = splits["test"][-1]
    assert (last.id, last.doc_id) == (f"{corpus}-test-299:0", f"{corpus}-test-299")
    assert last.language == ("zh" if corpus == "sample_zh" else "en")


@every_corpus
def test_no_sentence_occurs_twice(corpus):
    texts = [example.text for examples in sample(corpus).values() for example in examples]
    assert len(set(texts)) == len(texts)


@every_corpus
def test_a_third_of_the_test_mentions_is_unseen(corpus):
    splits = sample(corpus)
    seen = set(mentions(splits["train"]))
    found = mentions(splits["test"])
    assert sum(mention not in seen for mention in found) / len(found) >= 1 / 3


@every_corpus
def test_words_held_back_are_in_test_and_not_in_training(corpus):
    grammar = load_grammar(RESOURCES / f"{corpus}.yaml")
    splits = sample(corpus)
    text = {split: "\n".join(e.text for e in examples) for split, examples in splits.items()}
    names = [name for name in ("disease", "interleukin", "cell") if name in grammar.all_words]
    held = [w for n in names for w in grammar.all_words[n] if w not in grammar.training_words[n]]
    assert [word for word in held if word in text["train"]] == []
    assert any(word in text["test"] for word in held)


@every_corpus
def test_spans_are_exact_and_entities_are_clean(corpus):
    for examples in sample(corpus).values():
        for example in examples:
            assert len(set(example.entities)) == len(example.entities)
            for entity in example.entities:
                assert Entity.at(entity.type, entity.spans, example.text) == entity
                assert all(
                    left.end < right.start
                    for left, right in zip(entity.spans, entity.spans[1:], strict=False)
                )
                for start, end in entity.spans:
                    fragment = example.text[start:end]
                    assert fragment
                    assert fragment == fragment.strip()


@every_corpus
def test_sentences_are_short_and_some_have_no_entity(corpus):
    train = sample(corpus)["train"]
    lengths = [len(e.text if corpus == "sample_zh" else e.text.split()) for e in train]
    low, high, longest = (20, 26, 45) if corpus == "sample_zh" else (12, 15, 30)
    assert low <= sum(lengths) / len(lengths) <= high
    assert max(lengths) <= longest
    low, high = (0.25, 0.35) if corpus == "sample_flat" else (0.08, 0.16)
    assert low <= sum(not e.entities for e in train) / len(train) <= high


def is_nested(example: Example) -> bool:
    return any(
        inner is not outer and outer.start <= inner.start and inner.end <= outer.end
        for inner in example.entities
        for outer in example.entities
    )


def share(corpus, test):
    train = sample(corpus)["train"]
    return sum(map(test, train)) / len(train)


def test_kinds_of_entities():
    discontinuous = {
        c: share(c, lambda e: any(len(x.spans) > 1 for x in e.entities)) for c in CORPORA
    }
    nested = {c: share(c, is_nested) for c in CORPORA}
    assert {c for c in CORPORA if discontinuous[c] > 0.2} == {"sample_discontinuous"}
    assert {c for c in CORPORA if discontinuous[c]} == {"sample_discontinuous"}
    assert {c for c in CORPORA if nested[c] > 0.3} == set(CORPORA) - {"sample_flat"}
    assert nested["sample_flat"] == 0


def test_flat_text_has_hard_marks():
    text = "\n".join(example.text for example in sample("sample_flat")["train"])
    assert [
        mark for mark in ("[3H]thymidine", " [ ", " ; ", ' " ', " < ", " ( ") if mark not in text
    ] == []


@every_corpus
def test_a_seed_gives_equal_bytes_and_another_gives_others(corpus, raw, tmp_path):
    def digests(folder):
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
        }

    write_raw(corpus, RESOURCES, 1, tmp_path / "again")
    write_raw(corpus, RESOURCES, 2, tmp_path / "other")
    first, again = digests(raw(corpus)), digests(tmp_path / "again")
    assert first == again
    assert first.keys() == FILES[corpus]
    assert not set(first.values()) & set(digests(tmp_path / "other").values())


@every_corpus
def test_the_reader_reads_what_was_drawn(corpus, raw):
    files = {path.name: path.read_bytes() for path in raw(corpus).iterdir()}
    reading = read(READER_OF[corpus], files)
    assert reading.findings == []
    types = {f"G#{leaf}": type for type, leaf in GENIA_LEAVES.items()}
    as_drawn = {
        document.text: {
            Entity(types.get(e.type, e.type), e.spans, e.text) for e in document.entities
        }
        for document in reading.documents
    }
    expected = [example for examples in sample(corpus).values() for example in examples]
    assert len(reading.documents) == len(expected)
    assert as_drawn == {example.text: set(example.entities) for example in expected}


def test_documents_of_xml_and_brat_keep_their_ids(raw):
    xml = read("genia", {"corpus.xml": (raw("sample_nested") / "corpus.xml").read_bytes()})
    assert [document.id for document in xml.documents] == [
        example.doc_id for examples in sample("sample_nested").values() for example in examples
    ]
    archive = (raw("sample_discontinuous") / "brat.tar.gz").read_bytes()
    assert archive[4:8] == bytes(4), "a time in the gzip header changes the bytes of every run"
    brat = read("brat", {"brat.tar.gz": archive}, folders=["test"])
    assert {document.id for document in brat.documents} == {
        example.doc_id for example in sample("sample_discontinuous")["test"]
    }


def test_coordination_makes_a_discontinuous_entity():
    text, entities = drawn({"sentence": "{D.1|breast} and {D.2|ovarian {D.1|cancer}}"})
    assert text == "Breast and ovarian cancer"
    assert entities == (
        Entity("D", (Span(0, 6), Span(19, 25)), "Breast cancer"),
        Entity("D", (Span(11, 25),), "ovarian cancer"),
    )


def test_numbered_labels_of_two_draws_are_two_entities():
    text, entities = drawn({"sentence": "<pair> or <pair>", "pair": "{D.1|a} , {D.1|b}"})
    assert text == "A , b or a , b"
    assert [entity.spans for entity in entities] == [((0, 1), (4, 5)), ((9, 10), (13, 14))]


def test_weights_nothing_and_spaces():
    assert alternatives("2* x\n_\ny") == [(("text", "x"),)] * 2 + [()] + [(("text", "y"),)]
    assert drawn({"sentence": "<no> p < 5 <no> .", "no": "_"})[0] == "P < 5 ."


def test_raw_forms_of_one_sentence():
    text = "CD4+ T cells & <B>"
    entities = (
        Entity.at("cell_type", [(0, 12)], text),
        Entity.at("protein", [(0, 3)], text),
        Entity.at("cell_type", [(5, 12)], text),
    )
    assert genia_marked(Example("d:0", "d", "en", text, entities)) == (
        '<cons lex="CD4+_T_cells" sem="G#cell_type"><cons lex="CD4" sem="G#protein_molecule">CD4'
        '</cons>+ <cons lex="T_cells" sem="G#cell_type">T cells</cons></cons> &amp; &lt;B&gt;'
    )
    flat = Example("d:0", "d", "en", text, entities[:1])
    assert iob2_block(flat) == (
        "CD4+\tB-cell_type\nT\tI-cell_type\ncells\tI-cell_type\n&\tO\n<B>\tO\n"
    )


@pytest.mark.parametrize("file", sorted(RESOURCES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_says_that_it_is_synthetic(file):
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert "synthetic" in data["about"].lower()
    if "lexicons" in data and "rules" not in data:
        assert data["source"]
        assert [n for n, lexicon in data["lexicons"].items() if not lexicon.get("note")] == []


@every_corpus
def test_every_name_in_a_grammar_is_known_and_used(corpus):
    grammar = load_grammar(RESOURCES / f"{corpus}.yaml")
    rules = grammar.rules
    used = {
        piece.value
        for rule in rules.values()
        for alternative in rule
        for piece in alternative
        if piece.kind == "draw"
    }
    assert used - rules.keys() - grammar.all_words.keys() == set()
    assert rules.keys() - used == {"sentence"}
    clauses = sum(
        len(set(rules[name])) for name in ("truth", "event", "general", "plain") if name in rules
    )
    assert clauses >= 40


def test_an_unknown_corpus_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'sample_flat'"):
        write_raw("sample_flatt", RESOURCES, 1, tmp_path)


def test_the_script_writes_the_raw_files_and_their_card(tmp_path, raw):
    out, script = tmp_path / "raw", ROOT / "workflow" / "scripts" / "sample.py"
    command = [sys.executable, "-P", script, "--corpus", "sample_zh", "--seed", "1", "--out", out]
    subprocess.run(command, check=True)
    assert (out / "test.json").read_bytes() == (raw("sample_zh") / "test.json").read_bytes()
    names = ("train.json", "dev.json", "test.json")
    assert read_json(tmp_path / "raw.json") == {"files": {n: sha256(out / n) for n in names}}
