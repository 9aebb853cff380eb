"""Fine-tuning: loss on the answers alone, the best validation, resumed and repeated runs."""

import random

import pytest
import torch
from tiny import TEXTS, tiny_model

from bionerflow import train as train_module
from bionerflow.chat import Chat
from bionerflow.errors import UserError
from bionerflow.generate import generate
from bionerflow.models import load_base, load_causal, load_tokenizer
from bionerflow.schema import Turn
from bionerflow.settings import TrainSettings
from bionerflow.train import IGNORED, Conversations, collate, device_rows, fit, train

WORDS = " ".join(TEXTS).split(" ")


def settings(**changes):
    """Return settings of two epochs without validation, with changes."""
    base = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 8, "validations": 0}
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


@pytest.fixture
def scripted(monkeypatch):
    """Let validations return given F1s, then be killed; return the weights that they saw."""
    seen = []

    def script(*f1s):
        scores = iter(f1s)

        def dev_f1(model, *_):
            seen.append(weights(model))
            if (score := next(scores, None)) is None:
                raise KeyboardInterrupt
            return score

        monkeypatch.setattr(train_module, "dev_f1", dev_f1)
        return seen

    return script


def weights(model):
    return torch.cat([w.detach().float().flatten().clone() for w in model.parameters()])


def curve(metrics, key):
    return {entry["step"]: entry[key] for entry in metrics["curve"] if key in entry}


def test_the_loss_is_that_of_a_plain_loop_over_the_answers_tokens(base, tokenizer):
    model = load_causal(base)
    encoded = Chat(tokenizer).encode(task(7))
    rows = [{"input_ids": one.ids, "answers": one.answers} for one in encoded]
    nll = []
    with torch.inference_mode():
        batched = model(**collate(rows)).loss
        for one in encoded:
            scores = model(torch.tensor([one.ids])).logits[0].log_softmax(-1)
            answered = [n for start, end in one.answers for n in range(start, end)]
            nll += [-scores[n - 1, one.ids[n]] for n in answered]
    assert {len(one.answers) for one in encoded} == {1, 2}
    assert float(batched) == pytest.approx(float(torch.stack(nll).mean()), abs=1e-5)


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
        recipe = settings(device_batch_tokens=tokens, epochs=5)
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
    with pytest.raises(UserError, match=r"None of 20 .* 3 tokens: raise train\.max_length"):
        Conversations(encoded, 3)


def test_device_rows_divide_the_batch_and_fit_the_tokens():
    def rows(batch, tokens, longest):
        settings = TrainSettings(batch_size=batch, device_batch_tokens=tokens)
        return device_rows(settings, longest)

    assert [rows(64, 8192, longest) for longest in (128, 129, 9000)] == [64, 32, 1]
    assert (rows(6, 500, 100), rows(7, 600, 100)) == (3, 1)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_learns_and_answers_the_same_once_saved_and_loaded(method, base, tokenizer, tmp_path):
    recipe = settings(method=method, epochs=8)
    model, metrics = train(base, tokenizer, task(32), recipe, tmp_path / "checkpoints", 1)
    assert (metrics["conversations"], metrics["steps"], metrics["too_long"]) == (32, 32, 0)
    losses = list(curve(metrics, "loss").values())
    assert losses[-1] < 0.7 * losses[0]
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    asked = task(6, seed=1)
    answers = generate(model, tokenizer, asked, 8, 6)
    assert generate(load_causal(tmp_path / "model"), tokenizer, asked, 8, 6) == answers
    assert generate(load_causal(base), tokenizer, asked, 8, 6) != answers
    assert (tmp_path / "model" / "adapter_config.json").is_file() == (method == "lora")


def test_the_same_seed_gives_the_same_weights(base, tokenizer, tmp_path):
    recipe = settings(method="lora")
    runs = [
        train(base, tokenizer, task(24), recipe, tmp_path / str(n), seed)[0]
        for n, seed in enumerate((1, 1, 2))
    ]
    first, again, other = map(weights, runs)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_weights_of_the_best_validation_are_returned(base, tokenizer, tmp_path, scripted):
    recipe = settings(validations=3)
    f1s = [0.1, 0.2, 0.9, 0.3, 0.9, 0.4]
    seen = scripted(*f1s)
    model, metrics = fit(load_base(base), tokenizer, task(24), recipe, tmp_path, 1, dev=["a query"])
    assert len(seen) == 6
    assert torch.equal(weights(model), seen[2])
    assert not torch.equal(seen[2], seen[5])
    assert metrics["dev_f1"] == 0.9
    assert curve(metrics, "eval_f1") == dict(enumerate(f1s, start=1))


@pytest.mark.parametrize("killed", [3, 4, 5], ids=["within an epoch", "between epochs", "later"])
def test_a_killed_run_goes_on_as_if_it_had_not_been(killed, base, tokenizer, tmp_path, scripted):
    recipe = settings(validations=3, method="lora")
    f1s = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]

    def run(folder):
        return train(base, tokenizer, task(24), recipe, tmp_path / folder, 1, ["a query"])

    scripted(*f1s)
    whole, expected = run("whole")
    scripted(*f1s[: killed - 1])
    with pytest.raises(KeyboardInterrupt):
        run("killed")
    scripted(*f1s[killed - 1 :])
    resumed, metrics = run("killed")
    assert curve(metrics, "eval_f1") == curve(expected, "eval_f1")
    assert torch.equal(weights(resumed), weights(whole))


def test_a_loss_that_is_not_a_number_stops_the_run(base, tokenizer, tmp_path):
    model = load_base(base)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(UserError, match=r"not a number at step 5: lower train\.learning_rate"):
        fit(model, tokenizer, task(8), settings(epochs=5), tmp_path, 1)
