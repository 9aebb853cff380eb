"""Checks that the author of a plug-in calls in a test; each raises AssertionError in words.

from bionerflow.testing import check_format
from my_package import MyFormat

def test_my_format():
    check_format(MyFormat())
"""

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.readers import Reader
from bionerflow.data.schema import Entity, Turn
from bionerflow.formats import Format, Parsed

if TYPE_CHECKING:
    from bionerflow.inference.engines.base import Engine
    from bionerflow.select.model import Selector

TYPES = ("gene", "disease")
TEXTS = (
    "BRCA1 and BRCA2 cause breast and ovarian cancer.",
    "患者 BRCA1 突变 🧬, then again BRCA1.",
)
_FIRST, _SECOND = TEXTS
#: Entities of one text each: plain, none, nested, discontinuous, a string that occurs twice.
EXAMPLES: tuple[tuple[str, tuple[Entity, ...]], ...] = (
    (_FIRST, (Entity.at("gene", [(0, 5)], _FIRST), Entity.at("disease", [(22, 47)], _FIRST))),
    (_FIRST, ()),
    (_FIRST, (Entity.at("disease", [(33, 47)], _FIRST), Entity.at("disease", [(41, 47)], _FIRST))),
    (_FIRST, (Entity.at("disease", [(22, 28), (41, 47)], _FIRST),)),
    (_SECOND, (Entity.at("gene", [(3, 8)], _SECOND), Entity.at("gene", [(26, 31)], _SECOND))),
)
#: Random answers that a format has to survive, and how long each is.
ANSWERS, LENGTH = 500, 40
#: How much the probability of a candidate may differ with the padding beside it.
TOLERANCE = 1e-4


def check_format(format: Format, examples: Sequence[tuple[str, Sequence[Entity]]] = ()) -> None:
    """Check that a format reads back what it writes, and survives any answer.

    Args:
        format: The format.
        examples: Further texts with entities of the types "gene" and "disease". Those that the
            format declares not to carry (`Format.can_carry`) are passed over.
    """
    assert format.instruction(TYPES, "en").strip(), f"{format.name}: the instruction is empty."
    asked = [type for query in format.queries(TYPES) for type in query]
    assert sorted(asked) == sorted(TYPES), f"{format.name}: queries ask for {asked}, not {TYPES}."
    for text, entities in [*EXAMPLES, *examples]:
        if format.can_carry(entities):
            _check_round_trip(format, text, entities)
    _check_any_answer(format)


def _check_round_trip(format: Format, text: str, entities: Sequence[Entity]) -> None:
    for types in format.queries(TYPES):
        wanted = sorted(entity for entity in entities if entity.type in types)
        turns = format.render(text, wanted, types)
        answers = [turn.content for turn in turns if turn.role == "assistant"]
        parsed = format.parse(answers, text, types)
        where = f"{format.name}: {answers} for {text!r}"
        assert sorted(parsed.entities) == wanted, f"{where} is read as {parsed.entities}."
        assert not parsed.problems, f"{where} has problems: {parsed.problems}."


def _check_any_answer(format: Format) -> None:
    """Parse pieces of a real answer in any order, with other characters between them."""
    text, entities = EXAMPLES[0]
    written = "".join(turn.content for turn in format.render(text, entities, TYPES))
    letters = random.Random(0)
    for _ in range(ANSWERS):
        parts = letters.choices([*written, "\x00", "\n", "🧬", "<", '"', text], k=LENGTH)
        answer = "".join(parts)
        try:
            parsed = format.parse(answer, text, TYPES)
        except Exception as error:
            raise AssertionError(f"{format.name}: parse raised {error!r} on {answer!r}.") from error
        _check_spans(parsed, text, f"{format.name}: the answer {answer!r}")


def _check_spans(found: Parsed | Document, text: str, where: str) -> None:
    for entity in found.entities:
        edges = [edge for span in entity.spans for edge in span]
        within = edges and edges[0] >= 0 and edges[-1] <= len(text)
        assert within, f"{where} has an entity outside its text: {entity}."
        assert edges == sorted(set(edges)), f"{where} has spans out of order: {entity}."
        covered = Entity.at(entity.type, entity.spans, text).text
        assert entity.text == covered, f"{where}: {entity} covers {covered!r}."


