"""Each output format: the papers' printed examples, hand cases both ways, broken answers."""

from pathlib import Path

import pytest
import yaml

from bionerflow.data.schema import Entity, Turn
from bionerflow.formats import FORMATS, format_named
from bionerflow.utils.errors import UserError

TEXT = (
    "These results suggest that BCL6 plays a role in activated lymphocytes as an immediate early "
    "gene."
)
TYPES = ("cell_line", "protein", "RNA", "DNA", "cell_type")
ENTITIES = (
    Entity.at("protein", [(27, 31)], TEXT),
    Entity.at("cell_type", [(48, 69)], TEXT),
    Entity.at("cell_type", [(58, 69)], TEXT),
)
MARKED = "the peri-kappa B site is seen in monocytes"

HEAD = '''Answer:
```py
def named_entity_recognition(input_text):
    """ extract entities from the input_text. """
    input_text = "These results suggest that BCL6 plays a role in activated lymphocytes \
as an immediate early gene."
    entity_list = []
'''

#: mfner, section 3.2, in the order that it prints: line breaks of its columns taken out. Rulings:
#: two signs close one mark (`####`, printed `###`); `single_code` (its printed listing is that of
#: `multi_tag`); the indentation of the code, which the printed page does not keep.
PRINTED = {
    "single_term": 'Answer: ["activated lymphocytes", "lymphocytes"]',
    "multi_term": (
        'Answer: [{"text": "activated lymphocytes", "type": "cell_type"}, '
        '{"text": "BCL6", "type": "protein"}, {"text": "lymphocytes", "type": "cell_type"}]'
    ),
    "single_tag": (
        "Answer: These results suggest that BCL6 plays a role in @@activated @@lymphocytes#### "
        "as an immediate early gene."
    ),
    "multi_tag": (
        "Answer: These results suggest that <protein>BCL6</protein> plays a role in "
        "<cell_type>activated <cell_type>lymphocytes</cell_type></cell_type> "
        "as an immediate early gene."
    ),
    "single_span": "Answer: [[48, 69], [58, 69]]",
    "multi_span": (
        'Answer: [{"span": [48, 69], "type": "cell_type"}, '
        '{"span": [27, 31], "type": "protein"}, {"span": [58, 69], "type": "cell_type"}]'
    ),
    "single_code": HEAD
    + "    # extracted entities for cell_type type.\n"
    + '    entity_list.append("activated lymphocytes")\n'
    + '    entity_list.append("lymphocytes")\n```',
    "multi_code": HEAD
    + "    # extracted entities for cell_line, protein, RNA, DNA, cell_type types.\n"
    + '    entity_list.append({"text": "activated lymphocytes", "type": "cell_type"})\n'
    + '    entity_list.append({"text": "BCL6", "type": "protein"})\n'
    + '    entity_list.append({"text": "lymphocytes", "type": "cell_type"})\n```',
    "multi_triple": (
        "Answer:\nactivated lymphocytes; is a; cell_type\nBCL6; is a; protein\n"
        "lymphocytes; is a; cell_type"
    ),
    "multi_bio": (
        "Layer 1: O O O O B-protein O O O O B-cell_type I-cell_type O O O O O\n"
        "Layer 2: O O O O O O O O O O B-cell_type O O O O O"
    ),
    "multi_brat": (
        "Answer:\nT1\tcell_type 48 69\tactivated lymphocytes\nT2\tprotein 27 31\tBCL6\n"
        "T3\tcell_type 58 69\tlymphocytes"
    ),
}


def query(name):
    return ("cell_type",) if FORMATS[name].per_type else TYPES


def answers(turns):
    return [turn.content for turn in turns if turn.role == "assistant"]


@pytest.mark.parametrize("name", PRINTED)
def test_mfner_prints_it_so(name):
    turns = FORMATS[name].render(TEXT, ENTITIES, query(name), order="alphabet")
    assert turns == [Turn("assistant", PRINTED[name])]
    parsed = FORMATS[name].parse(PRINTED[name], TEXT, query(name))
    assert parsed.entities == tuple(e for e in ENTITIES if e.type in query(name))
    assert parsed.problems == ()


