"""A corpus's Croissant description: valid, and read by another library as what was written."""

import mlcroissant as mlc
import pytest

from bionerflow.data.schema import Entity, Example, write_examples
from bionerflow.report.provenance.croissant import write_croissant

TEXT = "breast and ovarian cancer in rats"
SPLIT = Entity.at("disease", [(0, 6), (19, 25)], TEXT)
RATS = Entity.at("species", [(29, 33)], TEXT)
ABOUT = {
    "title": "Mine & yours",
    "licence": "CC-BY-4.0",
    "citation": "Us, 2026",
    "page": "https://example.org/mine",
    "language": "en",
}


@pytest.fixture
def folder(tmp_path):
    examples = {
        "train": [Example("1:0", "1", "en", TEXT, (SPLIT, RATS))],
        "dev": [Example("2:0", "2", "en", TEXT, ())],
        "test": [Example("3:0", "3", "en", TEXT, (RATS,))],
    }
    for split, found in examples.items():
        write_examples(tmp_path / f"{split}.parquet", found)
    return tmp_path


@pytest.mark.parametrize("page", ["https://example.org/mine", None])
def test_the_description_is_valid_and_its_records_are_the_corpus(folder, page):
    out = folder / "croissant.json"
    write_croissant(out, "mine", ABOUT | {"page": page})
    dataset = mlc.Dataset(jsonld=str(out))
    assert not dataset.metadata.ctx.issues.errors
    assert dataset.metadata.cite_as == "Us, 2026"
    (record,) = dataset.records("train")
    assert record["train/text"].decode() == TEXT
    assert [
        (one["train/entities/type"].decode(), one["train/entities/start"])
        for one in record["train/entities"]
    ] == [("disease", 0), ("species", 29)]
    (record,) = dataset.records("test")
    assert record["test/entities"][0]["test/entities/text"].decode() == "rats"


def test_another_file_than_the_described_one_is_noticed(folder):
    out = folder / "croissant.json"
    write_croissant(out, "mine", ABOUT)
    write_examples(folder / "test.parquet", [Example("9", "9", "en", TEXT, ())])
    with pytest.raises(Exception, match=r"Download\(test.parquet\)"):
        list(mlc.Dataset(jsonld=str(out)).records("test"))
