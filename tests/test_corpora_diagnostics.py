"""Diagnostics of a corpus: counts worked by hand, and a page that escapes what it is given."""

import pytest

from bionerflow.data.schema import (
    EXAMPLES,
    IDENTIFIERS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate.diagnostics import diagnostics
from bionerflow.evaluate.diagnostics_page import write_diagnostics
from bionerflow.utils.files import read_json

ABOUT = "p53 and BRCA1 in breast and ovarian cancer"
P53, BRCA1 = (Entity.at("gene", [span], ABOUT) for span in ((0, 3), (8, 13)))
BREAST = Entity.at("disease", [(17, 23), (36, 42)], ABOUT)
CANCER = Entity.at("disease", [(36, 42)], ABOUT)
OTHER = "The P53 protein binds cancer cells"
PROTEIN, CELLS, WORD = (
    Entity.at(type, [span], OTHER)
    for type, span in (("protein", (4, 7)), ("cell", (22, 34)), ("disease", (22, 28)))
)


@pytest.fixture
def corpus(tmp_path):
    splits = {
        "train": [
            Example("1:0", "1", "en", ABOUT, (P53, BRCA1, BREAST, CANCER)),
            Example("1:1", "1", "en", "Nothing.", ()),
        ],
        "dev": [],
        "test": [
            Example("1:2", "1", "en", ABOUT.upper(), ()),
            Example("2:0", "2", "en", OTHER, (PROTEIN, CELLS, WORD)),
        ],
    }
    for split, examples in splits.items():
        write_examples(tmp_path / f"{split}.parquet", examples)
    return tmp_path


def test_scale_labels_and_structure(corpus):
    found = diagnostics(corpus)
    assert found["scale"]["train"] == {
        "documents": 1, "sentences": 2, "tokens": 10, "mentions": 4, "tokens_per_sentence": 5,
        "mentions_per_sentence": 2, "mentions_per_100_tokens": 40,
        "share_of_sentences_without": 0.5,
    }  # fmt: skip
    assert found["labels"]["train"] == {"disease": 2, "gene": 2, "evenness": 1}
    assert found["structure"]["train"] == {
        "share_nested": 0.25, "share_discontinuous": 0.25, "deepest_nesting": 1,
        "tokens_mean": 1.75, "tokens_median": 1, "tokens_95_percent": 3.55, "tokens_longest": 4,
    }  # fmt: skip
    assert found["structure"]["test"]["deepest_nesting"] == 1


def test_lexical_and_overlap_with_training(corpus):
    found = diagnostics(corpus)
    lexical = found["lexical"]["test"]
    assert (lexical["distinct_words"], lexical["distinct_strings"]) == (11, 3)
    assert lexical["share_of_tokens_not_in_training"] == pytest.approx(4 / 14, abs=1e-4)
    assert lexical["strings_per_mention"] == 1
    third = pytest.approx(1 / 3, abs=1e-4)
    assert found["overlap"]["test"] == {
        "mentions_seen": pytest.approx(2 / 3, abs=1e-4), "mentions_seen_with_type": third,
        "mentions_contradicted": third, "distinct_strings_seen": pytest.approx(2 / 3, abs=1e-4),
        "sentences_repeated": 0.5, "documents_with_a_repeated_sentence": 0.5,
        "documents_of_the_same_id": 0.5,
    }  # fmt: skip
    assert set(found["overlap"]) == {"dev", "test"}


def test_an_empty_split_has_no_shares(corpus):
    found = diagnostics(corpus)
    assert found["scale"]["dev"]["mentions"] == 0
    assert found["labels"]["dev"] == {"evenness": None}
    assert set(found["overlap"]["dev"].values()) == {None}
    assert found["structure"]["dev"]["tokens_longest"] is None


def test_concepts_are_compared_where_mentions_have_identifiers(tmp_path):
    concepts = {"train": [["D1"], ["D2", "D3"]], "dev": [], "test": [["D2"], ["D9"], ["D9"]]}
    for split, identifiers in concepts.items():
        entities = [entity_row(P53) | {IDENTIFIERS: ids} for ids in identifiers]
        row = {"id": "1", "doc_id": split, "language": "en", "text": ABOUT, "entities": entities}
        write_rows(tmp_path / f"{split}.parquet", [row], EXAMPLES)
    found = diagnostics(tmp_path)["overlap"]["test"]
    assert found["concepts_seen"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["distinct_concepts_seen"] == 0.5


def test_the_page_escapes_and_equals_the_numbers(corpus, tmp_path):
    metadata = {"title": "<b>Mine</b> | yours", "types": ["gene", "disease"], "page": None}
    out = tmp_path / "out" / "mine.json"
    write_diagnostics(out, "mine", diagnostics(corpus) | {"metadata": metadata})
    assert read_json(out)["scale"]["train"]["mentions"] == 4
    html, markdown = (out.with_suffix(form).read_text("utf-8") for form in (".html", ".md"))
    assert "<b>Mine" not in html
    assert "&lt;b&gt;Mine" in html
    assert "&lt;b>Mine&lt;/b> \\| yours" in markdown
    assert "| mentions per 100 tokens | 40 |  | 21.4286 |" in markdown
    assert '<th scope="row">mentions per 100 tokens</th><td>40</td>' in html
