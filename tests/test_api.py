"""The public interface: five lines per use, and importing it loads nothing heavy."""

import subprocess
import sys

import pytest
from tiny import tiny_model

import bionerflow
from bionerflow.annotate.model import RunModel
from bionerflow.annotate.passages import Answered, Mention
from bionerflow.data.schema import PREDICTIONS, Example, entity_row, write_examples, write_rows
from bionerflow.evaluate.lists import UNKNOWN
from bionerflow.evaluate.mentions import read_sample
from bionerflow.evaluate.scores import judge, record
from bionerflow.utils.files import write_json

TEXTS = ["BRCA1 mutations cause breast and ovarian cancer.", "Rats were fed.", "No BRCA1 here."]
GENE = bionerflow.Entity.at("gene", [(0, 5)], TEXTS[0])
BREAST = bionerflow.Entity.at("disease", [(22, 28), (41, 47)], TEXTS[0])
OVARIAN = bionerflow.Entity.at("disease", [(33, 47)], TEXTS[0])
RATS = bionerflow.Entity.at("species", [(0, 4)], TEXTS[1])
AGAIN = bionerflow.Entity.at("gene", [(3, 8)], TEXTS[2])
GOLD = [[GENE, BREAST, OVARIAN], [RATS], [AGAIN]]
FOUND = [[GENE, bionerflow.Entity.at("disease", [(41, 47)], TEXTS[0])], [], [AGAIN]]


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'snakemake', 'datasets', 'pandas', 'pyarrow'}"
    assert run_python(f"import sys, bionerflow; print({heavy} & set(sys.modules))") == "set()"


def test_formats_and_scores_need_no_torch():
    code = """
import sys, bionerflow
text = "BRCA1 causes cancer."
gold = [bionerflow.Entity("gene", (bionerflow.Span(0, 5),), "BRCA1")]
turns = bionerflow.FORMATS["multi_term"].render(text, gold, ["gene"])
found = bionerflow.FORMATS["multi_term"].parse(turns[-1].content, text, ["gene"]).entities
assert list(found) == gold
assert bionerflow.evaluate([text], [gold], [found])["strict"]["f1"]["value"] == 1
print({"torch", "transformers", "snakemake"} & set(sys.modules))
"""
    assert run_python(code) == "set()"


@pytest.mark.parametrize(
    "first", ["import bionerflow.annotate.names", "import bionerflow.evaluate.keys"]
)
def test_a_packages_name_can_be_called_whatever_was_imported_before(first):
    code = f"{first}\nimport bionerflow\nprint(callable(bionerflow.annotate))\n"
    code += "print(bionerflow.evaluate(['a'], [[]], [[]])['n']['gold'])"
    assert run_python(code).split() == ["True", "0"]


def test_all_public_names_are_there_and_no_other():
    assert {name for name in bionerflow.__all__ if getattr(bionerflow, name) is None} == set()
    assert set(bionerflow.__all__) <= set(dir(bionerflow))
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        bionerflow.lod  # noqa: B018


def test_the_stub_and_the_package_agree():
    from conftest import ROOT

    stub = (ROOT / "src/bionerflow/__init__.pyi").read_text()
    assert {line.split(" as ")[1] for line in stub.splitlines() if " as " in line} == set(
        bionerflow.__all__
    )


def test_scores_are_those_of_a_run(tmp_path):
    documents = ["a", "a", "b"]
    examples = [
        Example(str(n), documents[n], "en", text, tuple(GOLD[n])) for n, text in enumerate(TEXTS)
    ]
    write_examples(tmp_path / "c" / "test.parquet", examples)
    rows = [
        {"corpus": "c", "format": "f", "id": str(n), "answers": [""], "problems": [],
         "entities": list(map(entity_row, found))}
        for n, found in enumerate(FOUND)
    ]  # fmt: skip
    write_rows(tmp_path / "run.parquet", rows, PREDICTIONS)
    of_run = record(judge(read_sample(tmp_path / "run.parquet", tmp_path), {}))
    scores = bionerflow.evaluate(TEXTS, GOLD, FOUND, documents)
    assert scores == {name: value for name, value in of_run.items() if name not in UNKNOWN}
    assert scores["n"]["documents"] == 2
    assert scores["strict"]["precision"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert scores["strict"]["recall"]["value"] == pytest.approx(2 / 5, abs=1e-6)
    assert scores["types"]["gene"]["f1"] == 1
    assert scores["relaxed"]["precision"] == 1


def test_lists_that_do_not_fit_are_told_in_words():
    with pytest.raises(bionerflow.UserError, match="3 texts, but `predicted` has 1"):
        bionerflow.evaluate(TEXTS, GOLD, [[]])
    with pytest.raises(bionerflow.UserError, match="does not lie within text 1"):
        bionerflow.evaluate(TEXTS, GOLD, [[], [OVARIAN], []])
    with pytest.raises(bionerflow.UserError, match="at least one text"):
        bionerflow.evaluate([], [], [])


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "own.tiny.multi_term.draw1"
    tiny_model(folder / "model")
    asked = {"dataset": "own", "language": "en", "types": ["gene", "disease"], "definitions": {}}
    card = {"run": folder.name, "corpora": {"own": asked}, "formats": ["multi_term"],
            "predict": {"max_new_tokens": 8, "batch_size": 4}}  # fmt: skip
    write_json(folder / "run.json", card)
    return folder


def test_a_run_annotates_texts_as_the_command_does(tiny_run, monkeypatch):
    def answered(self, sentences):
        found = bionerflow.Entity.at("gene", [(0, 5)], sentences[0])
        return [Answered([Mention(found, 0.75)]), *(Answered() for _ in sentences[1:])]

    model = bionerflow.load(tiny_run)
    [*real] = model.annotate(iter(TEXTS))
    assert [one.text for one in real] == TEXTS
    assert any(one.problems for one in real)  # an untrained model writes what cannot be used
    monkeypatch.setattr(RunModel, "__call__", answered)
    first, *_ = bionerflow.annotate(TEXTS, model=model)
    [entity] = first.entities
    assert (entity.type, entity.start, entity.end, entity.text) == ("gene", 0, 5, "BRCA1")
    assert (entity.confidence, entity.spans) == (0.75, (bionerflow.Span(0, 5),))
    scores = bionerflow.evaluate(TEXTS[:1], GOLD[:1], [first.entities])
    assert scores["n"]["correct"] == 1
    assert scores["calibration"]["bins"][7]["n"] == 1


def test_entities_have_offsets_in_the_whole_text(tiny_run, monkeypatch):
    def last_word(self, sentences):
        spans = [(len(s) - 7, len(s) - 1) for s in sentences]
        return [
            Answered([Mention(bionerflow.Entity.at("x", [span], s))])
            for s, span in zip(sentences, spans, strict=True)
        ]

    monkeypatch.setattr(RunModel, "__call__", last_word)
    text = "It is 🧬 cancer. There is another tumour."
    [found] = bionerflow.annotate([text], tiny_run)
    assert [entity.text for entity in found.entities] == ["cancer", "tumour"]
    assert [text[entity.start : entity.end] for entity in found.entities] == ["cancer", "tumour"]


def test_one_text_instead_of_a_list_is_refused(tiny_run):
    with pytest.raises(bionerflow.UserError, match="list of texts"):
        bionerflow.annotate("BRCA1", tiny_run)
    with pytest.raises(bionerflow.UserError, match=r"no run\.json in nowhere"):
        bionerflow.load("nowhere")
