"""Damaged files of corpora are read or refused, and nothing is lost without telling."""

import pytest
from fuzz_corpora import check, corpora, damaged

from bionerflow.corpora.readers import READERS


def test_all_readers_are_given_damaged_files():
    assert {reader for reader, _ in corpora()} == set(READERS)


def test_damaged_files_are_read_or_refused():
    found = [check(*one) for one in damaged(600, seed=1)]
    assert 0.2 < sum(found) / len(found) < 0.9


@pytest.mark.parametrize(
    ("reader", "files"),
    [
        ("gliner", {"a.json": b'[{"tokenized_text": ["a"], "ner": [[0, 1000000000, "D"]]}]'}),
        ("gliner", {"a.json": b'[{"tokenized_text": ["a"], "ner": [[-1000000000, 0, "D"]]}]'}),
        ("gliner", {"a.json": b'[{"tokenized_text": ["a"], "ner": [[0, 1e999, "D"]]}]'}),
        ("tokens", {"a.parquet": b"PAR1" + bytes(40)}),
        ("tokens", {"a.jsonl": b'{"ner_tags": []}'}),
        ("tokens", {"a.jsonl": b"", "dataset_info.json": b'{"features": {"ner'}),
    ],
)
def test_what_once_raised_or_filled_the_memory(reader, files):
    check(reader, files)


@pytest.mark.long
def test_a_hundred_thousand_damaged_files():
    for one in damaged(100_000, seed=2):
        check(*one)
