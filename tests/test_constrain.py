"""Constrained decoding: whatever the model prefers, the answer parses and names what is there."""

import pytest
import torch
from fuzzing import TEXTS, TYPES
from tiny import TEXTS as LEARNED
from tiny import tiny_model, train_tokenizer
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import Entity, Turn
from bionerflow.formats import FORMATS
from bionerflow.formats.queries import Asked
from bionerflow.inference.constrained import Vocabulary, Writer, constrained, grammar_of
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.inference.predict import predict
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_causal, load_tokenizer
from bionerflow.utils.errors import UserError

#: Marks of the formats that are the sentence's own, at its edges and with a backslash; no text.
HARD = [*TEXTS, "p<0.05 [a] @b# x", "a\\b [x", "  lead ", "x<", "## @@", " [ ] ", "急性@肝炎，"]
USABLE = {"ambiguous"}
#: In a copy, no mention can be written twice.
COPIES = {"single_tag", "multi_tag", "html", "symbolic"}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    tokenizer = train_tokenizer([*LEARNED, *TEXTS] * 20, vocabulary=400)
    return Vocabulary(tokenizer, Chat(tokenizer).end)


def size(vocabulary):
    return max([*vocabulary.bytes, vocabulary.end]) + 1


def written(vocabulary, writer, limit, scores):
    """Return the bytes of an answer by a model that has `scores`, and whether it ended."""
    said = b""
    for _ in range(limit + 1):
        (token,) = constrained(scores()[None], [writer]).tolist()
        if token == vocabulary.end:
            return said, True
        said += vocabulary.bytes[token]
    return said, False


@pytest.mark.parametrize("name", FORMATS)
def test_random_answers_end_and_parse(name, vocabulary):
    generator = torch.Generator().manual_seed(0)
    limits = [60, 400]  # tokens: near enough to the limit that answers have to be closed, and far
    for text in HARD:
        for types in FORMATS[name].queries(TYPES):
            for limit in limits:
                writer = Writer(grammar_of(name, text, types), vocabulary, limit)
                possible = writer.bounded
                said, ended = written(
                    vocabulary,
                    writer,
                    limit,
                    lambda: torch.randn(size(vocabulary), generator=generator),
                )
                assert ended == possible, (text, said)
                if ended:
                    parsed = FORMATS[name].parse([said.decode()], text, types)
                    kinds = {problem.kind for problem in parsed.problems}
                    usable = set() if name in COPIES else USABLE
                    assert kinds <= usable, (text, said.decode(), parsed.problems)


@pytest.mark.parametrize("name", FORMATS)
def test_gold_answers_are_allowed(name, vocabulary):
    for text, mentions in TEXTS.items():
        entities = [Entity.at(t, spans, text) for t, spans in mentions if len(spans) == 1]
        for types in FORMATS[name].queries(TYPES):
            turns = FORMATS[name].render(text, entities, types)
            answers = [turn.content for turn in turns if turn.role == "assistant"]
            for n, answer in enumerate(answers):
                tokens = [*vocabulary.split(answer.encode()), vocabulary.end]
                writer = Writer(grammar_of(name, text, types, n), vocabulary, 10_000)
                for token in tokens:
                    wish = torch.zeros(size(vocabulary))
                    wish[token] = 1
                    assert constrained(wish[None], [writer]).tolist() == [token], answer


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("single_term", 'Answer: ["BCL7"]'),
        ("multi_term", 'Answer: [{"text": "BCL6", "type": "gene"}]'),
        ("multi_triple", "Answer:\nBCL6; is a; drug"),
        ("multi_tag", "Answer: <protein>BCL6</protein> played"),
        ("single_tag", "Answer: @@BCL6"),
        ("symbolic", "protein: [BCL6 a"),
        ("symbolic", "protein: [[BCL6]] plays"),  # one mention twice
        ("multi_tag", "Answer: <protein><protein>BCL6</protein></protein> plays"),
        ("html", "<protein:BCL6>BCL6 "),
        ("multi_span", 'Answer: [{"span": [4, 4]'),
        ("json_index", '[{"start_idx": 0, "end_idx": 4, "type": "protein", "entity": "plays"'),
        ("multi_bio", "Layer 1: O I-protein"),
        ("multi_bio", "Layer 1: B-protein I-cell_type"),
        ("multi_brat", "Answer:\nT2\tprotein"),
    ],
)
def test_what_is_not_in_the_sentence_or_breaks_the_form_is_refused(name, answer, vocabulary):
    writer = Writer(grammar_of(name, "BCL6 plays", TYPES[:1]), vocabulary, 1000)
    for token in vocabulary.split(answer.encode()):
        if token not in writer.allowed():
            return
        wish = torch.zeros(size(vocabulary))
        wish[token] = 1
        constrained(wish[None], [writer])
    assert vocabulary.end not in writer.allowed()


def test_the_best_allowed_token_is_chosen_even_if_many_better_ones_are_not(vocabulary):
    writer = Writer(grammar_of("single_term", "BCL6", ["protein"]), vocabulary, 100)
    allowed = writer.allowed()
    scores = torch.arange(size(vocabulary)).float() + 1000
    scores[allowed] -= 1000
    assert constrained(scores[None], [writer]).tolist() == [max(allowed)]
    assert constrained(scores[None], [None]).tolist() == [int(scores.argmax())]


def test_tokens_write_what_the_tokenizer_decodes(vocabulary):
    tokenizer = train_tokenizer([*LEARNED, *TEXTS] * 20, vocabulary=400)
    text = "急性 BCL6\n😀"
    assert tokenizer.decode(vocabulary.split(text.encode())) == text
    ids = tokenizer(text)["input_ids"]
    assert b"".join(vocabulary.bytes[id] for id in ids) == text.encode()
    assert vocabulary.end not in vocabulary.bytes


def test_a_tokenizer_of_other_pieces_than_bytes_is_refused():
    core = Tokenizer(models.BPE())
    core.decoder = decoders.Metaspace()
    with pytest.raises(UserError, match="not byte-level"):
        Vocabulary(PreTrainedTokenizerFast(tokenizer_object=core), 0)


def test_an_untrained_model_answers_in_every_format(tmp_path):
    folder = tiny_model(tmp_path / "model")
    engine = TorchEngine(load_causal(folder), load_tokenizer(folder))
    text = "BCL6 in lymphocytes."
    queries = [
        Asked("toy", name, f"d:{n}", types, text, (), turns)
        for name, format in FORMATS.items()
        for types in format.queries(TYPES)
        for n, turns in enumerate([_asked(format, text, types)])
    ]
    settings = PredictSettings(max_new_tokens=300, constrained=True)
    rows = list(predict(engine, queries, settings, tmp_path / "constrained"))
    assert [row["format"] for row in rows] == list(FORMATS)
    assert {problem["kind"] for row in rows for problem in row["problems"]} <= USABLE
    assert any(row["entities"] for row in rows)
    free = predict(engine, queries, PredictSettings(max_new_tokens=20), tmp_path / "free")
    assert any(problem["kind"] == "malformed" for row in free for problem in row["problems"])


def _asked(format, text, types):
    turns = format.render(text, [], types)
    first = [] if turns[0].role == "user" else [Turn("user", text)]
    return (*first, *turns)
