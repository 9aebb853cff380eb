"""A corpus of one's own: found, checked, told of, and ready for the same targets."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from counting import COUNTED, matches
from reading import read

from bionerflow import cli
from bionerflow.config.base import load
from bionerflow.config.corpora import load_corpora
from bionerflow.config.models import Models
from bionerflow.corpora.download import fetch
from bionerflow.corpora.new_corpus import new_corpus
from bionerflow.corpora.new_corpus.folder import found, split_of
from bionerflow.corpora.new_corpus.words import told
from bionerflow.corpora.writers import jsonl
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json
from bionerflow.workflow.plan import Plan

MODELS = load(Models, ROOT / "config" / "models.yaml").models
TEXT = "Patient {} had renal failure and anemia after cisplatin."


def brat(folder: Path, name: str, number: int, *lines: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    text = TEXT.format(number)
    start, end = text.index("renal"), text.index(" and")
    good = f"T1\tDisease {start} {end}\trenal failure"
    (folder / f"{name}.txt").write_text(text)
    (folder / f"{name}.ann").write_text("\n".join([good, *lines]) + "\n")


@pytest.fixture
def notes(tmp_path) -> Path:
    for number in range(20):
        brat(tmp_path / "notes", f"note{number}", number)
    return tmp_path / "notes"


def make(folder: Path, name: str = "notes", model: str = "smollm2-135m"):
    return new_corpus(folder, name, "en", model, MODELS, folder.parent / "own" / name)


def test_texts_without_splits_are_dealt_by_document_and_the_entry_is_whole(notes):
    report = make(notes)
    documents = {split: counts["documents"] for split, counts in report["splits"].items()}
    assert documents == {"train": 16, "dev": 2, "test": 2}
    assert report["mentions"] == report["entities"] == 20
    entry = load_corpora(notes.parent / "own" / "notes" / "corpora.yaml")["notes"]
    assert (entry.types, entry.nested, entry.discontinuous) == (["Disease"], False, False)
    first = (notes.parent / "own/notes/all.tar").read_bytes()
    make(notes)
    assert (notes.parent / "own/notes/all.tar").read_bytes() == first


def test_odd_annotations_are_listed_and_kinds_of_mentions_are_seen(notes, capsys, monkeypatch):
    brat(notes, "odd", 99, "T2\tDisease 0 7\tpatients", "T3\tOrgan 15 20\trenal",
         "T4\tDisease 15 20;33 39\trenal anemia")  # fmt: skip
    report = make(notes)
    assert report["flags"] == {"nested": True, "discontinuous": True}
    assert report["lost"] == 1
    monkeypatch.chdir(ROOT)
    out = notes.parent / "own" / "notes"
    cli.main(["new-corpus", str(notes), "--name", "notes", "-o", str(out)])
    said = capsys.readouterr().out
    assert "1 of 24 mentions could not be used." in said
    assert "the mention as written is not the text at its offsets" in said
    assert "odd.ann" in said
    assert "Mentions are nested and discontinuous." in said


def test_named_splits_are_kept_and_shared_sentences_are_counted(tmp_path):
    for split, numbers in {"train": range(10), "test": range(8, 14)}.items():
        for number in numbers:
            brat(tmp_path / "notes", f"{split}/note{number}", number)
    report = make(tmp_path / "notes")
    documents = {split: counts["documents"] for split, counts in report["splits"].items()}
    assert documents == {"train": 9, "dev": 1, "test": 6}
    shared = {split: leak["shared_sentences"] for split, leak in report["leaks"].items()}
    assert shared["test"] >= 1
    assert len(report["repeated"]) == 2
    said = told(report)
    assert "32 files were read as brat: 20 of train, 12 of test. A tenth of the training" in said
    assert re.search(r"train train/note8:0, test test/note8:0: Patient 8 had renal failure", said)


NAMES = {
    "train/a.txt": "train", "Train.PubTator": "train", "CDR_TrainingSet.PubTator.txt": "train",
    "NCBIdevelopset_corpus.txt": "dev", "devel.tsv": "dev", "valid-1.jsonl": "dev",
    "NLMgene_Test.PubTator": "test", "x/test_7.ann": "test", "testosterone.txt": "all",
    "device/a.txt": "all", "blood_test_12.txt": "all", "trainer.txt": "all",
}  # fmt: skip


def test_a_split_is_told_by_a_words_place_in_a_name():
    assert {name: split_of(Path(name)) for name in NAMES} == NAMES


FORMS = {
    "a.pubtator": "1|t|Renal failure\n1|a|It was anemia.\n1\t0\t13\tRenal failure\tDisease\n",
    "a.jsonl": '{"id": "1:0", "doc_id": "1", "text": "Renal failure", "entities": '
    '[{"type": "Disease", "spans": [{"start": 0, "end": 13}], "text": "Renal failure"}]}\n',
    "a.txt": "1|t|Renal failure\n1|a|\n1\t0\t13\tRenal failure\tDisease\n",
    "a.BioC.JSON": '{"documents": [{"id": "1", "passages": [{"offset": 0, "text": "Renal failure", '
    '"annotations": [{"infons": {"type": "Disease"}, "text": "Renal failure", "locations": '
    '[{"offset": 0, "length": 13}]}]}]}]}',
    "a.tsv": "Renal\tB-Disease\nfailure\tI-Disease\n.\tO\n\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_other_forms_are_read(name, tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / "in" / split).mkdir(parents=True)
        (tmp_path / "in" / split / name).write_text(FORMS[name])
    report = make(tmp_path / "in", "form")
    assert {split: counts["entities"] for split, counts in report["splits"].items()} == {
        "train": 1, "dev": 1, "test": 1,
    }  # fmt: skip


def brat_of(mirror: Path, folder: Path) -> None:
    shutil.unpack_archive(mirror / "pgxcorpus/brat.tar.gz", folder)


def copied(*names: str) -> Callable[[Path, Path], None]:
    def copy(mirror: Path, folder: Path) -> None:
        for name in names:
            shutil.copy(mirror / name, folder)

    return copy


def bioc_of(mirror: Path, folder: Path) -> None:
    shutil.copy(mirror / "biored/Dev.BioC.JSON", folder / "biored.BioC.JSON")


def jsonl_of(mirror: Path, folder: Path) -> None:
    data = (mirror / "bc5cdr/pubtator/CDR_sample.txt").read_bytes()
    documents = read("pubtator", {"sample": data}).documents
    (folder / "sample.jsonl").write_bytes(jsonl(documents)["corpus.jsonl"])


REAL: dict[str, Callable[[Path, Path], None]] = {
    "brat": brat_of,
    "pubtator": copied(*(f"ncbi_disease/pubtator/NCBI{split}set_corpus.txt"
                         for split in ("train", "develop", "test"))),
    "bioc": bioc_of,
    "iob": copied(*(f"ncbi_disease/iob/{split}.tsv" for split in ("train", "devel", "test"))),
    "jsonl": jsonl_of,
}  # fmt: skip


@pytest.mark.parametrize("form", REAL)
def test_real_corpora_of_each_form_are_read_to_the_last_mention(form, tmp_path, corpora_mirror):
    (tmp_path / "in").mkdir()
    REAL[form](corpora_mirror, tmp_path / "in")
    report = make(tmp_path / "in", form)
    files = [path.read_bytes() for path in (tmp_path / "in").rglob("*.*")]
    raw = {"brat": matches(rb"^T\d"), "jsonl": matches(rb'"type"')}.get(form) or COUNTED[form]
    assert report["mentions"] == sum(map(raw, files)) > 700
    assert all(split["entities"] > 50 for split in report["splits"].values())
    assert report["entities"] + report["lost"] == report["mentions"]
    assert report["flags"]["discontinuous"] == (form == "brat")
    said = told(report)
    assert f"{report['lost']} of {report['mentions']} mentions could not be used." in said
    assert read_json(tmp_path / "own" / form / "report.json") == report


def test_what_was_mended_is_read_anew(notes):
    make(notes)
    entry = notes.parent / "own" / "notes" / "corpora.yaml"
    before = load_corpora(entry)["notes"].entry("all.tar")
    brat(notes, "note3", 33)
    make(notes)
    after = load_corpora(entry)["notes"].entry("all.tar")
    assert before["local"] == after["local"]
    assert before["sha256"] != after["sha256"]
    with pytest.raises(UserError, match="enter it anew with `bionerflow new-corpus`"):
        fetch(before, notes.parent / "raw")


def test_what_keeps_a_model_from_learning_is_told(tmp_path):
    for split, type in {"train": "Disease", "dev": "disease", "test": "Drug"}.items():
        brat(tmp_path / "notes", f"{split}/note", 1, f"T2\t{type} 0 7\tPatient")
    said = told(make(tmp_path / "notes"))
    assert "Warning: train has no Drug: a model cannot learn it." in said
    assert "Warning: Disease and disease may be one type" in said


def test_what_cannot_be_told_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"There is no folder"):
        found(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"has no annotated file"):
        found(tmp_path)
    (tmp_path / "train.tsv").touch()
    with pytest.raises(
        UserError, match=r"names of train alone: train and test are needed, or none"
    ):
        found(tmp_path)
    (tmp_path / "more.tsv").touch()
    with pytest.raises(UserError, match=r"1 files are of no split, .*more.tsv first"):
        found(tmp_path)
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(UserError, match=r"forms of several kinds \(iob, jsonl\)"):
        found(tmp_path)


@pytest.mark.parametrize("model", ["smollm2-135m", "qwen2.5-0.5b"])
def test_the_papers_targets_are_planned_for_it(model, notes, monkeypatch):
    make(notes, model=model)
    monkeypatch.chdir(ROOT)
    folder = notes.parent / "own" / "notes"
    config = yaml.safe_load(Path("config/config.yaml").read_text("utf-8"))
    plan = Plan(config | yaml.safe_load((folder / "config.yaml").read_text("utf-8")))
    run = f"notes.{model}.conv_term.draw1"
    assert set(plan.table("mfner", "table5").ids()) == {run, f"{run}+llm_cls"}
    assert plan.run(run).train.method == ("lora" if model == "smollm2-135m" else "full")
    if model == "smollm2-135m":
        jobs = subprocess.run(
            [sys.executable, "-m", "snakemake", "-n", "-q", "rules", "--cores", "1",
             "--configfile", str(folder / "config.yaml"), "--", "results/tables/table5.csv"],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert jobs.returncode == 0, jobs.stdout + jobs.stderr
        assert "fit_selector" in jobs.stdout
