"""The tiny family: it copies before it has learned, and reads training texts alone."""

import json
import random
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bionerflow.chat import Chat
from bionerflow.induction import STRENGTHS, set_induction
from bionerflow.pretrain import build, copying, invented, rare_words, split
from bionerflow.schema import Turn
from bionerflow.settings.models import Architecture
from bionerflow.tokenizer import train_tokenizer


def unseen(rng):
    return "".join(rng.choices("bcdfghjklmnpqrstvwxz", k=rng.randint(4, 8)))


def test_each_strength_that_may_be_configured_is_there():
    assert list(get_args(Architecture.model_fields["induction"].annotation)) == list(STRENGTHS)


@pytest.mark.parametrize("strength", STRENGTHS.values(), ids=STRENGTHS)
def test_an_untrained_model_copies_words_that_it_has_never_seen(strength):
    rng = random.Random(0)
    tokenizer = train_tokenizer([" ".join(unseen(rng) for _ in range(20)) for _ in range(200)], 800)
    torch.manual_seed(0)
    architecture = Architecture(
        hidden_size=256, layers=4, heads=4, key_value_heads=2, intermediate_size=64
    )
    model = build(architecture, tokenizer).eval()
    set_induction(model, torch.Generator().manual_seed(1), strength)
    right = total = 0
    for _ in range(8):
        sentence = " ".join(unseen(rng) for _ in range(12))
        [encoded] = Chat(tokenizer).encode([[Turn("user", sentence), Turn("assistant", sentence)]])
        [(start, end)] = encoded.answers
        with torch.inference_mode():
            said = model(torch.tensor([encoded.ids])).logits[0].argmax(-1).tolist()
        right += sum(said[n - 1] == encoded.ids[n] for n in range(start, end - 1))
        total += end - 1 - start
    assert right / total > 0.8


ENGLISH = st.lists(st.sampled_from(["of", "the", "BRCA1", "β", "5'", "(x)", '"']), min_size=1)
TEXT = st.tuples(st.just("en"), ENGLISH.map(" ".join)) | st.tuples(
    st.just("zh"), st.text("患者高血压A，。", min_size=1)
)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=5), st.integers(0, 9))
def test_pretraining_reads_nothing_but_the_sentence(texts, seed):
    rare = rare_words(texts)
    for language, text in texts:
        asked, answer = copying(text, language, rare, random.Random(seed))
        words = split(text, language)
        if language == "en":
            read = asked.content.split(" ")
            assert all(a == b or b in rare for a, b in zip(read, words, strict=True))
        if answer.content != asked.content:
            at = 0
            for term in json.loads(answer.content):
                at = asked.content.index(term, at) + len(term)


def test_invented_words_are_made_of_two_rare_ones():
    rare = ["nephritis", "anemia"]
    made = {invented(rare, random.Random(seed)) for seed in range(50)}
    assert made == {"nephritis", "anemia", "nephrmia", "aneitis"}


def test_rare_words_are_at_most_a_third_of_what_is_read():
    words = ["the"] * 6 + ["gene"] * 2 + ["BRCA1", "p53"]
    assert rare_words([("en", " ".join(words))]) == ["BRCA1", "p53"]
    assert rare_words([("zh", "高高高血血压")]) == ["压"]
