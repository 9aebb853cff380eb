"""Pre-annotated, corrected as each tool does it, compared, added, trained on: the whole loop."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from statsmodels.stats.inter_rater import cohens_kappa

from bionerflow import cli
from bionerflow.annotate.corrections import add_corrections
from bionerflow.annotate.corrections.agreement import ALL, kappa, token_labels
from bionerflow.annotate.corrections.agreement import pairs as paired
from bionerflow.annotate.corrections.texts import (
    entity_of,
    ink,
    inked,
    key_of,
    read_before,
    read_corrected,
)
from bionerflow.annotate.corrections.version import sentences_of
from bionerflow.annotate.passages import Answered, Mention
from bionerflow.annotate.ranking import rank
from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate
from bionerflow.config.base import load
from bionerflow.config.corpora import CorpusSettings, load_corpora
from bionerflow.config.models import Models
from bionerflow.corpora.new_corpus import new_corpus
from bionerflow.data.schema import Entity
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan import Plan

MODELS = load(Models, ROOT / "config" / "models.yaml").models
#: What the corpus, the pool and the stand-in for a model have in common.
CORPUS = "Patient {} took aspirin daily and got a rash."
POOL = "Person {} took aspirin (🧬) against fever.\r\nThen there was a\trash on day {}.\n"
FOUND = {"aspirin": "Drug", "fever": "Drug"}
RIGHT = {"aspirin": "Drug", "rash": "Side Effect"}


class Words:
    """A stand-in for a model that finds words."""

    key, language = "words", "en"

    def __init__(self, words: dict[str, str] = FOUND, confidence: float = 0.5) -> None:
        self.words, self.confidence = words, confidence

    def fits(self, sentence: str) -> bool:
        return True

    def __call__(self, asked: Sequence[str]) -> list[Answered]:
        return [
            Answered([Mention(one, self.confidence) for one in entities(text, self.words)])
            for text in asked
        ]


def entities(text: str, words: dict[str, str]) -> list[Entity]:
    return [
        Entity.at(type, [(text.index(word), text.index(word) + len(word))], text)
        for word, type in words.items()
        if word in text
    ]


def write_brat(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_bytes(text.encode())
        rows = [
            f"T{n}\t{'_'.join(one.type.split())} {one.start} {one.end}\t{one.text}\n"
            for n, one in enumerate(entities(text, RIGHT), start=1)
        ]
        (folder / f"{name}.ann").write_text("".join(rows))


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with a corpus that `new-corpus` entered, and a pool of texts."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    write_brat(Path("notes"), {f"note{n}": CORPUS.format(n) for n in range(20)})
    new_corpus(Path("notes"), "notes", "en", "smollm2-135m", MODELS, Path("own/notes"))
    with_spaces("own/notes/corpora.yaml")
    Path("pool").mkdir()
    for n in range(4):
        Path(f"pool/text{n}.txt").write_bytes(POOL.format(n, n).encode())
    return tmp_path


def with_spaces(path: str) -> None:
    """Give the corpus's type its name with a space, as its files cannot have it."""
    value = yaml.safe_load(Path(path).read_text())
    entry = value["corpora"]["notes"]
    entry |= {"types": ["Drug", "Side Effect"], "type_map": {"Side_Effect": "Side Effect"}}
    Path(path).write_text(yaml.safe_dump(value))


def pre_annotate(form: str, out: str, **model: Any) -> Path:
    annotate(["pool"], Reading("en"), Words(**model), form, Path(out))
    return Path(out)


def by_brat(before: Path, after: Path) -> None:
    shutil.copytree(before, after)
    for file in after.glob("*.ann"):
        text = file.with_suffix(".txt").read_bytes().decode()
        at = text.index("rash")
        rows = [row for row in file.read_text().splitlines() if "T2" not in row]
        rows += [f"T3\tSide_Effect {at} {at + 4}\trash", "A1\tSure T3", "#4\tAnnotatorNotes T3\tok"]
        file.write_text("\n".join(rows) + "\n")


def spans_in(text: str) -> list[tuple[int, int, str]]:
    return [(one.start, one.end, one.type) for one in entities(text, RIGHT)]


