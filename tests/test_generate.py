"""Batched greedy answers against transformers' own generate and a plain loop without cache."""

import random
from itertools import pairwise

import pytest
import torch
from tiny import TEXTS, tiny_model

from bionerflow.data.schema import Turn
from bionerflow.inference import generate as generate_module
from bionerflow.inference.generate import SHARED_TOKENS, Answer, choose, generate
from bionerflow.inference.slots import Slots
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_causal, load_tokenizer
from bionerflow.utils.errors import UserError

LIMIT = 16


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model that ends about half of its answers within the limit, and its tokenizer."""
    folder = tiny_model(tmp_path_factory.mktemp("tiny"))
    model, tokenizer = load_causal(folder), load_tokenizer(folder)
    with torch.no_grad():
        model.model.embed_tokens.weight[Chat(tokenizer).end] *= 2
    return model, tokenizer


def conversations(turns, seed=0):
    """Return a conversation of questions of random lengths for each number of answers."""
    rng = random.Random(seed)
    words = " ".join(TEXTS).split(" ")
    asked = [
        [Turn("user", " ".join(rng.choices(words, k=rng.randint(1, 12)))) for _ in range(n)]
        for n in turns
    ]
    return [[turn for user in row for turn in (user, Turn("assistant", "-"))] for row in asked]


@torch.inference_mode()
def plain(model, tokenizer, conversation):
    """Answer turn by turn, reading the whole conversation anew for each token."""
    chat = Chat(tokenizer)
    ids, answers = [], []
    for asked in chat.encode_asked([conversation])[0]:
        ids += asked
        answer = []
        while len(answer) < LIMIT and chat.end not in answer:
            logits = model(torch.tensor([ids + answer]), use_cache=False).logits[0, -1]
            answer.append(int(logits.argmax()))
        ended = chat.end in answer
        answer = answer[:-1] if ended else answer
        ids += [*answer, chat.end]
        answers.append(Answer(tokenizer.decode(answer), not ended))
    return answers


@torch.inference_mode()
def by_transformers(model, tokenizer, conversation):
    chat = Chat(tokenizer)
    asked = torch.tensor(chat.encode_asked([conversation])[0])
    out = model.generate(
        asked,
        attention_mask=torch.ones_like(asked),
        do_sample=False,
        max_new_tokens=LIMIT,
        eos_token_id=chat.end,
        pad_token_id=tokenizer.pad_token_id,
    )[0, asked.shape[1] :].tolist()
    ended = out[-1] == chat.end
    return [Answer(tokenizer.decode(out[:-1] if ended else out), not ended)]


def test_single_answers_are_those_of_transformers(tiny):
    asked = conversations([1] * 12)
    answers = generate(*tiny, asked, LIMIT, 5)
    assert answers == [by_transformers(*tiny, one) for one in asked]
    assert 3 <= sum(answer.truncated for [answer] in answers) <= 9
    assert len({answer.text for [answer] in answers}) > 6


def test_conversations_are_those_of_a_plain_loop_that_reads_them_anew(tiny):
    asked = conversations([3, 1, 2, 3, 3, 2, 3, 1], seed=3)
    answers = generate(*tiny, asked, LIMIT, 4)
    assert answers == [plain(*tiny, one) for one in asked]
    assert [len(one) for one in answers] == [3, 1, 2, 3, 3, 2, 3, 1]
    followed = {pair for one in answers for pair in pairwise(a.truncated for a in one)}
    assert {(True, False), (False, True)} <= followed


@pytest.mark.parametrize("size", [1, 3, 64])
def test_answers_depend_neither_on_batches_nor_on_the_order(tiny, size):
    asked = conversations([3, 1, 2, 1, 3, 2, 3], seed=2)
    expected = generate(*tiny, asked, LIMIT, 2)
    assert generate(*tiny, asked, LIMIT, size) == expected
    assert generate(*tiny, asked[::-1], LIMIT, size) == expected[::-1]


def sharing(texts=12):
    """Return conversations that begin alike, two and two still longer, one twice, one elsewhere."""
    rng = random.Random(5)
    words = " ".join(TEXTS).split(" ")
    sentences = [" ".join(rng.choices(words, k=12)) for _ in range(texts)]
    asked = [f"{' '.join(words[:10])} {text} {type}" for text in sentences for type in ("a", "b")]
    turns = [[Turn("user", text), Turn("assistant", "-")] for text in [*asked, asked[3], "BCL6"]]
    return turns[::2] + turns[1::2]


@pytest.mark.parametrize("size", [1, 2, 5, 64])
def test_a_shared_beginning_changes_no_answer(tiny, size):
    asked = sharing()
    answers = generate(*tiny, asked, LIMIT, size)
    assert answers == [by_transformers(*tiny, one) for one in asked]
    assert len({answer.text for [answer] in answers}) > 6


def test_a_shared_beginning_is_read_once(tiny, monkeypatch):
    model, tokenizer = tiny
    read, slots_read = [], Slots.read

    def counting(self, slots, chunks, lengths):
        read.extend(map(len, chunks))
        return slots_read(self, slots, chunks, lengths)

    monkeypatch.setattr(Slots, "read", counting)
    asked = sharing()
    answers = generate(model, tokenizer, asked, LIMIT, 8)
    ids = [row[0] for row in Chat(tokenizer).encode_asked(asked)]
    beginnings = {tuple(row[:n]) for row in ids for n in range(1, len(row) + 1)}
    written = sum(len(answer.ids) - answer.truncated for [answer] in answers)
    again = sum(read) - written - len(beginnings)
    assert 0 <= again <= SHARED_TOKENS * len(asked)
    assert sum(map(len, ids)) - len(beginnings) > 2 * SHARED_TOKENS * len(asked)


def test_tokens_come_with_their_log_probabilities(tiny):
    model, tokenizer = tiny
    asked = conversations([2, 1, 1], seed=7)
    for conversation, answers in zip(asked, generate(*tiny, asked, LIMIT, 2), strict=True):
        ids = []
        for part, answer in zip(
            Chat(tokenizer).encode_asked([conversation])[0], answers, strict=True
        ):
            ids += part
            with torch.no_grad():
                logits = model(torch.tensor([[*ids, *answer.ids]])).logits[0, len(ids) - 1 : -1]
            expected = logits.log_softmax(-1)[range(len(answer.ids)), list(answer.ids)]
            assert answer.logprobs == pytest.approx(expected.tolist(), abs=1e-4)
            assert tokenizer.decode(answer.ids) == answer.text
            ids += [*answer.ids, Chat(tokenizer).end]


def test_who_ended_leaves_room_for_who_waits(tiny, monkeypatch):
    steps = []
    monkeypatch.setattr(
        generate_module,
        "choose",
        lambda logits, *its: steps.append(len(logits)) or choose(logits, *its),
    )
    asked = conversations([1] * 12)
    answers = generate(*tiny, asked, LIMIT, 4)
    work = sum(len(a.ids) + (not a.truncated) for [a] in answers)
    in_step = [max(len(a.ids) + 1 for [a] in answers[n : n + 4]) for n in range(0, 12, 4)]
    assert sum(steps) < 4 * sum(in_step)
    assert sum(steps) >= work


def test_a_conversation_that_exceeds_the_context_is_refused_before_any_is_answered(tiny):
    long = [[Turn("user", "BCL6 " * 600), Turn("assistant", "-")]]
    with pytest.raises(UserError, match=r"1 of 13 .* context of 1024 .*number 13, asks \d+ tokens"):
        generate(*tiny, conversations([1] * 12) + long, LIMIT, 4)


def test_what_the_answers_of_the_conversations_hold_is_not_read(tiny):
    asked = conversations([2, 2])
    gold = [[Turn(t.role, "gold") if t.role == "assistant" else t for t in one] for one in asked]
    assert generate(*tiny, gold, LIMIT, 2) == generate(*tiny, asked, LIMIT, 2)


def test_an_open_question_is_answered_as_one_with_a_gold_answer(tiny):
    asked = conversations([2, 1])
    open_ones = [one[:-1] for one in asked]
    assert generate(*tiny, open_ones, LIMIT, 2) == generate(*tiny, asked, LIMIT, 2)


def test_an_answer_is_truncated_only_if_its_end_mark_did_not_fit(tiny):
    model, tokenizer = tiny
    asked = conversations([1] * 12)
    long = generate(model, tokenizer, asked, LIMIT, 12)
    n, text = next((n, a.text) for n, [a] in enumerate(long) if not a.truncated and a.text)
    chat = Chat(tokenizer)
    length = len(by_tokens(model, chat, asked[n]))
    assert generate(model, tokenizer, [asked[n]], length + 1, 1) == [[Answer(text, False)]]
    [[cut]] = generate(model, tokenizer, [asked[n]], length, 1)
    assert cut == Answer(text, True)


@torch.inference_mode()
def by_tokens(model, chat, conversation):
    """Return the token ids of a single answer without its end mark."""
    ids = chat.encode_asked([conversation])[0][0]
    answer = []
    while (token := int(model(torch.tensor([ids + answer])).logits[0, -1].argmax())) != chat.end:
        answer.append(token)
    return answer


def test_nothing_asked_nothing_answered(tiny):
    assert generate(*tiny, [], LIMIT, 4) == []
