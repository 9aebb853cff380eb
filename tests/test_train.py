"""Fine-tuning: loss on the answers alone, the best validation, resumed and repeated runs."""

import importlib.util
import json
import random
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT
from tiny import TEXTS, tiny_model
from transformers import AutoModelForCausalLM

from bionerflow.config.stages import TrainSettings
from bionerflow.data.schema import CONVERSATIONS, KEPT, Turn, write_table
from bionerflow.inference.generate import generate
from bionerflow.models import loading
from bionerflow.models.chat import Chat, Encoded
from bionerflow.models.loading import load_base, load_causal, load_merged, load_tokenizer, save
from bionerflow.train import memory
from bionerflow.train.data import IGNORED, Conversations, collate
from bionerflow.train.fast import Fast
from bionerflow.train.finetune import adapted, fit, train
from bionerflow.train.passes import Passes
from bionerflow.train.trainer import WHOLE, ValidatingTrainer, _Order, last_checkpoint
from bionerflow.utils import environment as records
from bionerflow.utils.environment import checkpoint_key
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import sha256, write_json, write_result

WORDS = " ".join(TEXTS).split(" ")


def settings(**changes):
    """Return settings of two epochs without validation, on each CPU in float32, with changes."""
    base = {
        "num_train_epochs": 2,
        "learning_rate": 1e-2,
        "effective_batch_size": 8,
        "validations_per_epoch": 0,
        "bf16": False,
    }
    return TrainSettings(**(base | changes))


def task(n, seed=0):
    """Return conversations of one or two answers: the last word, then the first."""
    rng = random.Random(seed)
    found = []
    for _ in range(n):
        words = rng.choices(WORDS, k=rng.randint(1, 9))
        turns = [Turn("user", " ".join(words)), Turn("assistant", words[-1])]
        if rng.random() < 0.5:
            turns += [Turn("user", "first"), Turn("assistant", words[0])]
        found.append(turns)
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(base):
    return load_tokenizer(base)


def scripted(*f1s):
    """Return a validation that finds given F1s and then is killed, and the weights that it saw."""
    seen, scores = [], iter(f1s)

    def validate(model):
        seen.append(weights(model))
        if (score := next(scores, None)) is None:
            raise KeyboardInterrupt
        return score

    return validate, seen


def weights(model):
    return torch.cat([w.detach().float().flatten().clone() for w in model.parameters()])


def curve(metrics, key):
    return {entry["step"]: entry[key] for entry in metrics["curve"] if key in entry}


def plain_loss(base, tokenizer, conversations):
    """Return the mean loss over answers and end marks, by transformers alone, one by one."""
    model, nll = AutoModelForCausalLM.from_pretrained(base).eval(), []
    for turns in ([turn._asdict() for turn in turns] for turns in conversations):
        ids = tokenizer.apply_chat_template(turns, return_dict=False)
        with torch.inference_mode():
            scores = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        for n in range(1, len(turns), 2):
            begun = tokenizer.apply_chat_template(
                turns[:n], add_generation_prompt=True, return_dict=False
            )
            answer = tokenizer(turns[n]["content"] + "<|end|>")["input_ids"]
            nll += [-scores[len(begun) - 1 + k, id] for k, id in enumerate(answer)]
    return float(torch.stack(nll).mean())


@pytest.mark.parametrize("tokens", [8192, 1], ids=["one pass", "row by row"])
@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_the_trainers_loss_is_that_of_a_plain_loop(packed, tokens, base, tokenizer, tmp_path):
    recipe = settings(
        packing=packed,
        tokens_per_pass=tokens,
        num_train_epochs=5,
        effective_batch_size=7,
        learning_rate=1e-20,
    )
    _, metrics = fit(load_base(base), tokenizer, task(7), recipe, tmp_path, seed=1)
    assert metrics["steps"] == 5
    expected = plain_loss(base, tokenizer, task(7))
    assert curve(metrics, "loss")[5] == pytest.approx(expected, abs=1e-5)


def test_labels_are_every_answer_with_its_end_mark(tokenizer):
    short, long = task(1, seed=3)[0][:2], task(2, seed=3)[1]
    assert len(long) == 4
    encoded = Chat(tokenizer).encode([short, long])
    rows = [{"input_ids": one.ids, "answers": one.answers} for one in encoded]
    labels = collate(rows)["labels"].tolist()
    learned = [tokenizer.decode([n for n in row if n != IGNORED]) for row in labels]
    assert learned == [
        "".join(t.content + "<|end|>" for t in turns if t.role == "assistant")
        for turns in (short, long)
    ]