def test_mfner_prints_a_conversation_so():
    turns = FORMATS["conv_term"].render(TEXT, ENTITIES, TYPES)
    assert turns[:4] == [
        Turn("user", "Type: cell_line"),
        Turn("assistant", "Answer: []"),
        Turn("user", "Type: protein"),
        Turn("assistant", 'Answer: ["BCL6"]'),
    ]
    assert len(turns) == 10
    assert FORMATS["conv_term"].parse(answers(turns), TEXT, TYPES).entities == ENTITIES


def test_unified_prints_offsets_so():
    text = "x" * 52 + "peri-kappa B site is seen in monocytes"
    entities = [Entity.at("DNA", [(52, 69)], text), Entity.at("cell_type", [(81, 90)], text)]
    answer = FORMATS["json_index"].render(text, entities, TYPES)[0].content
    assert answer == (
        '[{"start_idx": 52, "end_idx": 69, "type": "DNA", "entity": "peri-kappa B site"}, '
        '{"start_idx": 81, "end_idx": 90, "type": "cell_type", "entity": "monocytes"}]'
    )


def test_unified_prints_tags_and_symbols_so():
    entities = [Entity.at("DNA", [(4, 21)], MARKED), Entity.at("cell_type", [(33, 42)], MARKED)]
    assert FORMATS["html"].render(MARKED, entities, TYPES)[0].content == (
        "the <DNA:peri-kappa B site>peri-kappa B site</DNA:peri-kappa B site> is seen in "
        "<cell_type:monocytes>monocytes</cell_type:monocytes>"
    )
    # Its figure closes one bracket early: "[peri-kappa B] site".
    assert FORMATS["symbolic"].render(MARKED, entities, TYPES)[0].content == (
        "DNA: the [peri-kappa B site] is seen in monocytes\n"
        "cell_type: the peri-kappa B site is seen in [monocytes]"
    )
    nested = "CD28 surface receptor"
    entities = [Entity.at("protein", [(0, 21)], nested), Entity.at("protein", [(0, 4)], nested)]
    answer = FORMATS["symbolic"].render(nested, entities, TYPES)[0].content
    assert answer == "protein: [[CD28] surface receptor]"


def test_bioselecttune_prints_it_so():
    text = "ataxia-telangiectasia is rare"
    entity = Entity.at("Disease", [(0, 21)], text)
    answer = FORMATS["json_entity"].render(text, [entity], ["Disease"])[0].content
    assert answer == '[{"entity": "Disease", "name": "ataxia-telangiectasia"}]'


