"""The passes of an effective batch: filled, dealt out evenly, and equal to single rows."""

import random
from functools import partial

import pytest
import torch
from test_train import settings, task
from tiny import tiny_model
from torch.nn.functional import log_softmax
from transformers import (
    FalconConfig,
    FalconForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from bionerflow.config.trainer import LoraSettings
from bionerflow.models.chat import Encoded
from bionerflow.models.loading import load_base, load_tokenizer
from bionerflow.train.arguments import in_bfloat16
from bionerflow.train.attention import layout
from bionerflow.train.data import Conversations, collate
from bionerflow.train.fast import Fast, fast_ways
from bionerflow.train.finetune import adapted, fit, train
from bionerflow.train.loss import answer_loss
from bionerflow.train.passes import Passes, deal, filled, filled_padded, shared_prefix

SIZES = {
    "vocab_size": 90,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 48,
    "initializer_range": 0.3,
    "tie_word_embeddings": True,
    "pad_token_id": 0,
}
FAMILIES = {
    "qwen3": (Qwen3ForCausalLM, Qwen3Config),
    "llama": (LlamaForCausalLM, LlamaConfig),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config),
}
FAST = Fast(flat=True, chunked=True)


def random_model(family, **changes):
    model, config = FAMILIES[family]
    torch.manual_seed(1)
    return model(config(**(SIZES | changes)))


def exact_model(family):
    """Return a model in float64 throughout: its norms do not fall back to float32."""
    model = random_model(family).double()
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = partial(exact_norm, module)
    return model


def exact_norm(norm, states):
    scale = (states.square().mean(-1, keepdim=True) + norm.variance_epsilon).rsqrt()
    return norm.weight * states * scale


def random_rows(n, prefix=12, seed=0):
    """Return rows that begin alike, of one or two answers; in some the first follows at once."""
    rng = random.Random(seed)
    tokens = lambda least, most: rng.choices(range(1, 90), k=rng.randint(least, most))  # noqa: E731
    begin, rows = rng.choices(range(1, 90), k=prefix), []
    for _ in range(n):
        asked, first, link, second = tokens(0, 20), tokens(1, 6), tokens(1, 4), tokens(1, 6)
        start = prefix + len(asked)
        answers = [(start, start + len(first))]
        ids = begin + asked + first
        if rng.random() < 0.5:
            answers.append((len(ids) + len(link), len(ids) + len(link) + len(second)))
            ids = ids + link + second
        rows.append({"input_ids": ids, "answers": answers})
    return rows


def one_by_one(model, rows):
    """Return the loss over all answer tokens of rows run alone, by plain transformers; go back."""
    items = sum(end - start for row in rows for start, end in row["answers"])
    total = 0.0
    for row in rows:
        scores = log_softmax(model(torch.tensor([row["input_ids"]])).logits[0], dim=-1)
        places = [place for start, end in row["answers"] for place in range(start, end)]
        said = [row["input_ids"][place] for place in places]
        loss = -sum(scores[place - 1, id] for place, id in zip(places, said, strict=True)) / items
        loss.backward()
        total += float(loss.detach())
    return total, gradients(model)


def in_passes(model, rows, fast=FAST, **options):
    """Return the same from passes."""
    items = torch.tensor(sum(end - start for row in rows for start, end in row["answers"]))
    step = Passes(collate, flat=fast.flat, **options)(rows)
    total = 0.0
    for one in step.passes:
        with fast.on(model, flat="flat" in one):
            loss = model(**one, num_items_in_batch=items).loss
            loss.backward()
        total += float(loss.detach())
    return total, gradients(model), step


def gradients(model):
    found = torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None])
    model.zero_grad()
    return found