def test_the_loss_does_not_depend_on_how_many_rows_a_device_takes(base, tokenizer, tmp_path):
    reached = []
    for tokens in (8192, 1):
        recipe = settings(tokens_per_pass=tokens, num_train_epochs=5)
        _, metrics = fit(load_base(base), tokenizer, task(8), recipe, tmp_path, seed=1)
        reached.append(curve(metrics, "loss"))
    assert list(reached[0]) == [5]
    assert reached[0] == pytest.approx(reached[1], rel=1e-3)


def test_conversations_that_are_too_long_are_counted_and_none_is_cut(tokenizer):
    encoded = Chat(tokenizer).encode(task(20))
    longest = sorted(len(one.ids) for one in encoded)[9]
    data = Conversations(encoded, longest)
    assert data.kept == [one for one in encoded if len(one.ids) <= longest]
    assert (data.too_long, data.longest) == (20 - len(data.kept), longest)
    assert 0 < data.too_long <= 10
    with pytest.raises(UserError, match=r"None of 20 .* 3 tokens: raise max_length"):
        Conversations(encoded, 3)


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_a_run_learns_and_answers_the_same_once_saved_and_loaded(method, base, tokenizer, tmp_path):
    recipe = settings(method=method, num_train_epochs=6)
    model, metrics = train(base, tokenizer, task(32), recipe, tmp_path / "checkpoints", 1)
    assert (metrics["conversations"], metrics["steps"], metrics["too_long"]) == (32, 24, 0)
    losses = list(curve(metrics, "loss").values())
    assert losses[-1] < 0.7 * losses[0]
    save(model, tokenizer, tmp_path / "model")
    asked = task(6, seed=1)
    answers = generate(model, tokenizer, asked, 8, 6)
    loaded = load_causal(tmp_path / "model")
    assert generate(loaded, tokenizer, asked, 8, 6) == answers
    assert generate(load_causal(base), tokenizer, asked, 8, 6) != answers
    assert (tmp_path / "model" / "adapter_config.json").is_file() == (method != "full")
    if method != "full":
        merged = load_merged(tmp_path / "model")
        assert generate(merged, tokenizer, asked, 8, 6) == answers
        ids = torch.tensor([Chat(tokenizer).encode(asked)[0].ids])
        with torch.inference_mode():
            assert torch.allclose(merged(ids).logits, loaded(ids).logits, atol=1e-4)
        merged.save_pretrained(tmp_path / "merged")
        tokenizer.save_pretrained(tmp_path / "merged")
        assert generate(load_causal(tmp_path / "merged"), tokenizer, asked, 8, 6) == answers


def test_a_validation_changes_no_gradient_of_quantised_weights(base, tokenizer):
    model = adapted(base, settings(method="qlora", lora={"lora_dropout": 0}))
    batch = collate([Conversations(Chat(tokenizer).encode(task(1)), 1024)[0]])

    def gradients():
        model.train().zero_grad()
        model(**batch).loss.backward()
        return torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None])

    before = gradients()
    generate(model.eval(), tokenizer, task(1), 4, 1)
    assert torch.equal(gradients(), before)
    assert before.abs().sum() > 0


def test_the_same_seed_gives_the_same_weights(base, tokenizer, tmp_path):
    recipe = settings(method="lora")
    runs = [
        train(base, tokenizer, task(24), recipe, tmp_path / str(n), seed)[0]
        for n, seed in enumerate((1, 1, 2))
    ]
    first, again, other = map(weights, runs)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_run_of_no_epoch_is_the_base_and_is_validated(base, tokenizer, tmp_path):
    asked, (validate, _) = (
        settings(num_train_epochs=0, method="lora", validations_per_epoch=1),
        scripted(0.25),
    )
    model, metrics = train(base, tokenizer, task(8), asked, tmp_path, 1, validate)
    save(model, tokenizer, tmp_path / "run")
    answers = [
        generate(one, tokenizer, task(6), 8, 6)
        for one in (load_causal(base), load_causal(tmp_path / "run"))
    ]
    assert answers[0] == answers[1]
    assert (metrics["steps"], metrics["tokens"], metrics["dev_f1"]) == (0, 0, 0.25)


def test_the_weights_of_the_best_validation_are_returned(base, tokenizer, tmp_path):
    recipe = settings(validations_per_epoch=3)
    f1s = [0.1, 0.2, 0.9, 0.3, 0.9, 0.4]
    validate, seen = scripted(*f1s)
    model, metrics = fit(load_base(base), tokenizer, task(24), recipe, tmp_path, 1, validate)
    assert len(seen) == 6
    assert torch.equal(weights(model), seen[2])
    assert not torch.equal(seen[2], seen[5])
    assert metrics["dev_f1"] == 0.9
    assert curve(metrics, "eval_f1") == dict(enumerate(f1s, start=1))