NOTHING = {
    "conv_term": "Answer: []",
    "multi_tag": "Answer: none here",
    "single_tag": "Answer: none here",
    "html": "none here",
    "symbolic": "None",
    "multi_triple": "Answer: None",
    "multi_brat": "Answer: None",
    "multi_bio": "Layer 1: O O",
    "json_entity": "[]",
    "json_index": "[]",
    "multi_span": "Answer: []",
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_found(name):
    answer = FORMATS[name].render("none here", [], ["A"])[-1].content
    assert answer == NOTHING[name]
    parsed = FORMATS[name].parse(answer, "none here", ["A"])
    assert (parsed.entities, parsed.problems) == ((), ())


HAND = {
    "nested": ("IL-2 receptor gene", [("A", (0, 18)), ("B", (0, 13)), ("A", (0, 4))]),
    "one extent, two types": ("EBV only", [("A", (0, 3)), ("B", (0, 3))]),
    "adjacent": (
        "p53/p21 and 肝肾",
        [("A", (0, 3)), ("A", (4, 7)), ("A", (12, 13)), ("A", (13, 14))],
    ),
    "repeated": ("ab ab ab c", [("A", (0, 2)), ("A", (3, 5)), ("A", (6, 8))]),
    "isotope": ("a [3H]thymidine assay", [("A", (2, 15))]),
    "bracket inside": ("level [Ca2+] here", [("A", (7, 11))]),
    "bracket around": ("level [Ca2+] here", [("A", (6, 12))]),
    "brackets nested": ("x [[b]] y", [("A", (3, 6)), ("A", (4, 5))]),
    "signs": ("x## y### @z", [("A", (0, 1)), ("A", (4, 8)), ("B", (9, 11))]),
    "tags": ("p < 0.05 <A>q</A> B", [("A", (9, 17)), ("B", (18, 19))]),
    "quotes": ("the \"x\" and 'y' \\ z", [("A", (4, 7)), ("B", (12, 15)), ("A", (16, 19))]),
    "triple": ("x; is a; A and z", [("A", (0, 10)), ("B", (15, 16))]),
    "line break": ("left\nknee pain\t2", [("A", (0, 9)), ("B", (10, 16))]),
    "emoji": ("😀 pain e\u0301 z", [("A", (0, 6)), ("B", (7, 9))]),
    "Chinese": ("急性【肝】炎，肺炎", [("A", (0, 6)), ("B", (2, 5)), ("A", (7, 9))]),
}


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "multi_bio"])
@pytest.mark.parametrize("case", HAND)
def test_round_trip(name, case):
    text, gold = HAND[case]
    entities = {Entity.at(type, [span], text) for type, span in gold}
    read = set()
    for types in FORMATS[name].queries(("A", "B")):
        turns = FORMATS[name].render(text, entities, types)
        parsed = FORMATS[name].parse(answers(turns), text, types)
        assert parsed.problems == ()
        read |= set(parsed.entities)
    assert read == entities


@pytest.mark.parametrize("name", FORMATS)
def test_discontinuous(name):
    text = "pain in left knee and right knee of patients with pain"
    entities = {
        Entity.at("A", [(0, 12), (28, 32)], text),
        Entity.at("A", [(0, 7), (22, 32)], text),
        Entity.at("A", [(50, 54)], text),
    }
    turns = FORMATS[name].render(text, entities, ("A",))
    read = set(FORMATS[name].parse(answers(turns), text, ("A",)).entities)
    assert FORMATS[name].can_carry(entities) == FORMATS[name].discontinuous
    if name == "multi_brat":
        assert "T2\tA 0 12;28 32\tpain in left knee" in turns[0].content
        assert read == entities
    elif FORMATS[name].discontinuous:
        # "pain in left knee" also stands in one piece: a string cannot say which is meant.
        assert read == {
            Entity.at("A", [(0, 17)], text),
            Entity.at("A", [(0, 7), (22, 32)], text),
            Entity.at("A", [(50, 54)], text),
        }
    else:
        assert read == {Entity.at("A", [(50, 54)], text)}


def test_crossing_mentions_of_one_type():
    text = "a b c"
    entities = [Entity.at("A", [(0, 3)], text), Entity.at("A", [(2, 5)], text)]
    carried = {name for name, format in FORMATS.items() if format.can_carry(entities)}
    assert set(FORMATS) - carried == {"single_tag", "multi_tag", "symbolic"}
    for name in carried:
        turns = FORMATS[name].render(text, entities, ["A"])
        assert FORMATS[name].parse(answers(turns), text, ["A"]).entities == tuple(entities)


def test_tokens_are_the_limit_of_bio():
    text = "the gene. (p53) IL-2-dependent"
    entities = [Entity.at("A", [s], text) for s in ((4, 8), (11, 14), (16, 20))]
    format = FORMATS["multi_bio"]
    answer = format.render(text, entities, ["A"])[0].content
    assert answer == "Layer 1: O B-A B-A B-A"
    read = format.parse(answer, text, ["A"]).entities
    assert [entity.text for entity in read] == ["gene", "p53", "IL-2-dependent"]


