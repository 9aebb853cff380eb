"""The stage `render`: prompts as the papers print them, rows, counts, the script."""

import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from bionerflow.config.base import load
from bionerflow.config.corpora import load_corpora
from bionerflow.config.experiments import Experiment
from bionerflow.data.schema import (
    CONVERSATIONS,
    Entity,
    Example,
    Turn,
    read_card,
    read_rows,
    write_examples,
)
from bionerflow.formats import FORMATS
from bionerflow.formats.prompts import Asking, conversation, read_definitions
from bionerflow.formats.render import render
from bionerflow.workflow.plan import Plan

ROOT = Path(__file__).parent.parent
TEXT = "BCL6 plays a role in {text} lymphocytes ."
BCL6 = Entity.at("protein", [(0, 4)], TEXT)
GENIA = Asking("Genia", "en", ("protein", "cell_type"), {"protein": "a protein is {types}."})


def example(id, text, *entities):
    return Example(id, id.split(":")[0], "en", text, entities)


def test_mfner_asks_so():
    turns = conversation(GENIA, FORMATS["multi_triple"], TEXT, [BCL6], GENIA.types)
    assert turns == [
        Turn(
            "user",
            "The task you need to complete is named entity recognition. "
            "Follow Genia guidelines.\n\n"
            "List all mentions, one a line: mention; is a; type. Types: protein, cell_type.\n\n"
            f"Text: {TEXT}",
        ),
        Turn("assistant", "Answer:\nBCL6; is a; protein"),
    ]


def test_a_conversation_alternates():
    turns = conversation(GENIA, FORMATS["conv_term"], TEXT, [BCL6], GENIA.types)
    assert [turn.role for turn in turns] == ["user", "assistant"] * 2
    assert turns[0].content.endswith(f"Text: {TEXT}\n\nType: protein")
    assert turns[1:] == [
        Turn("assistant", 'Answer: ["BCL6"]'),
        Turn("user", "Type: cell_type"),
        Turn("assistant", "Answer: []"),
    ]


def test_unified_asks_so():
    system, user, answer = conversation(GENIA, FORMATS["symbolic"], TEXT, [BCL6], GENIA.types)
    assert system == Turn(
        "system",
        "You are an expert in biomedical named entity recognition. Your task is to annotate named "
        "entities in the Genia dataset.",
    )
    assert user.content.split("\n")[:3] == [
        "Biomedical Named Entity Recognition Task: please annotate the biomedical entities in the "
        f"text below: {TEXT}",
        "Entity types include: protein, cell_type.",
        "The definitions of the entity types are as follows, protein: a protein is {types}.",
    ]
    assert answer.content == "protein: [BCL6] plays a role in {text} lymphocytes ."


def test_without_definitions_their_line_is_left_out():
    asking = Asking("Genia", "en", GENIA.types)
    user = conversation(asking, FORMATS["html"], TEXT, [], GENIA.types)[1]
    assert "definitions" not in user.content
    assert len(user.content.split("\n")) == 3


def test_bioselecttune_asks_so():
    asking = Asking("BC5CDR-Chem", "en", ("Chemical",))
    turns = conversation(asking, FORMATS["json_entity"], TEXT, [], asking.types)
    assert turns == [
        Turn("user", f"Extract chemical entities from the following text.\n{TEXT}"),
        Turn("assistant", "[]"),
    ]


def test_chinese_corpora_are_asked_in_chinese():
    asking = Asking("CMeEE-V2", "zh", ("疾病", "临床表现"), {"疾病": "指病。"})
    system, user, _ = conversation(asking, FORMATS["symbolic"], "肺炎", [], asking.types)
    assert "CMeEE-V2数据集" in system.content
    assert "实体类型包括：疾病、临床表现。\n实体类型的定义如下，疾病：指病。\n" in user.content


@pytest.mark.parametrize("format", FORMATS)
def test_other_languages_are_asked_in_english(format):
    french, english = (
        conversation(Asking("x", language, ("A_b",)), FORMATS[format], "", [], ["A_b"])
        for language in ("fr", "en")
    )
    assert french == english


CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_every_corpus_that_unified_asks_about_is_defined_in_its_language():
    """Also those that are only tested on, and other splits of a corpus."""
    experiment = load(Experiment, ROOT / "config/experiments/unified.yaml").with_unseen()
    plan = Plan(yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8")))
    assert "ccks2019_as" in experiment.corpora
    for corpus in [*experiment.corpora, "bc5cdr_chem_train_dev", "cmeee_v2_dev", "sample_zh"]:
        settings, [file] = plan.corpora[corpus], plan.definitions(corpus)
        definitions = read_definitions(file)
        assert set(settings.types) <= set(definitions)
        said = [text for type in settings.types for text in (type, definitions[type])]
        assert {bool(CHINESE.search(text)) for text in said} == {settings.language == "zh"}, corpus


@pytest.mark.parametrize("format", FORMATS.values(), ids=list(FORMATS))
def test_chinese_names_of_types_survive_every_format(format):
    text = "患者有高血压和头痛。"
    gold = [Entity.at("疾病", [(3, 6)], text), Entity.at("临床表现", [(7, 9)], text)]
    found = []
    for types in format.queries(["疾病", "临床表现"]):
        its = [entity for entity in gold if entity.type in types]
        answers = [t.content for t in format.render(text, its, types) if t.role == "assistant"]
        parsed = format.parse(answers, text, types)
        assert parsed.problems == ()
        found += parsed.entities
    carried = gold if format.can_carry(gold) else []
    assert sorted(found) == sorted(carried)


#: A Chinese character, a digit, a word or marks: about one token of the paper's models, or less.
PIECES = re.compile(r"[A-Za-z]+|\d|\s+|[\u4e00-\u9fff]|[^\sA-Za-z\d\u4e00-\u9fff]+")


@pytest.mark.parametrize("name", ["json_index", "html", "symbolic"])
def test_unified_cuts_at_most_one_gold_answer_in_a_thousand(name):
    file = ROOT.parent / "shared/corpora/cmeee/v2/CMeEE-V2_dev.json.gz"
    if not file.is_file():
        pytest.skip("the corpus is not here")
    experiment = load(Experiment, ROOT / "config/experiments/unified.yaml")
    settings = load_corpora(ROOT / "config/corpora.yaml")["cmeee_v2"]
    lengths = []
    for row in json.loads(gzip.decompress(file.read_bytes())):
        text, types = row["text"], settings.type_map
        spans = {(types[e["type"]], e["start_idx"], e["end_idx"] + 1) for e in row["entities"]}
        entities = sorted(Entity.at(type, [(start, end)], text) for type, start, end in spans)
        answer = FORMATS[name].render(text, entities, settings.types)[-1].content
        lengths.append(len(PIECES.findall(answer)))
    limit = experiment.base.predict.max_new_tokens
    assert sum(length > limit for length in lengths) <= len(lengths) / 1000


def test_a_row_a_query_with_what_was_lost_counted():
    pair = Entity.at("protein", [(0, 4), (5, 10)], TEXT)
    second = Entity.at("cell_type", [(2, 3)], "aXaX")
    rows_of = lambda name, counts: list(  # noqa: E731
        render(
            [example("d:0", TEXT, BCL6, pair), example("d:1", "aXaX", second)],
            "genia",
            GENIA,
            FORMATS[name],
            counts,
        )
    )
    counts = Counter()
    rows = rows_of("single_tag", counts)
    assert [(row["id"], row["types"]) for row in rows] == [
        ("d:0", ["protein"]),
        ("d:0", ["cell_type"]),
        ("d:1", ["protein"]),
        ("d:1", ["cell_type"]),
    ]
    assert [len(row["entities"]) for row in rows] == [2, 0, 0, 1]
    assert counts == {"entities": 3, "left_out": 1, "lossy": 1}
    counts = Counter()
    assert len(rows_of("multi_term", counts)) == 2
    # "BCL6 plays" reads back as one piece, and the second "a" of "aXaX" as the first.
    assert counts == {"entities": 3, "left_out": 0, "lossy": 2}


def test_the_script_writes_a_file_and_a_card_a_split(tmp_path):
    for split in ("train", "dev", "test"):
        write_examples(tmp_path / f"in/{split}.parquet", [example("d:0", TEXT, BCL6)])
    definitions = tmp_path / "definitions.yaml"
    definitions.write_text("protein: {definition: made of amino acids, source: us}\n")
    settings = {"dataset": "Genia", "language": "en", "types": ["protein"], "nested": True}
    command = [sys.executable, "-P", ROOT / "workflow/scripts/render.py", "--corpus", "genia"]
    command += ["--settings", json.dumps(settings), "--definitions", definitions]
    command += ["--examples", tmp_path / "in", "--out", tmp_path / "out"]
    subprocess.run([*command, "--format", "html"], check=True)
    (row,) = read_rows(tmp_path / "out" / "test.html.parquet", CONVERSATIONS)
    assert "protein: made of amino acids" in row["turns"][1]["content"]
    card = read_card(tmp_path / "out" / "dev.html.parquet")
    assert card["counts"] == {"entities": 1, "left_out": 0, "lossy": 0}
    wrong = subprocess.run(
        [*command, "--format", "htm"], capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, wrong.stderr) == (
        1,
        "error: There is no format 'htm'. Did you mean 'html'?\n",
    )


def test_definitions_are_of_the_corpora_s_types():
    corpora = yaml.safe_load((ROOT / "config/corpora.yaml").read_text("utf-8"))
    corpora = corpora.get("corpora", corpora)
    files = {path.stem: path for path in (ROOT / "resources/definitions").glob("*.yaml")}
    assert {"genia", "cmeee_v2", "sample_zh", "sample_flat"} <= files.keys()
    for name in files.keys() & corpora.keys():
        assert set(corpora[name]["types"]) <= read_definitions(files[name]).keys()