def by_label_studio(before: Path, after: Path) -> None:
    tasks = json.loads(before.read_text())
    for task in tasks:
        result = [
            {"id": f"r{n}", "from_name": "label", "to_name": "text", "type": "labels",
             "value": {"start": start, "end": end, "labels": [type],
                       "text": task["data"]["text"][start:end]}}
            for n, (start, end, type) in enumerate(spans_in(task["data"]["text"]))
        ]  # fmt: skip
        done = {"id": 7, "completed_by": 3, "was_cancelled": False, "lead_time": 4.2}
        skipped = {**done, "completed_by": 4, "was_cancelled": True, "result": []}
        task["annotations"] = [skipped, {**done, "result": result}]
    uncorrected = {"id": 99, "data": {"text": "Not yet."}, "annotations": [], "predictions": []}
    after.write_text(json.dumps([*tasks, uncorrected]))


def by_doccano(before: Path, after: Path) -> None:
    rows = [json.loads(line) for line in before.read_text().splitlines()]
    done = [{**row, "label": spans_in(row["text"]), "Comments": []} for row in reversed(rows)]
    after.write_text("".join(json.dumps(row) + "\n" for row in done))


def by_prodigy(before: Path, after: Path) -> None:
    rows = []
    for line in before.read_text().splitlines():
        row = json.loads(line)
        row["spans"] = [{"start": s, "end": e, "label": t} for s, e, t in spans_in(row["text"])]
        rows.append({**row, "answer": "accept", "_annotator_id": "db-anna", "_input_hash": 1})
    rows.append({"text": "Not to be used.", "spans": [], "answer": "ignore"})
    after.write_text("".join(json.dumps(row) + "\n" for row in rows))


def by_inception(before: Path, after: Path) -> None:
    """INCEpTION exports a folder per document, with a file per annotator."""
    for file in before.glob("*.tsv"):
        rows = []
        for row in file.read_text().splitlines():
            cells = row.split("\t")
            changed = {"fever": ["_", "_"], "rash": ["*", "Side Effect"]}.get("".join(cells[2:3]))
            rows.append("\t".join([*cells[:3], *changed, ""]) if changed else row)
        (after / file.stem).mkdir(parents=True)
        (after / file.stem / "anna.tsv").write_text("\n".join(rows) + "\n")


def corrections(version: str) -> list[dict[str, Any]]:
    text = Path(f"own/{version}/corrections.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


TOOLS: dict[str, tuple[str, Callable[[Path, Path], None], str]] = {
    "brat": ("anna", by_brat, "anna"),
    "label_studio": ("done.json", by_label_studio, "3"),
    "doccano": ("anna.jsonl", by_doccano, "anna"),
    "prodigy": ("done.jsonl", by_prodigy, "db-anna"),
    "webanno": ("annotation", by_inception, "anna"),
}


@pytest.mark.parametrize("form", TOOLS)
def test_what_a_tool_writes_is_compared_and_added(form, here):
    name, correct, annotator = TOOLS[form]
    before = pre_annotate(form, "before" if form in ("brat", "webanno") else "before.jsonl")
    correct(before, Path(name))
    report = add_corrections([Path(name)], before, Path("own/notes/config.yaml"))
    agreed = report["agreement"].set_index("type")
    assert set(agreed["second"]) == {annotator}
    numbers = agreed[["texts", "in_first", "in_second", "in_both"]].to_numpy().tolist()
    assert dict(zip(agreed.index, numbers, strict=True)) == {
        ALL: [4, 8, 8, 4], "Drug": [4, 8, 4, 4], "Side_Effect": [4, 0, 4, 0],
    }  # fmt: skip
    assert agreed["f1"].round(3).tolist() == [0.5, 0.667, 0]
    assert (report["sentences"], report["held_out"], report["new_types"]) == (8, [], [])
    added = corrections("notes-v2")
    told = Counter((e["type"], e["text"]) for row in added for e in row["entities"])
    assert told == {("Drug", "aspirin"): 4, ("Side Effect", "rash"): 4}
    assert all(row["doc_id"].rpartition("/")[2].startswith(("text", "before")) for row in added)


def test_the_new_version_is_planned_beside_the_old_one_with_the_same_test(here):
    by_brat(pre_annotate("brat", "before"), Path("anna"))
    Path("own/notes").joinpath("test.txt").touch()
    cli.main(["add-corrections", "anna", "--before", "before", "--config", "own/notes/config.yaml"])
    plan = Plan(shipped() | yaml.safe_load(Path("own/notes-v2/config.yaml").read_text()))
    old, new = "notes.smollm2-135m.conv_term.draw1", "notes.smollm2-135m.conv_term-v2.draw1"
    table = plan.table("mfner", "corrections")
    assert table.ids() == [old, new]
    assert list(table.columns) == ["P", "R", "F1"]
    assert {cell.corpora for cell in table.cells} == {("notes",)}
    assert plan.run(new).corpora == ["notes-v2"]
    assert plan.run(new).predict.limits == {"notes-v2": 1}
    earlier = Plan(shipped() | yaml.safe_load(Path("own/notes/config.yaml").read_text()))
    assert plan.run(old) == earlier.run(old)  # it is not trained again
    entry = entry_of("notes-v2")
    assert entry.types == ["Drug", "Side Effect"]
    assert entry.dataset == "notes"


def shipped() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text("utf-8"))


