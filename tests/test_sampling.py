"""Answers by chance: drawn by the model's probabilities, and each conversation by itself."""

import pytest
import torch
from scipy import stats
from test_engines_scripts import call
from test_generate import LIMIT, conversations
from test_predict import as_row, queries
from tiny import tiny_model

from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import (
    CONVERSATIONS,
    PREDICTIONS,
    Example,
    read_card,
    read_rows,
    write_examples,
    write_rows,
)
from bionerflow.inference.generate import choose, generate
from bionerflow.inference.sampling import Sampling
from bionerflow.models.loading import load_causal, load_tokenizer
from bionerflow.utils.files import read_json
from bionerflow.workflow.jobs import planned

RUN = "demo.smollm2-135m.conv_term.draw1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny(folder):
    return load_causal(folder), load_tokenizer(folder)


def answered(tiny, asked, size=4, sampling=None):
    return generate(*tiny, asked, LIMIT, size, sampling=sampling)


def test_draws_have_the_probabilities_of_the_tempered_softmax():
    logits, sampling = torch.tensor([[1.0, 0.0, 2.0, -1.0, 0.5]]), Sampling(0.7, 1)
    chance = sampling.chance([[1, 2]], logits.device)
    drawn = [int(sampling.drawn(logits, [chance]).argmax()) for _ in range(4000)]
    counts = torch.bincount(torch.tensor(drawn), minlength=5)
    expected = 4000 * torch.softmax(logits[0] / 0.7, -1)
    assert stats.chisquare(counts.numpy(), expected.numpy(), sum_check=False).pvalue > 0.01
    flat = 4000 * torch.softmax(logits[0], -1)
    assert stats.chisquare(counts.numpy(), flat.numpy(), sum_check=False).pvalue < 1e-6


class Only:
    """Stands in for a grammar that allows the first two tokens."""

    def choose(self, logits, best):
        return max((0, 1), key=lambda token: logits[token])


def test_of_the_tokens_that_are_allowed_one_is_drawn_by_their_probabilities():
    logits, sampling = torch.tensor([[1.0, 0.0, 9.0, *[-9.0] * 99]]), Sampling(1.0, 1)
    chance, count = sampling.chance([[1]], logits.device), 2000
    found = [choose(logits, [Only()], sampling.drawn(logits, [chance])) for _ in range(count)]
    ones = sum(tokens == [1] for tokens, _ in found)
    assert {tokens[0] for tokens, _ in found} == {0, 1}
    share = float(torch.softmax(logits[0, :2], -1)[1])
    assert stats.binomtest(ones, count, share).pvalue > 0.01
    greedy = choose(logits, [Only()])
    assert greedy[0] == [0]
    assert {probability for tokens, [probability] in found if tokens == [0]} == set(greedy[1])


def test_a_row_without_a_chance_draws_nothing():
    logits, sampling = torch.randn(2, 9), Sampling(1.0, 1)
    before = logits.clone()
    drawn = sampling.drawn(logits, [None, sampling.chance([[1]], logits.device)])
    assert torch.equal(drawn[0], before[0])
    assert not torch.equal(drawn[1], before[1])
    assert torch.equal(logits, before)


def test_a_sampling_depends_neither_on_neighbours_nor_on_the_order(tiny):
    asked = conversations([1, 2, 3, 1, 2])
    found = answered(tiny, asked, sampling=Sampling(1.0, 1))
    assert answered(tiny, asked, 1, Sampling(1.0, 1)) == found
    assert answered(tiny, asked[::-1], 3, Sampling(1.0, 1)) == found[::-1]
    assert answered(tiny, asked, sampling=Sampling(1.0, 2)) != found


def test_a_temperature_near_zero_writes_the_most_probable_tokens(tiny):
    asked = conversations([1, 2])
    greedy, cold = answered(tiny, asked), answered(tiny, asked, sampling=Sampling(1e-6, 1))
    assert cold == greedy
    pairs = zip((a for row in cold for a in row), (a for row in greedy for a in row), strict=True)
    for one, other in pairs:  # probabilities are those of the model, without temperature
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_samplings_of_a_run_are_compared(folder, tmp_path):
    asked = queries("multi_term", [str(n) for n in range(5)])
    write_rows(tmp_path / "test.parquet", map(as_row, asked), CONVERSATIONS)
    gold = [Example(query.id, query.id, "en", query.text, query.entities) for query in asked]
    write_examples(tmp_path / f"gold/{asked[0].corpus}/test.parquet", gold)
    settings = PredictSettings(max_new_tokens=8, batch_size=4)
    common = (f"--model={folder}", f"--queries={tmp_path / 'test.parquet'}", "--seed=1",
              "--threads=1", f"--checkpoints={tmp_path / 'kept'}", "--temperature=1.0")  # fmt: skip
    for name, sampling in (("1", 1), ("again", 1), ("2", 2)):
        call("predict.py", *common, f"--settings={settings.dump()}", f"--sampling={sampling}",
             f"--out={tmp_path / name}.parquet")  # fmt: skip
    one, again, two = (
        [row["answers"] for row in read_rows(tmp_path / f"{name}.parquet", PREDICTIONS)]
        for name in ("1", "again", "2")
    )
    assert one == again != two
    card = read_card(tmp_path / "2.parquet")
    assert (card["sampling"], card["temperature"]) == (2, 1.0)
    call("consistency.py", "--predictions", tmp_path / "1.parquet", tmp_path / "2.parquet",
         f"--gold={tmp_path / 'gold'}", f"--out={tmp_path / 'c.json'}")  # fmt: skip
    assert read_json(tmp_path / "c.json")["samplings"] == 2
    other = PredictSettings(engine="ctranslate2").dump()
    with pytest.raises(SystemExit, match="drawn by the engine torch, not by ctranslate2"):
        call("predict.py", *common, f"--settings={other}", "--sampling=1", "--out=x.parquet")


def test_five_samplings_are_behind_the_consistency_of_a_run():
    target = f"results/diagnostics/{RUN}.consistency.json"
    jobs = planned([target], "--configfile", "config/demo.yaml")
    sampled = sorted(job.command for job in jobs if job.rule == "predict_sampled")
    assert [f"--sampling={n} " in command for n, command in enumerate(sampled, 1)] == [True] * 5
    assert all("--temperature=0.7" in command for command in sampled)
    [compared] = [job for job in jobs if target in job.outputs]
    assert sum(f"sampled/{RUN}.{n}.parquet" in compared.command for n in range(1, 6)) == 5
