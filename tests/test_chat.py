"""Chat templates taken apart: ours, and templates as Qwen and Llama have them."""

import re
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import TEXTS, train_tokenizer

from bionerflow.chat import Chat
from bionerflow.errors import UserError
from bionerflow.schema import Turn

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