def test_a_second_round_follows_the_first(here):
    by_brat(pre_annotate("brat", "before"), Path("anna"))
    add_corrections([Path("anna")], Path("before"), Path("own/notes/config.yaml"))
    report = add_corrections([Path("anna")], Path("before"), Path("own/notes-v2/config.yaml"))
    assert report["version"] == "notes-v3"
    assert report["configurations"] == ["conv_term-v3"]
    assert report["replaced"] == 8  # the same texts, corrected again, are there once
    plan = Plan(shipped() | yaml.safe_load(Path("own/notes-v3/config.yaml").read_text()))
    assert plan.run("notes.smollm2-135m.conv_term-v3.draw1").unseen == ["notes"]


def test_held_out_texts_are_never_trained_on(here):
    test = [row.text for row in sentences_of("notes", entry_of("notes"))["test"]]
    Path("pool/held.txt").write_text(test[0])
    by_brat(pre_annotate("brat", "before"), Path("anna"))
    report = add_corrections([Path("anna")], Path("before"), Path("own/notes/config.yaml"))
    assert report["held_out"] == ["held"]
    trained = (
        Path("own/notes-v2/train.jsonl").read_text()
        + Path("own/notes-v2/corrections.jsonl").read_text()
    )
    assert test[0] not in trained
    assert test[0] in Path("own/notes-v2/test.jsonl").read_text()
    for file in Path("pool").glob("text*.txt"):
        for folder in (Path("before"), Path("anna")):
            (folder / file.name).unlink()
            (folder / file.name).with_suffix(".ann").unlink()
    with pytest.raises(UserError, match="hold all 1 corrected texts"):
        add_corrections([Path("anna")], Path("before"), Path("own/notes/config.yaml"))


def entry_of(corpus: str) -> CorpusSettings:
    return load_corpora(f"own/{corpus}/corpora.yaml")[corpus]


def test_several_annotators_are_compared_and_the_majority_counts(here):
    before = pre_annotate("label_studio", "before.json")
    tasks = json.loads(before.read_text())
    for task in tasks:
        found = spans_in(task["data"]["text"])
        by = {"anna@a.org": found, "ben@b.org": found[:1], "cem@c.org": found}
        task["annotations"] = [
            {"completed_by": {"id": n, "email": email}, "result": [
                {"type": "labels", "value": {"start": s, "end": e, "labels": [t]}}
                for s, e, t in spans]}
            for n, (email, spans) in enumerate(by.items())
        ]  # fmt: skip
    Path("done.json").write_text(json.dumps(tasks))
    report = add_corrections([Path("done.json")], before, Path("own/notes/config.yaml"))
    agreed = report["agreement"]
    every = agreed[agreed["type"] == ALL].set_index(["first", "second"])["f1"]
    assert every["anna@a.org", "cem@c.org"] == 1
    assert every["anna@a.org", "ben@b.org"] == pytest.approx(2 * 4 / 12)
    assert len(every) == 6
    listed = pd.read_csv("own/notes-v2/disagreements.csv")
    assert listed["text"].tolist() == ["rash"] * 4
    assert listed["marked_by"].tolist() == ["anna@a.org cem@c.org"] * 4
    assert listed["kept"].all()
    config = Path("own/notes/config.yaml")
    report = add_corrections([Path("done.json")], before, config, annotator="ben@b.org")
    added = [one["text"] for row in corrections("notes-v2") for one in row["entities"]]
    assert added == ["aspirin"] * 4
    with pytest.raises(UserError, match="no annotator 'anna'"):
        add_corrections([Path("done.json")], before, config, annotator="anna")


def test_kappa_is_that_of_statsmodels(here):
    by_brat(pre_annotate("brat", "before"), Path("anna"))
    both = paired(read_before(Path("before")), read_corrected([Path("anna")])["anna"])
    labels = token_labels(both, ALL)
    names = sorted({label for pair in labels for label in pair}, key=sorted)
    table = np.array([[labels[one, two] for two in names] for one in names])
    assert kappa(labels) == pytest.approx(cohens_kappa(table).kappa)
    assert table.sum() == sum(len(POOL.format(n, n).split()) for n in range(4)) + 4 * 4
    assert kappa({("O", "O"): 5}) is None


