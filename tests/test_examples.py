"""Examples that people write for prompts: marked mentions, and what is wrong with them in words."""

import pytest

from bionerflow.data.schema import Entity
from bionerflow.formats.marked import read_examples
from bionerflow.formats.prompts import read_definitions
from bionerflow.utils.errors import UserError

TYPES = ["Disease", "Organ", "Chemical"]


def entity(type: str, word: str, text: str) -> Entity:
    start = text.index(word)
    return Entity.at(type, [(start, start + len(word))], text)


def test_marks_become_entities_and_other_brackets_stay():
    text = "[18F]FDG shows 患者 breast cancer (left) after tamoxifen [1]."
    written = text.replace("breast cancer", "[[breast](Organ) cancer](Disease)")
    written = written.replace("tamoxifen", "[tamoxifen](Chemical)")
    [example] = read_examples([" " + written + "\n"], TYPES)
    assert example.text == text
    assert set(example.entities) == {
        entity("Organ", "breast", text),
        entity("Disease", "breast cancer", text),
        entity("Chemical", "tamoxifen", text),
    }


def test_brackets_within_a_mention_stay():
    [example] = read_examples(["given [[18F]FDG](Chemical)"], TYPES)
    assert example == ("given [18F]FDG", (entity("Chemical", "[18F]FDG", "given [18F]FDG"),))


def test_empty_lines_are_left_out_and_an_example_may_have_no_mention():
    assert read_examples(["", "No fever.", "  "], TYPES) == (("No fever.", ()),)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[flu](Diseas)", r"Example 2: 'Diseas' is not a type to find. Did you mean 'Disease'\?"),
        ("flu](Disease)", r"Example 2: '\]\(Disease\)' has no opening bracket"),
        ("[](Disease)", "Example 2: a mention has no text"),
    ],
)
def test_what_is_wrong_is_told_with_its_number(line, words):
    with pytest.raises(UserError, match=words):
        read_examples(["A good one.", "", line], TYPES)


def test_definitions_are_words_or_entries_and_anything_else_is_told(tmp_path):
    file = tmp_path / "types.yaml"
    file.write_text("Disease: An illness.\nOrgan: {definition: A part., source: ours}\n")
    assert read_definitions(file) == {"Disease": "An illness.", "Organ": "A part."}
    for text in ("Disease", "Disease: 5", "Disease: {meaning: x}", "[a", "Disease: {definition: }"):
        file.write_text(text)
        with pytest.raises(UserError, match=r"types\.yaml"):
            read_definitions(file)
    with pytest.raises(UserError, match=r"none\.yaml cannot be read"):
        read_definitions(tmp_path / "none.yaml")