@pytest.mark.parametrize("tokens", [10**6, 150, 40], ids=["one pass", "several", "many"])
@pytest.mark.parametrize("family", FAMILIES)
def test_passes_with_a_shared_prefix_have_the_loss_and_gradients_of_single_rows(family, tokens):
    model, rows = exact_model(family), random_rows(9)
    loss, grads = one_by_one(model, rows)
    for packed in (False, True):
        shared, gained, step = in_passes(model, rows, tokens=tokens, packed=packed)
        assert shared == pytest.approx(loss, rel=1e-9)
        assert (gained - grads).abs().max() < 1e-9 * grads.abs().max()
        assert max(one["flat"]["prefix"] for one in step.passes) >= 12
        assert (len(step.passes) == 1) == (tokens == 10**6)


@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_rows_with_nothing_in_common_are_padded_or_packed_with_the_same_gradients(packed):
    model = exact_model("qwen3")
    rows = random_rows(4, prefix=5, seed=1) + random_rows(3, prefix=5, seed=2)
    loss, grads = one_by_one(model, rows)
    again, gained, step = in_passes(model, rows, tokens=60, packed=packed)
    assert again == pytest.approx(loss, rel=1e-9)
    assert (gained - grads).abs().max() < 1e-9 * grads.abs().max()
    assert [one["flat"]["prefix"] for one in step.passes if packed] == [0] * (
        len(step.passes) if packed else 0
    )
    assert len(step.passes) > 1


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "recomputed"])
def test_every_method_learns_the_same_from_shared_prefixes(method, checkpointing, tmp_path):
    base = tiny_model(tmp_path)
    model = adapted(base, settings(method=method, lora=LoraSettings(lora_dropout=0))).train()
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    else:
        model.gradient_checkpointing_disable()
    with torch.no_grad():  # adapters begin at zero, where half of their gradients vanish
        for weight in model.parameters():
            if weight.requires_grad and not weight.any():
                weight.normal_(0, 0.1)
    rows = random_rows(6)
    loss, grads = one_by_one(model, rows)
    shared, gained, step = in_passes(model, rows, tokens=10**6)
    assert step.passes[0]["flat"]["prefix"] >= 12
    assert shared == pytest.approx(loss, rel=1e-5)
    assert torch.allclose(gained, grads, rtol=1e-4, atol=1e-5 * float(grads.abs().max()))


def test_an_answer_that_begins_within_the_prefix_counts_for_each_conversation():
    model = exact_model("qwen2")
    rows = [{"input_ids": [*range(1, 20), 30 + n, 2], "answers": [(10, 21)]} for n in range(4)]
    loss, grads = one_by_one(model, rows)
    shared, gained, step = in_passes(model, rows, tokens=10**6)
    assert step.passes[0]["flat"]["prefix"] == 19
    assert step.passes[0]["input_ids"].shape == (1, 19 + 4 * 2)
    assert shared == pytest.approx(loss, rel=1e-9)
    assert (gained - grads).abs().max() < 1e-9 * grads.abs().max()


def test_a_layout_says_where_each_token_of_a_pass_stands():
    found = layout(3, [4, 4, 2])
    assert [places.tolist() for places in found["places"]] == [
        [[3, 4, 5, 6], [7, 8, 9, 10]],
        [[11, 12]],
    ]
    assert found["back"].tolist() == list(range(13))
    shared = [0, 1, 2]
    assert found["keys"].tolist() == (
        [*shared, *shared, 3, 4, 5, 6, *shared, 7, 8, 9, 10, *shared, 11, 12]
    )
    assert found["cu_seq_q"].tolist() == [0, 3, 7, 11, 13]
    assert found["cu_seq_k"].tolist() == [0, 3, 10, 17, 22]
    assert (found["max_q"], found["max_k"]) == (4, 7)
    alone = layout(0, [4, 3])
    assert [places.tolist() for places in alone["places"]] == [[[0, 1, 2, 3], [4, 5, 6, 6]]]
    assert alone["back"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert alone["cu_seq_q"].tolist() == alone["cu_seq_k"].tolist() == [0, 4, 7]
    assert alone["keys"].tolist() == list(range(7))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="flash kernels are on a GPU")