def test_mentions_are_found_again_whatever_a_tool_makes_of_white_space():
    text = "a  severe\r\n\tpain , no fever"
    mangled = "a severe pain, no fever"
    entity = Entity.at("X Y", [(3, 9), (12, 16)], text)
    key = key_of(entity, inked(text))
    assert ink(text) == ink(mangled)
    assert key == key_of(Entity.at("X_Y", [(2, 13)], mangled), inked(mangled))
    assert entity_of(key, text, {"X_Y": "X Y"}) == Entity.at("X Y", [(3, 16)], text)


def test_what_cannot_be_added_is_told(here):
    before, config = pre_annotate("label_studio", "before.json"), Path("own/notes/config.yaml")
    with pytest.raises(UserError, match="No text was corrected"):
        add_corrections([before], before, config)
    with pytest.raises(UserError, match=r"no file or folder nowhere"):
        add_corrections([Path("nowhere")], before, config)
    with pytest.raises(UserError, match=r"no configuration file own/x.yaml"):
        add_corrections([before], before, Path("own/x.yaml"))
    by_doccano(pre_annotate("doccano", "before.jsonl"), Path("anna.jsonl"))
    (Path("b") / "x").mkdir(parents=True)
    shutil.copy("anna.jsonl", "b/anna.jsonl")
    with pytest.raises(UserError, match="'anna' annotated two of the paths"):
        add_corrections([Path("anna.jsonl"), Path("b/anna.jsonl")], before, config)


def test_folders_of_several_people_in_one_are_told(here):
    before = pre_annotate("brat", "before")
    by_brat(before, Path("both/anna"))
    by_brat(before, Path("both/ben"))
    config = Path("own/notes/config.yaml")
    with pytest.raises(UserError, match=r"'both' has the text of ben/text0 twice: .* each"):
        add_corrections([Path("both")], before, config)
    report = add_corrections([Path("both/anna"), Path("both/ben")], before, config)
    assert list(report["annotators"]) == ["anna", "ben"]


def test_line_ends_are_sentence_borders_where_they_are_in_the_corpus(here):
    edit = yaml.safe_load(Path("own/notes/corpora.yaml").read_text())
    edit["corpora"]["notes"]["line_ends"] = True
    Path("own/notes/corpora.yaml").write_text(yaml.safe_dump(edit))
    Path("pool/text0.txt").write_text("aspirin daily\nno rash today\n")
    by_brat(pre_annotate("brat", "before"), Path("anna"))
    add_corrections([Path("anna")], Path("before"), Path("own/notes/config.yaml"))
    texts = [row["text"] for row in corrections("notes-v2") if row["doc_id"] == "text0"]
    assert texts == ["aspirin daily", "no rash today"]


def test_texts_that_were_not_pre_annotated_are_told_and_added(here):
    by_brat(pre_annotate("brat", "before"), Path("anna"))
    write_brat(Path("anna"), {"new": "A new text without aspirin but with rash."})
    report = add_corrections([Path("anna")], Path("before"), Path("own/notes/config.yaml"))
    assert report["annotators"]["anna"]["not_in_pre_annotation"] == ["new"]
    assert report["sentences"] == 9


def test_unsure_and_disputed_texts_come_first(here):
    Path("pool/text1.txt").write_text("No fever here.")
    Path("pool/text2.txt").write_text("Nothing at all.")
    one = pre_annotate("jsonl", "one.jsonl", confidence=0.9)
    two = pre_annotate("jsonl", "two.jsonl", words={"aspirin": "Drug"}, confidence=0.7)
    alone = rank([one]).set_index("document")
    assert alone["uncertainty"].dropna().round(6).unique().tolist() == [0.1]
    assert alone.index[-1] == "text2"
    cli.main(["rank-texts", str(one), str(two), "-o", "first.csv"])
    listed = pd.read_csv("first.csv").set_index("document")
    assert listed.index.tolist() == ["text1", "text0", "text3", "text2"]
    assert listed.loc["text1", "disagreement"] == 1
    assert listed.loc["text0", "disagreement"] == pytest.approx(1 / 3, abs=1e-6)
    assert listed.loc["text0", "uncertainty"] == pytest.approx(1 - (0.9 + 0.9 + 0.7) / 3, abs=1e-6)
    assert listed.loc["text2", "score"] == 0
    Path("two.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(UserError, match=r"two.jsonl:1: not a record"):
        rank([one, two])