def test_every_batch_that_the_optimizer_sees_has_both_languages(
    base, tokenizer, tmp_path, monkeypatch
):
    """In each epoch, also behind a restart, and beside left-out conversations that are too long."""
    data, seen = task(41, seed=5), []
    languages = ["en" if n % 3 else "zh" for n in range(len(data))]
    of = {tuple(one.ids): its for one, its in zip(Chat(tokenizer).encode(data), languages)}  # noqa: B905
    make = Passes.__call__

    def watched(self, rows):
        seen.append([of[tuple(row["input_ids"])] for row in rows])
        return make(self, rows)

    monkeypatch.setattr(Passes, "__call__", watched)
    recipe = settings(max_length=60)
    _, metrics = fit(load_base(base), tokenizer, data, recipe, tmp_path, 1, None, languages)
    assert metrics["too_long"] > 0
    epochs = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    for epoch in epochs:
        order = [language for batch in epoch for language in batch]
        fewer = min(Counter(order).values())
        assert len(order) == metrics["conversations"]
        assert all(set(order[n : n + 2]) == {"en", "zh"} for n in range(0, 2 * fewer, 2))


def test_the_script_takes_equal_steps_from_what_curation_counted(base, tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("script", ROOT / "workflow/scripts/train.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for split in ("train", "dev"):
        write_table(tmp_path / f"{split}.parquet", CONVERSATIONS.empty_table())
    reasons = {"a": {"kept: top_ifd": 16, "dropped: not_chosen": 48}}
    write_table(tmp_path / "kept.parquet", KEPT.empty_table(), reasons=reasons)
    write_json(base.with_name(f"{base.name}.json"), {})
    given = {
        "conversations": tmp_path,
        "base": base,
        "settings": settings(equal_steps=True).model_dump_json(),
        "predict": "{}",
        "card": json.dumps({"run": "r", "corpora": {}, "formats": [], "predict": {}}),
        "seed": 1,
        "threads": 1,
        "checkpoints": tmp_path / "checkpoints",
        "out": tmp_path / "out",
    }
    arguments = [part for key, value in given.items() for part in (f"--{key}", str(value))]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    monkeypatch.setattr(script, "train", lambda *its: pytest.fail(f"{its[3].num_train_epochs}"))
    with pytest.raises(pytest.fail.Exception) as caught:
        script.main()
    assert float(str(caught.value)) == pytest.approx(8)  # 2 epochs of 8 steps, on 2 steps


@pytest.mark.parametrize("killed", [3, 4], ids=["within an epoch", "between epochs"])
def test_a_killed_run_goes_on_as_if_it_had_not_been(killed, base, tokenizer, tmp_path):
    recipe = settings(validations_per_epoch=3, method="lora")
    f1s = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]

    def run(folder, *f1s):
        validate, _ = scripted(*f1s)
        return train(base, tokenizer, task(24), recipe, tmp_path / folder, 1, validate)

    whole, expected = run("whole", *f1s)
    with pytest.raises(KeyboardInterrupt):
        run("killed", *f1s[: killed - 1])
    resumed, metrics = run("killed", *f1s[killed - 1 :])
    for what in ("eval_f1", "loss"):
        assert curve(metrics, what) == curve(expected, what)
    assert curve(metrics, "loss")
    assert torch.equal(weights(resumed), weights(whole))
    assert set(metrics["measured_kwh"].values()) == {None}  # what was before, nobody knows


def test_a_loss_that_is_not_a_number_stops_the_run(base, tokenizer, tmp_path):
    model = load_base(base)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(UserError, match=r"at step 1: lower learning_rate\. .*none yet"):
        fit(model, tokenizer, task(8), settings(num_train_epochs=5), tmp_path, 1)


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(base, tokenizer, tmp_path):
    recipe = settings(num_train_epochs=5, learning_rate=1e30)
    with pytest.raises(UserError) as caught:
        fit(load_base(base), tokenizer, task(8), recipe, tmp_path, 1)
    last = last_checkpoint(tmp_path)
    assert last
    assert f"The last good checkpoint is {last}." in str(caught.value)
    assert weights(load_base(last)).isfinite().all()


def test_memory_that_will_not_suffice_is_told_at_once(base, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_free", lambda device: 1000)
    with pytest.raises(UserError, match=r"needs \d+ MB beside the model, and 0 MB are free: take"):
        fit(load_base(base), tokenizer, task(8), settings(), tmp_path, 1)
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_trained_stays_in_its_precision_and_needs_no_memory(
    base, tokenizer, tmp_path, monkeypatch
):
    """Zero-shot is in bfloat16 on GPUs (unified): nine billion weights fit into 40 GB."""
    monkeypatch.setattr(memory, "_free", lambda device: 1000)
    monkeypatch.setattr(loading, "precision", lambda: torch.bfloat16)
    model, metrics = train(base, tokenizer, task(4), settings(num_train_epochs=0), tmp_path, 1)
    assert model.dtype == torch.bfloat16
    assert metrics["steps"] == 0
    before = load_base(base)
    assert torch.equal(weights(model), weights(before))
    assert adapted(base, settings()).dtype == torch.float32


def test_memory_that_gives_out_is_explained(base, tokenizer, tmp_path, monkeypatch):
    def compute_loss(self, *_, **__):
        if self.state.global_step == 1:
            torch.empty(1 << 60)
        return compute(self, *_, **__)

    compute = ValidatingTrainer.compute_loss
    monkeypatch.setattr(ValidatingTrainer, "compute_loss", compute_loss)
    with pytest.raises(UserError, match=r"Lower tokens_per_pass \(now 1024\)"):
        fit(load_base(base), tokenizer, task(8), settings(), tmp_path, 1)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-1")


def test_a_checkpoint_that_was_not_written_to_its_end_is_not_continued(tmp_path):
    for step, ended in ((9, True), (10, True), (11, False)):
        folder = tmp_path / f"checkpoint-{step}"
        write_json(folder / "trainer_state.json", {"best_model_checkpoint": None})
        if ended:
            files = {"trainer_state.json": sha256(folder / "trainer_state.json")}
            write_result(folder / WHOLE, {"files": files, "processes": 1})
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")


def test_a_checkpoint_belongs_to_its_data_settings_and_code(tmp_path, monkeypatch):
    inputs = {"settings": settings().model_dump(), "data": {"sha256": "a"}, "seed": 1}
    changes = [{"settings": settings(num_train_epochs=3).model_dump()}, {"data": {"sha256": "b"}}]
    keys = [checkpoint_key(inputs | change) for change in ({}, *changes, {"seed": 2})]
    (tmp_path / "train.py").write_text("other code")
    monkeypatch.setattr(records, "__file__", str(tmp_path / "utils" / "environment.py"))
    assert len({*keys, checkpoint_key(inputs)}) == 5
    assert checkpoint_key(inputs) == checkpoint_key(dict(inputs))


def test_metrics_and_curve_say_what_a_run_cost(base, tokenizer, tmp_path):
    _, metrics = fit(
        load_base(base), tokenizer, task(16), settings(num_train_epochs=5), tmp_path, 1
    )
    assert metrics["tokens"] == 5 * metrics["tokens_per_epoch"]
    assert metrics["seconds"] >= metrics["curve"][-1]["seconds"] > 0
    assert metrics["memory_mb"] >= metrics["curve"][0]["memory_mb"] > 0
    assert set(metrics["measured_kwh"]) == {"processors", "gpus"}
    rate = metrics["tokens"] / metrics["seconds"]
    assert metrics["tokens_per_second"] == pytest.approx(rate, rel=0.01)
    lines = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert [json.loads(line)["loss"] for line in lines[:2]] == list(curve(metrics, "loss").values())


@pytest.mark.parametrize("flat", [True, False])
def test_an_epoch_does_not_end_on_the_shortest_conversations(flat, tmp_path):
    """Sorted, as transformers' sampler is, it ends on sentences without entities."""
    lengths = [20 + n % 100 for n in range(400)]
    rows = [Encoded([1] * length, [(10, 12)]) for length in lengths]
    data = Conversations(rows, 1000)
    trainer = SimpleNamespace(
        train_dataset=data,
        fast=Fast(flat=flat),
        state=SimpleNamespace(epoch=0),
        args=SimpleNamespace(seed=1),
    )
    order = list(_Order(trainer, 8))
    assert sorted(order) == list(range(400))
    assert order == list(_Order(trainer, 8))
    thirds = [sum(lengths[n] for n in order[k : k + 128]) / 128 for k in (0, 136, 272)]
    assert max(thirds) - min(thirds) < 35  # sorted: 66
    spreads = [
        max(lengths[n] for n in order[k : k + 8]) - min(lengths[n] for n in order[k : k + 8])
        for k in range(0, 400, 8)
    ]
    assert (sorted(spreads)[25] < 20) is not flat
    trainer.state.epoch = 1
    assert list(_Order(trainer, 8)) != order
