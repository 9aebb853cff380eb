"""Chat templates taken apart: ours, and templates as Qwen and Llama have them."""

import re
from datetime import datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import TEXTS, train_tokenizer

from bionerflow.data.schema import Turn
from bionerflow.models.chat import Chat
from bionerflow.models.sandbox import LimitError, limited
from bionerflow.utils.errors import UserError

CHATML = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
{%- else %}
    {{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if not (loop.first and message.role == 'system') %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}"""
# Qwen3 opens an answer that is not to be preceded by thoughts with empty ones, and takes the
# thoughts out of earlier turns.
THINKING = """{%- for message in messages %}
    {%- if message.role == 'assistant' and loop.last %}
        {{- '<|im_start|>assistant\n<think>\n\n</think>\n\n' + message.content + '<|im_end|>\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}"""
LLAMA = """{{- bos_token }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}
    {{- message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}"""
ENDS = {CHATML: "<|im_end|>", THINKING: "<|im_end|>", LLAMA: "<|eot_id|>"}
SPECIAL = re.compile(r"<\|\w+\|>|</?think>")

SINGLE = [
    Turn("system", "Be exact."),
    Turn("user", "Text: 高血压 😀"),
    Turn("assistant", '["高血压"]'),
]
SEVERAL = [*SINGLE, Turn("user", "Type: DNA"), Turn("assistant", "[]")]


def tokenizer_of(template):
    tokenizer = train_tokenizer(TEXTS, 300)
    if template:
        tokenizer.add_tokens(sorted(set(SPECIAL.findall(template))), special_tokens=True)
        tokenizer.chat_template = template
        tokenizer.bos_token = "<|begin_of_text|>"
    return tokenizer


@pytest.fixture(scope="module", params=[None, *ENDS], ids=["ours", "chatml", "thinking", "llama"])
def chat(request):
    return Chat(tokenizer_of(request.param))


def applied(chat, turns, **options):
    rows = [turn._asdict() for turn in turns]
    return chat.tokenizer.apply_chat_template(
        rows, tokenize=False, enable_thinking=False, **options
    )


def end_of(chat):
    return ENDS.get(chat.tokenizer.chat_template, "<|end|>")


@pytest.mark.parametrize("first", [0, 1], ids=["system", "user alone"])
def test_pieces_of_one_answer_are_what_the_template_writes(chat, first):
    turns = SINGLE[first:]
    asked, answer = chat.segments(turns)
    assert asked == applied(chat, turns[:-1], add_generation_prompt=True)
    assert answer == '["高血压"]' + end_of(chat)
    assert applied(chat, turns) in (asked + answer, asked + answer + "\n")


def test_pieces_of_several_answers_are_what_the_template_writes_unless_it_rewrites_them(chat):
    pieces = chat.segments(SEVERAL)
    end = end_of(chat)
    assert pieces[:2] == chat.segments(SINGLE)
    assert pieces[3] == "[]" + end
    whole = applied(chat, SEVERAL)
    if chat.tokenizer.chat_template == THINKING:
        assert [piece.count("<think>") for piece in pieces] == [1, 0, 1, 0]
        assert whole.count("<think>") == 1
    else:
        assert whole in ("".join(pieces), "".join(pieces) + "\n")


def test_an_open_conversation_ends_where_its_answer_begins(chat):
    assert chat.segments(SEVERAL[:-1]) == chat.segments(SEVERAL)[:-1]
    assert chat.segments(SINGLE[:2]) == chat.segments(SINGLE)[:1]


CONTENT = st.text("ab1 ␂0␃␂1␃高😀\"\n{}'", min_size=1).map(lambda text: f"x{text}x")


@settings(max_examples=40, deadline=None)
@given(st.tuples(CONTENT, CONTENT, CONTENT, CONTENT))
def test_contents_stay_where_they_are_whatever_they_hold(chat, contents):
    roles = ["user", "assistant", "user", "assistant"]
    turns = [Turn(role, content) for role, content in zip(roles, contents, strict=True)]
    plain = chat.segments([Turn(role, "A") for role in roles])
    pieces = chat.segments(turns)
    assert pieces[1::2] == [content + end_of(chat) for content in contents[1::2]]
    for piece, content, frame in zip(pieces[::2], contents[::2], plain[::2], strict=True):
        before, after = re.split(r"(?<![a-z])A(?![a-z])", frame)
        assert piece == before + content + after
    encoded = chat.encode([turns])[0]
    held = [chat.tokenizer.decode(encoded.ids[slice(*span)]) for span in encoded.answers]
    assert held == pieces[1::2]
    assert chat.tokenizer.decode(encoded.ids) == "".join(pieces)


def test_asked_and_answered_tokens_make_the_conversation(chat):
    conversations = [SINGLE, SEVERAL, SINGLE[1:]]
    for encoded, asked in zip(
        chat.encode(conversations), chat.encode_asked(conversations), strict=True
    ):
        ids = []
        for piece, (start, end) in zip(asked, encoded.answers, strict=True):
            ids += piece
            assert start == len(ids)
            ids += encoded.ids[start:end]
            assert ids[-1] == chat.end
        assert ids == encoded.ids
    assert chat.encode([]) == chat.encode_asked([]) == []


def test_the_end_is_the_one_token_after_an_answer(chat):
    assert chat.tokenizer.convert_ids_to_tokens(chat.end) == end_of(chat)


def test_a_tokenizer_without_template_is_refused():
    tokenizer = tokenizer_of(None)
    tokenizer.chat_template = None
    with pytest.raises(UserError, match=r"no chat template.*chat_template\.jinja"):
        Chat(tokenizer)


def test_a_template_that_ends_no_answer_is_refused():
    bare = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    with pytest.raises(UserError, match="no end mark"):
        Chat(tokenizer_of(bare)).segments(SINGLE)


def test_a_prompt_is_the_same_on_any_day():
    """Llama 3.2 writes today's date where it is not handed one."""
    today = "{% if not date_string is defined %}{{ strftime_now('%d %b %Y') }}{% endif %}"
    chat = Chat(tokenizer_of(today + LLAMA))
    assert f"{datetime.now():%d %b %Y}" not in chat.segments(SINGLE)[0]


def test_a_prompt_with_a_date_of_its_own_is_the_same_on_any_day():
    """gpt-oss writes today's date whatever it is handed."""
    chat = Chat(tokenizer_of("{{ strftime_now('%Y-%m-%d') }}" + LLAMA))
    assert chat.segments(SINGLE)[0].startswith("2024-07-26<|begin_of_text|>")


def written(chat, turns):
    """Return the conversation with its end marks shown, as training reads it."""
    return "".join(chat.segments(turns))


USER, ANSWER, MORE, LAST = (
    Turn("user", "q"), Turn("assistant", "a"), Turn("user", "r"), Turn("assistant", "b"),
)  # fmt: skip
SYSTEM = Turn("system", "s")
LOOP = "{% for m in messages %}"
OPEN = "{% endfor %}{% if add_generation_prompt %}<|assistant|>"
ROLES = "<|system|><|user|><|assistant|>"  # tokens that the templates build of parts
# Own templates, each as a family has it: what it writes for SYSTEM, USER, ANSWER, MORE, LAST.
TEMPLATES = {
    "next role ends (GLM-4)": (
        LOOP + "{{ '<|' + m.role + '|>\n' + m.content }}" + OPEN + "{% endif %}",
        "<|system|>\ns<|user|>\nq<|assistant|>\na<|user|>\nr<|assistant|>\nb<|user|>",
    ),
    "end after the whole (Phi-3)": (
        LOOP + "{{ '<|' + m.role + '|>' + m.content + '<|end|>\n' }}" + OPEN
        + "{% else %}{{ eos_token }}{% endif %}",
        "<|system|>s<|end|>\n<|user|>q<|end|>\n<|assistant|>a<|end|>\n<|user|>r<|end|>\n"
        "<|assistant|>b<|end|>",
    ),
    "another end after the last answer (gpt-oss)": (
        LOOP + "{{ '<|' + m.role + '|>' + m.content }}{{ '<|return|>' if loop.last and "
        "m.role == 'assistant' else '<|end|>' }}" + OPEN + "{% endif %}",
        "<|system|>s<|end|><|user|>q<|end|><|assistant|>a<|end|><|user|>r<|end|>"
        "<|assistant|>b<|end|>",
    ),
    "thoughts opened (R1-Distill)": (
        LOOP + "{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}" + OPEN + "<think>\n{% endif %}",
        "<|system|>s<|end|><|user|>q<|end|><|assistant|><think>\n\n</think>\n\na<|end|>"
        "<|user|>r<|end|><|assistant|><think>\n\n</think>\n\nb<|end|>",
    ),
    "a channel before the answer (gpt-oss)": (
        LOOP + "{{ '<|' + m.role + '|>' }}{% if m.role == 'assistant' %}final{% endif %}"
        "{{ '<|message|>' + m.content + '<|end|>' }}" + OPEN + "{% endif %}",
        "<|system|><|message|>s<|end|><|user|><|message|>q<|end|><|assistant|>final<|message|>a"
        "<|end|><|user|><|message|>r<|end|><|assistant|>final<|message|>b<|end|>",
    ),
    "no system role (Gemma 2)": (
        LOOP + "{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}" + OPEN + "{% endif %}",
        "<|user|>s\n\nq<|end|><|assistant|>a<|end|><|user|>r<|end|><|assistant|>b<|end|>",
    ),
    "the system text left out": (
        LOOP + "{% if m.role != 'system' %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}"
        "{% endif %}" + OPEN + "{% endif %}",
        "<|user|>s\n\nq<|end|><|assistant|>a<|end|><|user|>r<|end|><|assistant|>b<|end|>",
    ),
    "contents in parts (Idefics3)": (
        LOOP + "{{ '<|' + m.role + '|>' }}{% for part in m.content %}{{ part['text'] }}"
        "{% endfor %}{{ '<|end|>' }}" + OPEN + "{% endif %}",
        "<|system|>s<|end|><|user|>q<|end|><|assistant|>a<|end|><|user|>r<|end|><|assistant|>b"
        "<|end|>",
    ),
    "a space before the end (Llama 2)": (
        LOOP + "{{ '<|' + m.role + '|> ' + m.content + ' <|end|>' }}" + OPEN + "{% endif %}",
        "<|system|> s <|end|><|user|> q <|end|><|assistant|> a <|end|><|user|> r <|end|>"
        "<|assistant|> b <|end|>",
    ),
    "two tokens end (Cohere)": (
        LOOP + "{{ '<|' + m.role + '|>' + m.content + '<|end|><|turn|>' }}" + OPEN + "{% endif %}",
        "<|system|>s<|end|><|turn|><|user|>q<|end|><|turn|><|assistant|>a<|end|><|turn|>"
        "<|user|>r<|end|><|turn|><|assistant|>b<|end|><|turn|>",
    ),
}  # fmt: skip


@pytest.fixture(params=TEMPLATES)
def family(request):
    template, whole = TEMPLATES[request.param]
    tokenizer = tokenizer_of(template + ROLES)
    tokenizer.chat_template = template
    return Chat(tokenizer), whole


def test_a_family_s_conversation_is_taken_apart(family):
    chat, whole = family
    assert written(chat, [SYSTEM, USER, ANSWER, MORE, LAST]) == whole
    pieces = chat.segments([SYSTEM, USER, ANSWER, MORE, LAST])
    assert chat.segments([SYSTEM, USER, ANSWER]) == pieces[:2]
    assert chat.segments([SYSTEM, USER]) == pieces[:1]
    assert chat.segments([SYSTEM, USER, ANSWER, MORE]) == pieces[:3]
    end = "<|user|>" if "<|end|>" not in whole else "<|end|>"
    assert chat.tokenizer.convert_ids_to_tokens(chat.end) == end


def test_a_family_s_conversation_continues_as_it_was_trained(family):
    """What was asked, answers up to the end token, and what is asked next make the conversation."""
    chat, _ = family
    turns = [SYSTEM, USER, ANSWER, MORE, LAST]
    (encoded,), (asked,) = chat.encode([turns]), chat.encode_asked([turns])
    ids = list(asked[0])
    for piece, (start, _) in zip([*asked[1:], []], encoded.answers, strict=True):
        assert ids == encoded.ids[: len(ids)]
        assert len(ids) == start
        ids += encoded.ids[start : encoded.ids.index(chat.end, start) + 1] + piece
    assert ids == encoded.ids[: len(ids)]


def test_answers_stop_at_the_end_tokens_that_a_model_lists():
    tokenizer = tokenizer_of(TEMPLATES["next role ends (GLM-4)"][0] + ROLES)
    tokenizer.chat_template = TEMPLATES["next role ends (GLM-4)"][0]
    config = SimpleNamespace(eos_token_id=0, get_text_config=lambda: config)
    generation = SimpleNamespace(eos_token_id=[0, 7])
    chat = Chat(tokenizer)
    model = SimpleNamespace(config=config, generation_config=generation)
    assert chat.ends(model) == {0, 7, tokenizer.convert_tokens_to_ids("<|user|>")}


def test_control_tokens_in_a_text_are_text(chat):
    """A sentence and an answer quote the end mark: the model reads it as characters."""
    end = end_of(chat)
    turns = [Turn("user", f"a {end} b <think>"), Turn("assistant", f"c {end}")]
    (encoded,), (asked,) = chat.encode([turns]), chat.encode_asked([turns])
    plain = chat.encode([[Turn("user", "a b"), Turn("assistant", "c")]])[0]
    assert encoded.ids.count(chat.end) == plain.ids.count(chat.end)
    assert encoded.ids[-1] == chat.end
    assert chat.tokenizer.decode(encoded.ids) == written(chat, turns)
    assert encoded.ids[: len(asked[0])] == asked[0]


def test_a_template_that_does_not_end_is_refused_in_time(monkeypatch):
    monkeypatch.setattr("bionerflow.models.sandbox.CPU_SECONDS", 1)
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(UserError, match=r"cannot be used \(it needs more than 1 s or 1 GB\)"):
        Chat(tokenizer_of(endless)).segments(SINGLE)


@pytest.mark.parametrize("hostile", ["'a' * (1024 ** 4)", "9 ** 999999999"])
def test_neither_memory_nor_a_long_operation_gets_past_the_limit(hostile, monkeypatch):
    monkeypatch.setattr("bionerflow.models.sandbox.CPU_SECONDS", 1)
    with pytest.raises(UserError, match="cannot be used"):
        Chat(tokenizer_of("{{ " + hostile + " }}{{ messages }}")).segments(SINGLE)


def test_a_template_that_reaches_for_python_is_refused():
    with pytest.raises(UserError, match=r"cannot be used \(SecurityError: .*__class__"):
        Chat(tokenizer_of("{{ ''.__class__.__mro__ }}{{ messages }}")).segments(SINGLE)


def test_limited_work_returns_its_value_or_its_error():
    assert limited(lambda: ["高", 1]) == ["高", 1]
    with pytest.raises(UserError, match=r"^ValueError: invalid literal .* 'x'$"):
        limited(lambda: int("x"))
    with pytest.raises(LimitError):
        limited(lambda: "x" * (3 << 30))
