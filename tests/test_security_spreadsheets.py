"""Texts of others in CSV files are no formulas: of corpora, of annotators, of models."""

import csv
import io
import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from conftest import ROOT

from bionerflow import cli
from bionerflow.tables.write import write_csv, write_table
from bionerflow.utils.spreadsheet import as_csv

FORMULA = "=HYPERLINK(1)"
#: What writes CSV without an escape: numbers of our own under names of our own.
OURS = {
    "src/bionerflow/utils/spreadsheet.py",
    "src/bionerflow/workflow/trace.py",
    "workflow/scripts/engines.py",
}


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def test_texts_are_escaped_and_numbers_are_not():
    frame = pd.DataFrame({"text": [FORMULA, "plain", None], "n": [-0.5, 1, float("nan")]})
    assert rows(as_csv(frame)) == [
        ["text", "n"],
        [f"'{FORMULA}", "-0.5"],
        ["plain", "1.0"],
        ["", ""],
    ]


@pytest.mark.parametrize("kind", ["cases", "grid"])
def test_a_table_of_cases_has_no_formula_and_others_are_as_they_were(tmp_path, kind):
    definition = SimpleNamespace(
        kind=kind, title="T", caption="C", rows={"a": "A"}, columns={"b": "B"}
    )
    columns = {"row": "a", "column": "b", "text": FORMULA, "reason": "", "model": "", "run": ""}
    columns |= {"engine": "", "source": "measured", "comment": ""}
    write_table(tmp_path / "t.csv", definition, pd.DataFrame([columns]))
    expected = f"'{FORMULA}" if kind == "cases" else FORMULA
    for name in ("t.csv", "t.long.csv"):
        assert expected in rows((tmp_path / name).read_text())[1]
    assert f"| {FORMULA} |" in (tmp_path / "t.md").read_text()


def test_a_document_that_is_called_like_a_formula_is_ranked_as_text(tmp_path):
    record = {"doc_id": FORMULA, "start": 0, "text": "x", "entities": []}
    (tmp_path / "in.jsonl").write_text(json.dumps(record) + "\n")
    cli.main(["rank-texts", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.csv")])
    assert rows((tmp_path / "out.csv").read_text())[1][0] == f"'{FORMULA}"


def test_a_foreign_text_in_a_list_is_escaped(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"text": [FORMULA]}), foreign=True)
    assert rows((tmp_path / "a.csv").read_text()) == [["text"], [f"'{FORMULA}"]]


def test_whatever_else_writes_csv_escapes_texts_of_others():
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")]
    writing = re.compile(r"\.to_csv\(|csv\.(writer|DictWriter)\(")
    escaping = re.compile(r"from bionerflow\.utils\.spreadsheet import")
    texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files}
    found = {name for name, text in texts.items() if writing.search(text)}
    assert {name for name in found if not escaping.search(texts[name])} == OURS