@pytest.mark.parametrize("prefix", [0, 12])
def test_variable_length_attention_equals_padded_attention(prefix):
    from bionerflow.train.attention import _padded, _varlen

    model = random_model("llama", head_dim=64).cuda().bfloat16()
    layer, flat = model.model.layers[0].self_attn, layout(prefix, [40, 33, 7])
    flat |= {key: one.cuda() for key, one in flat.items() if isinstance(one, torch.Tensor)}
    flat["places"] = [one.cuda() for one in flat["places"]]
    found = []
    for way in (_varlen, _padded):
        torch.manual_seed(2)
        states = [
            torch.randn(prefix + 80, heads, 64, device="cuda", dtype=torch.bfloat16)
            for heads in (4, 2, 2)
        ]
        for one in states:
            one.requires_grad_()
        out = way(*states, flat, None) if way is _varlen else way(layer, *states, flat)
        out.float().square().sum().backward()
        found.append([out, *(one.grad for one in states)])
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=3e-2, atol=3e-2)


def test_bins_are_filled_to_the_limit_and_hold_every_row_once():
    rng = random.Random(3)
    for _ in range(50):
        lengths, tokens = [rng.randint(1, 90) for _ in range(rng.randint(1, 64))], 100
        for fill, cost in ((filled, sum), (filled_padded, lambda own: len(own) * max(own))):
            bins = fill(lengths, tokens)
            assert sorted(n for one in bins for n in one) == list(range(len(lengths)))
            costs = [cost([lengths[n] for n in one]) for one in bins]
            assert all(c <= tokens or len(one) == 1 for c, one in zip(costs, bins, strict=True))
        assert len(filled(lengths, tokens)) <= 11 / 9 * sum(lengths) / tokens + 20
    assert filled([90, 50, 50, 10], 100) == [[0, 3], [1, 2]]
    assert filled_padded([50, 50, 40, 20, 20], 100) == [[0, 1], [2, 3], [4]]
    assert filled([500, 10], 100) == [[0], [1]]


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
@pytest.mark.parametrize("flat", [False, True])
def test_processes_get_equal_shares_and_as_many_passes(processes, flat):
    rows = random_rows(13, seed=4)
    parts = deal(rows, processes)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    steps = [
        Passes(collate, 60, flat=flat, rank=rank, processes=processes)(rows)
        for rank in range(processes)
    ]
    assert len({len(step.passes) for step in steps}) == 1
    assert {step.tokens for step in steps} == {sum(len(row["input_ids"]) for row in rows)}
    learned = sum(int((one["labels"] != -100).sum()) for s in steps for one in s.passes)
    assert learned == sum(end - start for row in rows for start, end in row["answers"])


def test_more_processes_than_conversations_leave_some_with_nothing_to_learn():
    model, rows = random_model("llama"), random_rows(2)
    last = Passes(collate, 60, flat=True, rank=3, processes=4)(rows)
    assert len(last.passes) == 1
    with FAST.on(model, flat=True):
        loss = model(**last.passes[0], num_items_in_batch=torch.tensor(3)).loss
        loss.backward()
    assert float(loss.detach()) == 0
    assert not gradients(model).any()


def test_a_shared_prefix_leaves_each_row_a_token_and_is_no_shorter_than_worth_it():
    row = {"input_ids": list(range(20)), "answers": []}
    assert shared_prefix([row, row]) == 19
    assert shared_prefix([row]) == 0
    assert shared_prefix([row, row | {"input_ids": [*range(12), 50]}]) == 12
    assert shared_prefix([row, row | {"input_ids": [*range(7), 50]}]) == 0


