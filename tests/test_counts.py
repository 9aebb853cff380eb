"""Tables of what corpora hold: counted beside published, and why a row is empty."""

import pandas as pd
import pytest
from conftest import ROOT

from bionerflow.config.base import load, parse
from bionerflow.config.corpora import CorpusSettings, load_corpora
from bionerflow.config.counts import Counts
from bionerflow.config.tables import Tables
from bionerflow.corpora.available import AtHand
from bionerflow.tables.counts import REASON, count
from bionerflow.tables.published import read_published
from bionerflow.tables.write import wide_form
from bionerflow.utils.errors import UserError

CORPORA = load_corpora(ROOT / "config" / "corpora.yaml")
TABLES = load(Tables, ROOT / "config" / "tables.yaml").counts


def corpus(url: bool = True, **source: str) -> CorpusSettings:
    source |= {"url": "https://x.org/a.tsv"} if url else {}
    entry = {"title": "Toy", "language": "zh", "dataset": "Toy", "types": ["A", "B"]}
    entry |= {"licence": "CC0", "citation": "-", "reader": "iob", "files": {"a.tsv": source}}
    return parse(CorpusSettings, entry | {"splits": [{"files": ["a.tsv"], "into": "train"}]}, "toy")


def test_what_is_at_hand_decides_and_the_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mirror").mkdir()
    corpora = {"toy": corpus(mirror="toy/a.tsv"), "click": corpus(url=False)}
    corpora |= {"mine": corpus(url=False, local="a.tsv"), "out": corpus()}
    online = AtHand(corpora, ["toy", "click", "mine", "out"], ["out"], "")
    by_hand = "a.tsv: to be fetched by hand"
    left_out = {"mine": "", "out": "left out by the configuration"}
    assert online.fetched() == left_out | {"toy": "", "click": by_hand}
    absent = "a.tsv: not fetched before, and not in the mirror"
    assert AtHand(corpora, [], ["out"], "").fetched()["toy"] == absent
    offline = AtHand(corpora, ["toy"], ["out"], str(tmp_path / "mirror"))
    assert offline.fetched() == left_out | {"toy": absent, "click": by_hand}
    assert offline.compared() == ["results/corpora/mine/train", "results/corpora/mine/test"]
    for file in ("mirror/toy/a.tsv", "results/raw/click/a.tsv"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    assert offline.fetched() == left_out | {"toy": "", "click": ""}


def test_a_mirror_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        AtHand({"toy": corpus()}, [], [], str(tmp_path / "nowhere")).fetched()


def split(sentences, entities, nested, types):
    counts = {"sentences": sentences, "entities": entities, "nested": nested, "discontinuous": 0}
    return counts | {"types": types}


def test_counted_numbers_stand_beside_published_ones_in_the_table_s_order():
    asked = Counts(
        title="T", caption="C", rows={"toy": "paper", "out": "paper"},
        columns={"z": "train", "dev": "dev", "nested": "nested", "discont": "discontinuous",
                 "labels": "labels", "Language": "language", "Nesting": "nesting",
                 "Entity Count": "training_entities"},
    )  # fmt: skip
    splits = {"train": split(9, 200, 3, {"A": 200}), "dev": split(0, 0, 0, {})}
    splits["test"] = split(2, 50, 5, {"A": 49, "B": 1})
    published = pd.DataFrame(
        [["paper", "z", 10.0, None, "10", "Table 1"]],
        columns=["row", "column", "value", "sd", "text", "source"],
    )
    table = AtHand({"toy": corpus(), "out": corpus()}, ["toy"], ["out"], "").counted(asked)
    found = type(table).model_validate_json(table.dump())
    definition, long = count("p/t", found, {"toy": {"language": "zh", "splits": splits}}, published)
    wide = wide_form(definition, long)
    assert list(wide.columns) == ["", *asked.columns, "published z", REASON]
    assert wide.to_numpy().tolist() == [
        ["Toy", "9", "", "1.5-10.0%", "", "2", "Ch", "Yes", "200", "10", ""],
        ["Toy", *[""] * 8, "10", "left out by the configuration"],
    ]
    assert long.query("row == 'toy' and column == 'z'")["value"].item() == 9
    assert set(long.query("row == 'out' and source == 'counted'")["reason"]) == {
        "left out by the configuration"
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_published_row_and_column_is_counted(name):
    printed = read_published(ROOT / "resources" / "published" / f"{name}.csv")
    assert set(TABLES[name].rows.values()) == set(printed["row"])
    assert set(TABLES[name].columns) == set(printed["column"])
    assert set(TABLES[name].rows) <= set(CORPORA)