T = "These results suggest that BCL6 plays a role in activated lymphocytes."
BROKEN = yaml.safe_load((Path(__file__).parent / "broken_answers.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case['format']}-{case['answer'][:40]}")
def test_broken_answers_keep_what_is_sound(case):
    format = FORMATS[case["format"]]
    parsed = format.parse(case["answer"], T, format.queries(("protein", "cell_type"))[0])
    assert [[entity.type, entity.text] for entity in parsed.entities] == case["kept"]
    assert [problem.kind for problem in parsed.problems] == case["problems"]


def test_strings_take_their_next_free_occurrence():
    text = "cancer of breast cancer ; breast ; cancer ."
    answer = '["breast cancer", "cancer", "cancer", "cancer", "cancer"]'
    parsed = FORMATS["single_term"].parse(answer, text, ["A"])
    starts = [(entity.start, entity.end) for entity in parsed.entities]
    assert starts == [(0, 6), (10, 23), (17, 23), (35, 41)]
    assert [problem.kind for problem in parsed.problems] == ["ambiguous"]


GROUNDED = {
    "a word before a part of one": ("contrast of ras", [[(12, 15)]]),
    "after a number in a circle": ("③PZA and PZAs", [[(1, 4)]]),
    "inside, as the next mention begins later": (
        "TR:TREp complex with TR beta 1",
        [[(0, 15)], [(0, 2)], [(21, 30)]],
    ),
    "inside, as nothing follows": (
        "dystonia or alcohol -induced dystonia",
        [[(12, 37)], [(29, 37)]],
    ),
    "before what follows, where a later one is free": (
        "IL-2 and JAK1 bind IL-2 there",
        [[(0, 4)], [(9, 13)]],
    ),
    "the last, as room is left for what stands once": (
        "a gene, a cell, a gene",
        [[(2, 6)], [(10, 14)], [(18, 22)]],
    ),
    "fragments near each other": (
        "arsenic or lead; arsenic or lead induced cancer",
        [[(17, 24), (33, 47)], [(28, 47)]],
    ),
}


@pytest.mark.parametrize("case", GROUNDED)
def test_a_string_stands_where_the_order_of_mentions_allows_it(case):
    text, gold = GROUNDED[case]
    entities = tuple(Entity.at("A", spans, text) for spans in gold)
    answer = FORMATS["single_term"].render(text, entities, ["A"])[0].content
    parsed = FORMATS["single_term"].parse(answer, text, ["A"])
    assert (parsed.entities, parsed.problems) == (entities, ())


def test_mentions_out_of_order_are_found_and_problems_keep_the_order_of_the_answer():
    text = "BCL6 plays a role in lymphocytes"
    answer = '["lymphocytes", "p53", 7, "BCL6", "BCL6"]'
    parsed = FORMATS["single_term"].parse(answer, text, ["A"])
    assert [entity.text for entity in parsed.entities] == ["BCL6", "lymphocytes"]
    kinds = [(problem.kind, problem.detail) for problem in parsed.problems]
    assert kinds == [("not_in_text", "p53"), ("malformed", "7"), ("ambiguous", "BCL6")]


def test_declared_queries_and_instructions():
    assert FORMATS["single_term"].queries(["A", "B"]) == [("A",), ("B",)]
    assert FORMATS["conv_term"].queries(["A", "B"]) == [("A", "B")]
    assert len(FORMATS) == 17  # the papers' sixteen, and UniversalNER's
    for format in FORMATS.values():
        for language in ("en", "zh"):
            assert "{" not in format.instruction(["A"], language).replace('{"', "")
        assert format.instruction(["A"], "fr") == format.instruction(["A"], "en")
    assert "Types: A, B." in FORMATS["multi_term"].instruction(["A", "B"], "en")


def test_unknown_names_are_the_users_errors():
    with pytest.raises(UserError, match="Did you mean 'multi_triple'"):
        format_named("multi_tripel")