@pytest.mark.parametrize("weighted", [True, False], ids=["full", "frozen"])
def test_the_loss_without_all_logits_is_cross_entropy(weighted, monkeypatch):
    monkeypatch.setitem(answer_loss.__globals__["LOGITS"], "cpu", 70)
    torch.manual_seed(0)
    head = torch.nn.Linear(6, 23).double().requires_grad_(weighted)
    hidden = torch.randn(2, 9, 6, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 23, (2, 9))
    labels[0, :4] = -100
    found = []
    for ours in (True, False):
        if ours:
            loss = answer_loss(head, hidden, labels)
        else:
            said = head(hidden)[:, :-1].flatten(0, 1)
            loss = torch.nn.functional.cross_entropy(said, labels[:, 1:].flatten())
        loss.backward()
        found.append([loss, hidden.grad, *(w.grad for w in head.parameters() if weighted)])
        hidden.grad = head.weight.grad = head.bias.grad = None
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12)


def conversations(rows):
    return Conversations([Encoded(row["input_ids"], row["answers"]) for row in rows], 1024)


def test_fast_ways_are_taken_where_they_give_the_same_loss_and_named_where_not(capsys):
    data = conversations(random_rows(5))
    for family in FAMILIES:
        assert fast_ways(random_model(family), data) == FAST
    assert capsys.readouterr().err == ""
    torch.manual_seed(1)
    sizes = SIZES | {"max_position_embeddings": 512}
    windowed = MistralForCausalLM(MistralConfig(**sizes, sliding_window=16))
    assert fast_ways(windowed, data) == Fast(flat=False, chunked=True)
    wide = MistralForCausalLM(MistralConfig(**sizes, sliding_window=600))
    assert fast_ways(wide, data) == FAST
    capsys.readouterr()
    capped = Gemma2ForCausalLM(Gemma2Config(**sizes, final_logit_softcapping=2.0))
    assert fast_ways(capped, data) == Fast(flat=False, chunked=False)
    falcon = FalconForCausalLM(
        FalconConfig(vocab_size=90, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
    )
    assert not fast_ways(falcon, data).flat
    assert "FalconForCausalLM cannot take flat passes" in capsys.readouterr().err


def test_training_steps_alone_are_fast_and_what_is_shared_is_recorded(tmp_path):
    base = tiny_model(tmp_path / "base")
    model, tokenizer = load_base(base), load_tokenizer(base)
    seen = []

    def validate(model):
        seen.append((model.config._attn_implementation, "forward" in vars(model.lm_head)))
        return 0.5

    asked = settings(validations_per_epoch=1, num_train_epochs=1)
    _, metrics = fit(model, tokenizer, task(16), asked, tmp_path / "run", 1, validate)
    assert seen == [("sdpa", False)]
    assert metrics["shared_prefix_tokens"] == 0
    assert metrics["tokens"] == metrics["tokens_per_epoch"]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_in_bfloat16_learns_much_the_same(method, tmp_path):
    base, losses = tiny_model(tmp_path / "base"), []
    for half in (False, True):
        recipe = settings(
            method=method, bf16=half, num_train_epochs=5, lora=LoraSettings(lora_dropout=0)
        )
        folder = tmp_path / str(half)
        model, metrics = train(base, load_tokenizer(base), task(16), recipe, folder, 1)
        losses.append([entry["loss"] for entry in metrics["curve"]])
        assert metrics["settings"]["bf16"] is half
        trained = {weight.dtype for weight in model.parameters() if weight.requires_grad}
        assert trained == {torch.float32}
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
    assert losses[1] != losses[0]
    assert losses[1][-1] < losses[1][0]


@pytest.mark.parametrize(
    ("asked", "instructions", "half"),
    [
        (None, {}, False),
        (None, {"avx512_bf16": False, "avx512_f": True}, False),
        (None, {"avx512_bf16": True}, True),
        (None, {"amx_bf16": True}, True),
        (True, {}, True),
        (False, {"avx512_bf16": True}, False),
    ],
)
def test_what_the_hardware_multiplies_in_bfloat16_is_computed_so(
    asked, instructions, half, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    assert in_bfloat16(settings(bf16=asked)) is half