def check_reader(
    reader: Reader, files: Mapping[str, bytes], expected: Sequence[Document], **options: Any
) -> None:
    """Check that a reader yields the expected documents and accounts for each mention.

    Args:
        reader: The reader.
        files: The contents of raw files by name.
        expected: The documents, in order.
        **options: The reader's own options.
    """
    reading = Reading()
    documents = list(reader(reading, files, **options))
    assert documents == list(expected), f"The reader yields {documents}, not {list(expected)}."
    for document in documents:
        _check_spans(document, document.text, f"The document '{document.id}'")
    kept = sum(len(document.entities) for document in documents)
    lost = sum(finding.lost for finding in reading.findings)
    counted = sum(reading.mentions.values())
    assert counted == kept + lost, (
        f"The reader counted {counted} mentions, but yields {kept} and lists {lost} as lost: place "
        "mentions by `Reading.place`, and list those that cannot be read by `Reading.lose`."
    )


def check_engine(engine: "Engine", max_new_tokens: int = 16) -> None:
    """Check that an engine answers each turn of each conversation, whatever else it is asked.

    Args:
        engine: The engine. If it samples, its answers differ and the check fails.
        max_new_tokens: The most tokens that an answer may have.
    """
    from bionerflow.inference.engines.base import Conversation

    asked, answer = Turn("user", f"Which gene? {_FIRST}"), Turn("assistant", "BRCA1")
    one, two = Conversation([asked, answer]), Conversation([asked, answer, asked, answer])
    conversations = [two, one, two._replace(given=1)]
    told: list[int] = []
    engine.check(conversations, max_new_tokens)
    answers = engine.answer(conversations, max_new_tokens, 2, told.append)
    counts = [len(its) for its in answers]
    assert counts == [2, 1, 1], f"{engine.label}: {counts} answers to [2, 1, 1] turns."
    told_last = told[-1] if told else None
    assert told_last == 3, f"{engine.label}: `done` was told {told_last} last, not 3 conversations."
    for conversation, its in zip(conversations, answers, strict=True):
        [alone] = engine.answer([conversation], max_new_tokens, 1)
        assert alone == its, f"{engine.label}: answers {its}, but alone {alone}."
    for found in [answer for its in answers for answer in its]:
        assert len(found.ids) == len(found.logprobs), (
            f"{engine.label}: {len(found.ids)} tokens with {len(found.logprobs)} log-probabilities."
        )
        written = engine.tokenizer.decode(found.ids) if found.ids else found.text
        assert written == found.text, f"{engine.label}: {found.text!r} decodes as {written!r}."


def check_selector(selector: "Selector") -> None:
    """Check that a selector judges each candidate by itself, and that training reaches its weights.

    Args:
        selector: The selector, on any base model, for the types TYPES.
    """
    from bionerflow.select.samples import Candidate

    candidates = [Candidate(e.type, e.spans, text) for text, its in EXAMPLES for e in its]
    found, name = selector.probabilities(candidates), type(selector).__name__
    assert len(found) == len(candidates), f"{name}: {len(found)} of {len(candidates)} candidates."
    for candidate, probability in zip(candidates, found, strict=True):
        [alone] = selector.probabilities([candidate])
        assert 0 <= probability <= 1, f"{name}: {probability} is no probability."
        assert abs(alone - probability) < TOLERANCE, (
            f"{name}: {probability} for '{candidate.marked()}' beside others, but alone {alone}."
        )
    rows = [{"input_ids": ids, "label": 1.0} for ids in selector.encode(candidates)]
    selector(**selector.collate(rows)).loss.backward()
    trained = selector.trained().items()  # an encoder may have weights for other tasks
    idle = [one for one, its in trained if its.grad is None and not one.startswith("encoder.")]
    assert not idle, f"{name}: training does not reach {', '.join(idle)}."
