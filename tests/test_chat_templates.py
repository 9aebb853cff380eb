"""What is learned of conversations in templates in the wild: each answer and its end mark alone."""

import pytest
from tokenizers.processors import TemplateProcessing
from zoo import FIXTURES, SHIPPED, bpe, spm_space, with_template

from bionerflow.data.schema import Turn
from bionerflow.models.chat import Chat
from bionerflow.train.data import Conversations
from bionerflow.utils.errors import UserError

#: Answers that a template would strip, or that look like its own marks.
TURNS = [
    Turn("user", "the role of BCL6"),
    Turn("assistant", " BCL6 gene "),
    Turn("user", "and <|im_end|> now"),
    Turn("assistant", "none\n"),
]
#: Templates of trl of every kind: strips contents, thinks, has channels, marks what is generated.
SOME = ["llama3_training", "qwen3_training", "gptoss_training", "gemma3_training",
        "glm4moe_training", "deepseek_r1_distill", "phi3"]  # fmt: skip
#: Templates that write no end mark in the form of a special token.
NO_END = {"llava_next", "llava_next_training"}
ALL = sorted(file.stem for file in SHIPPED.glob("*.jinja"))


def learned(chat, turns):
    """Return the texts that training learns, and the whole conversation's text."""
    [row] = [Conversations(chat.encode([turns]), 9999)[0]]
    texts = [chat.tokenizer.decode(row["input_ids"][slice(*place)]) for place in row["answers"]]
    return texts, chat.tokenizer.decode(row["input_ids"])


def check(name):
    kind, _, own = name.rpartition(":")
    source = FIXTURES[own] if kind else (SHIPPED / f"{name}.jinja").read_text("utf-8")
    tokenizer = with_template(bpe(), source)
    chat = Chat(tokenizer)
    for turns in (TURNS[:2], TURNS):
        texts, whole = learned(chat, turns)
        said = [turn.content for turn in turns if turn.role == "assistant"]
        marks = {text.removeprefix(one) for text, one in zip(texts, said, strict=True)}
        (mark,) = marks  # every answer has the same one, and nothing else before it
        ids = tokenizer(mark, add_special_tokens=False)["input_ids"]
        assert chat.end in ids
        assert not chat.special.sub("", mark).strip()
        assert all(whole.count(turn.content) == 1 for turn in turns)
    return chat, mark


OWN = [f"fixture:{name}" for name in ("glm4", "smollm2", "mistral", "llama2", "olmo2")]


@pytest.mark.parametrize("name", SOME + OWN)
def test_answers_and_their_end_marks_alone_are_learned(name):
    check(name)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(ALL) - set(SOME)))
def test_answers_and_their_end_marks_alone_are_learned_in_every_template_of_trl(name):
    if name in NO_END:
        with pytest.raises(UserError, match="writes no end mark"):
            check(name)
    else:
        check(name)


@pytest.mark.parametrize("name", [name for name in SOME if name.endswith("_training")])
def test_what_a_template_marks_as_generated_has_what_we_learn(name):
    """`{% generation %}`, as transformers reads it: each stretch holds an answer and its end."""
    chat, mark = check(name)
    rows = [turn._asdict() for turn in TURNS]
    theirs = chat.tokenizer.apply_chat_template(
        rows, return_dict=True, return_assistant_tokens_mask=True, enable_thinking=False
    )
    stretches, held = [], []
    for id, generated in zip(theirs["input_ids"], theirs["assistant_masks"], strict=True):
        if generated:
            held.append(id)
        elif held:
            stretches.append(chat.tokenizer.decode(held))
            held = []
    stretches += [chat.tokenizer.decode(held)] if held else []
    said = [turn.content.strip() for turn in TURNS if turn.role == "assistant"]
    assert len(stretches) == len(said)
    for stretch, one in zip(stretches, said, strict=True):
        assert one in stretch
        assert mark in stretch or "<|return|>" in stretch  # gpt-oss ends its last answer so


@pytest.mark.parametrize("kind", ["olmo2", "llama2", "mistral"])
def test_a_text_begins_once_where_tokenizer_and_template_both_begin_it(kind):
    """Tokenizers of Llama and Mistral add the token that their templates write."""
    tokenizer = with_template(bpe() if kind == "olmo2" else spm_space(), FIXTURES[kind])
    begin = tokenizer.bos_token
    pair = [(begin, tokenizer.bos_token_id)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        f"{begin} $A", special_tokens=pair
    )
    assert tokenizer("x")["input_ids"][0] == tokenizer.bos_token_id
    chat = Chat(tokenizer)
    for question in ("the role of BCL6", f"the role of {begin}"):
        turns = [Turn("user", question), Turn("assistant", "a gene")]
        for ids in (chat.encode([turns])[0].ids, chat.encode_asked([turns])[0][0]):
            assert ids.count(tokenizer.bos_token_id) == 1
            assert ids[0] == tokenizer.bos_token_id


@pytest.mark.parametrize("name", ["qwen3", "qwen3_5_think", "deepseek_r1_distill"])
def test_a_thought_is_closed_before_what_is_learned(name):
    tokenizer = with_template(bpe(), (SHIPPED / f"{name}.jinja").read_text("utf-8"))
    asked, answered, *_ = Chat(tokenizer).segments(TURNS)
    assert asked.rstrip().endswith("</think>")
    assert asked.count("<think>") == 1
    assert "think>" not in answered


def test_a_control_token_that_a_tokenizer_makes_of_letters_is_text_where_it_is_quoted():
    """Unigram tokenizers have `</s>` among their pieces, whether it is special or not."""
    tokenizer = with_template(spm_space(), FIXTURES["mistral"])
    assert tokenizer.eos_token_id in tokenizer._encode_without_added_tokens("a </s> b")
    turns = [Turn("user", "the </s> of <s>"), Turn("assistant", "no</s>ne")]
    encoded = Chat(tokenizer).encode([turns])[0]
    assert encoded.ids.count(tokenizer.eos_token_id) == 1
    assert encoded.ids.count(tokenizer.bos_token_id) == 1
    texts, whole = learned(Chat(tokenizer), turns)
    assert texts == ["no</s>ne</s>"]
    assert "the </s> of <s>" in whole
