"""Room to think: prompts with an open thought, and answers behind what the model wrote in it."""

import pytest
import torch
from test_generate import LIMIT, conversations
from tiny import TEXTS, tiny_model, train_tokenizer
from zoo import BY_NAME, bpe

from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import Turn
from bionerflow.inference.engines.base import Conversation
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.inference.thoughts import CLOSING
from bionerflow.models.chat import CLOSE, Chat
from bionerflow.models.loading import load_causal, load_tokenizer
from bionerflow.utils.errors import UserError

TURNS = [Turn("user", "the role of BCL6"), Turn("assistant", "-")]
ROOM = 12


@pytest.mark.parametrize(
    "name", ["Qwen3", "DeepSeek-R1-Distill (Qwen2)", "SmolLM2", "Qwen2.5", "Llama 3"]
)
def test_a_thought_is_left_open_as_the_template_opens_it(name):
    tokenizer = bpe()
    tokenizer.chat_template = BY_NAME[name].source
    tokenizer.add_tokens(["<|im_end|>", "<|eot_id|>", "<｜end▁of▁sentence｜>"], special_tokens=True)
    [asked] = Chat(tokenizer, thinks=True).segments(TURNS[:1])
    closed = Chat(tokenizer).segments(TURNS[:1])[0]
    rows = [TURNS[0]._asdict()]
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": True}
    template = tokenizer.apply_chat_template(rows, date_string="26 Jul 2024", **options)
    assert asked == template.removesuffix("<think>\n") + "<think>\n"
    assert CLOSE not in asked[len(closed) // 2 :]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model that closes some of its thoughts within ROOM; `</think>` is one token of it."""
    folder = tiny_model(tmp_path_factory.mktemp("tiny"))
    model, tokenizer = load_causal(folder), load_tokenizer(folder)
    tokenizer.add_tokens([CLOSE])
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        weights = model.model.embed_tokens.weight
        weights[-1] = 1.6 * weights[Chat(tokenizer).end]
        weights[Chat(tokenizer).end] *= 1.5
    return model, tokenizer


@torch.inference_mode()
def plain(model, tokenizer, turns):
    """Think, then answer, token by token; return the thought's tokens, whether it was closed."""
    [[ids]] = Chat(tokenizer, thinks=True).encode_asked([turns])
    end, close = Chat(tokenizer).end, tokenizer.convert_tokens_to_ids(CLOSE)

    def write(ids, most, stops):
        written = []
        while len(written) < most:
            token = int(model(torch.tensor([ids + written])).logits[0, -1].argmax())
            if token in stops:
                return written, token
            written.append(token)
        return written, None

    thought, stop = write(ids, ROOM, {end, close})
    behind = tokenizer(f"\n{CLOSE}\n\n", add_special_tokens=False)["input_ids"]
    answer, _ = write([*ids, *thought, *behind], LIMIT, {end})
    return tuple(answer), stop


def test_answers_behind_thoughts_are_those_of_a_plain_loop(tiny):
    asked = conversations([1] * 10, seed=6)
    expected = [plain(*tiny, one) for one in asked]
    stops = [stop for _, stop in expected]
    assert tiny[1].convert_tokens_to_ids(CLOSE) in stops  # some thoughts were closed by the model
    assert None in stops  # others had no room left
    engine = TorchEngine(*tiny, thinking=ROOM)
    answers = engine.answer([Conversation(one) for one in asked], LIMIT, 4)
    assert [answer.ids for [answer] in answers] == [ids for ids, _ in expected]
    without = TorchEngine(*tiny).answer([Conversation(one) for one in asked], LIMIT, 4)
    assert without != answers


def test_a_thought_that_the_model_closes_in_several_tokens_ends_there(monkeypatch):
    from bionerflow.inference import thoughts
    from bionerflow.inference.engines.base import Answer

    tokenizer = train_tokenizer(TEXTS * 20, 300)
    ids = tokenizer(f"a gene {CLOSE}\n\nBCL6")["input_ids"]
    thought = Answer(tokenizer.decode(ids), True, tuple(ids))
    monkeypatch.setattr(thoughts, "answers_to", lambda *_, **__: [[thought]])
    model = type("Model", (), {})
    chat = Chat(tokenizer, thinks=True)
    monkeypatch.setattr(chat, "ends", lambda model: {1})
    [[found]] = thoughts.with_thoughts(model, chat, [[[5]]], 99, 1)
    assert tokenizer.decode(found[1:]) == f"a gene {CLOSE}\n\n"


def test_thinking_is_refused_where_it_cannot_be(tiny):
    engine = TorchEngine(*tiny, thinking=ROOM)
    with pytest.raises(UserError, match="one answer per conversation: choose formats other than"):
        engine.check([Conversation(one) for one in conversations([1, 2])], LIMIT)
    [one] = conversations([1])
    room = 1024 - len(engine.chat.encode_asked([one])[0][0]) - 1
    engine.check([Conversation(one)], room - ROOM - CLOSING)
    with pytest.raises(UserError, match="may not fit into the model's context"):
        engine.check([Conversation(one)], room - ROOM - CLOSING + 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"thinking": 9, "engine": "vllm"}, "thinking needs `engine: torch`"),
        ({"thinking": -1}, "greater than or equal to 0"),
    ],
)
def test_settings_that_cannot_go_together_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        PredictSettings(**given)
