"""IFD against a literal transcription of Superfiltering: one text at a time, full logits."""

import gc
import json
import math
import random
import subprocess
import sys
import tracemalloc

import pyarrow as pa
import pytest
import torch
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from superfiltering import passages, transcription
from tiny import train_tokenizer
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from bionerflow.curate.strategies import top_ifd
from bionerflow.data.schema import (
    CONVERSATIONS,
    SCORES,
    Turn,
    read_card,
    read_rows,
    write_rows,
    write_tables,
)
from bionerflow.data.shards import WHOLE, Share, gather
from bionerflow.ifd.losses import Losses, Passage
from bionerflow.ifd.scores import Score, Scorer, _plain_pairs, score_file
from bionerflow.ifd.spread import spreads
from bionerflow.models.loading import load_scorer, load_tokenizer, save
from bionerflow.utils.files import write_json
from bionerflow.utils.progress import Progress

INSTRUCTION = "Extract the disease entities from the following text, as JSON, in text order."
PHRASE = "ataxia telangiectasia colon cancer of the BRCA1 gene in families with β-thalassaemia"
WORDS = PHRASE.split(" ")
CONTEXT = 100


def sentences(n: int) -> list[list[Turn]]:
    source = random.Random(7)
    found = []
    for _ in range(n):
        words = source.choices(WORDS, k=source.randint(3, 30))
        names = source.sample(words, k=min(len(words), source.randint(1, 3)))
        answer = json.dumps([{"entity": "Disease", "name": name} for name in names])
        user = Turn("user", f"{INSTRUCTION}\n{' '.join(words)}")
        found.append([user, Turn("assistant", answer)])
    return found


@pytest.fixture(scope="module")
def tokenizer():
    texts = [turn.content for turns in sentences(60) for turn in turns]
    return train_tokenizer(texts, 420)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        initializer_range=0.3,
    )
    return Qwen3ForCausalLM(config).eval()


def scorer(model, tokenizer, mode="superfiltering", context=CONTEXT):
    return Scorer(model, tokenizer, mode, Progress("ifd", 10**9, "conversations"), context)


@pytest.mark.parametrize("mode", ["superfiltering", "loss_ratio"])
def test_scores_are_the_reference_s(model, tokenizer, mode):
    conversations = sentences(60)
    conversations[3][1] = Turn("assistant", "")
    conversations[4][1] = Turn("assistant", "a")
    conversations[5][0] = Turn("user", "colon cancer " * 200)
    ours = scorer(model, tokenizer, mode).score(conversations)
    theirs = [transcription(tokenizer, model, turns, CONTEXT) for turns in conversations]
    assert sum(score.reason == "truncated" for score in ours) > 3
    assert [score.ifd is None for score in ours] == [losses is None for losses in theirs]
    for score, losses in zip(ours, theirs, strict=True):
        if losses is None:
            continue
        conditioned, alone, n = losses
        assert score.n_tokens == n
        assert score.ppl_conditioned == pytest.approx(math.exp(conditioned), rel=1e-4)
        assert score.ppl_alone == pytest.approx(math.exp(alone), rel=1e-4)
        ratio = conditioned / alone if mode == "loss_ratio" else math.exp(conditioned - alone)
        assert score.ifd == pytest.approx(ratio, rel=1e-4)


def test_token_ids_and_scored_places_are_the_reference_s(tokenizer):
    conversations = sentences(60)
    conversations[5][0] = Turn("user", "colon cancer " * 200)
    cut = 0
    pairs = _plain_pairs(tokenizer, conversations, CONTEXT)
    for pair, turns in zip(pairs, conversations, strict=True):
        for ours, (ids, labels) in zip(pair[:2], passages(tokenizer, turns, CONTEXT), strict=True):
            assert ours.ids == ids[0].tolist()
            scored = labels[0, 1:] != -100  # a model predicts the next token: none the first
            assert [place - 1 for place in ours.scored] == scored.nonzero()[:, 0].tolist()
        cut += pair.reason == "truncated"
    assert cut > 3


def test_a_first_token_that_the_tokenizer_adds_gives_one_token_answers_a_score(model, tokenizer):
    class Opened:
        """A tokenizer that opens each text with a token, as Llama's does."""

        def __call__(self, texts, **options):
            plain = tokenizer(texts, **options)["input_ids"]
            return {"input_ids": [[tokenizer.pad_token_id, *ids] for ids in plain]}

    turns = [Turn("user", INSTRUCTION), Turn("assistant", "a")]
    (score,) = scorer(model, Opened()).score([turns])
    assert (score.n_tokens, score.reason) == (1, None)
    assert score.ifd == pytest.approx(score.ppl_conditioned / score.ppl_alone)


def test_the_chosen_set_is_the_reference_s(model, tokenizer):
    conversations = sentences(60)
    ours = scorer(model, tokenizer).score(conversations)
    theirs = [transcription(tokenizer, model, turns, CONTEXT) for turns in conversations]
    rates = [(math.exp(losses[0] - losses[1]), n) for n, losses in enumerate(theirs) if losses]
    hardest = sorted((rate for rate in rates if rate[0] < 1), reverse=True)[:20]
    scores = {str(n): score.ifd for n, score in enumerate(ours)}
    assert len(hardest) == 20
    assert top_ifd(scores, 20, "") == [str(n) for _, n in hardest]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), budget=st.integers(1, 400), order=st.randoms(use_true_random=False))
def test_a_loss_depends_on_neither_neighbours_order_nor_batches(model, data, budget, order):
    """Whatever passages there are: beginnings that some share, repeated ones, single tokens."""
    beginnings = data.draw(st.lists(st.lists(st.integers(0, 299), max_size=12), min_size=1))
    endings = st.lists(st.integers(0, 299), min_size=1, max_size=12)
    parts = st.lists(st.tuples(st.sampled_from(beginnings), endings), min_size=1, max_size=12)
    texts = [begun + ending for begun, ending in data.draw(parts)]
    scored = [order.sample(range(1, len(ids)), order.randrange(len(ids))) for ids in texts]
    passages = [Passage(ids, sorted(places)) for ids, places in zip(texts, scored, strict=True)]
    losses = Losses(model)
    alone = [losses.mean([passage])[0] for passage in passages]
    shuffled = order.sample(range(len(passages)), len(passages))
    losses.budget = budget
    together = losses.mean([passages[n] for n in shuffled])
    expected = [alone[n] for n in shuffled]
    assert together == pytest.approx(expected, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("mode", ["superfiltering", "chat"])
def test_a_score_does_not_depend_on_its_neighbours(model, tokenizer, mode):
    conversations = sentences(40)
    together = scorer(model, tokenizer, mode, 512).score(conversations)
    small = scorer(model, tokenizer, mode, 512)
    small.losses.budget = 50
    backwards = small.score(conversations[::-1])[::-1]
    single = [scorer(model, tokenizer, mode, 512).score([turns])[0] for turns in conversations]
    for scores in zip(together, backwards, single, strict=True):
        assert [s.ifd for s in scores] == pytest.approx([scores[0].ifd] * 3, rel=1e-4)
        assert len({(s.n_tokens, s.reason) for s in scores}) == 1


def test_chat_scores_the_answer_and_its_end_mark_in_the_template(model, tokenizer):
    turns = [Turn("user", "colon"), Turn("assistant", "colon cancer")]
    asked = tokenizer.apply_chat_template(
        [turns[0]._asdict()], tokenize=False, add_generation_prompt=True
    )
    prompt = tokenizer.encode(asked)
    answer = [*tokenizer.encode("colon cancer"), tokenizer.eos_token_id]
    labels = torch.tensor([[-100] * len(prompt) + answer])
    with torch.no_grad():
        conditioned = model(torch.tensor([prompt + answer]), labels=labels).loss.item()
        alone = model(torch.tensor([answer]), labels=torch.tensor([answer])).loss.item()
    (score,) = scorer(model, tokenizer, "chat").score([turns])
    assert score.n_tokens == len(answer)
    assert score.ppl_conditioned == pytest.approx(math.exp(conditioned), rel=1e-4)
    assert score.ifd == pytest.approx(math.exp(conditioned - alone), rel=1e-4)


def test_the_answers_of_a_conversation_are_scored_together(model, tokenizer):
    turns = [
        Turn("user", "Text: colon"),
        Turn("assistant", "Answer: []"),
        Turn("user", "Type: gene"),
        Turn("assistant", "Answer: [1]"),
    ]
    flat = [Turn("user", "Text: colon\nType: gene"), Turn("assistant", "Answer: []\nAnswer: [1]")]
    mine = scorer(model, tokenizer)
    assert mine.score([turns]) == mine.score([flat])
    n = len(tokenizer.encode("Answer: []")) + len(tokenizer.encode("Answer: [1]"))
    assert scorer(model, tokenizer, "chat").score([turns])[0].n_tokens == n + 2


def test_what_cannot_be_scored_has_a_reason_and_no_zero(model, tokenizer):
    long = "colon cancer " * 200
    cases = {
        "empty_answer": ("colon", ""),
        "one_token_answer": ("colon", "a"),
        "prompt_fills_context": (long, "colon cancer"),
        "truncated": ("colon", long),
    }
    conversations = [[Turn("user", a), Turn("assistant", b)] for a, b in cases.values()]
    scores = scorer(model, tokenizer).score(conversations)
    assert [score.reason for score in scores] == list(cases)
    assert [score.ifd is None for score in scores] == [True, True, True, False]
    assert scores[0] == Score(0, None, None, None, "empty_answer")
    assert scores[1].ppl_conditioned > 1
    assert scores[1].ppl_alone is None


@pytest.mark.parametrize("answer", ["colon cancer", "colon cancer " * 200])
def test_a_model_that_is_broken_gives_reasons(model, tokenizer, answer):
    broken = Qwen3ForCausalLM(model.config).eval()
    torch.nn.init.constant_(broken.model.norm.weight, float("nan"))
    mine = scorer(model, tokenizer)
    mine.losses.body = broken.model
    (score,) = mine.score([[Turn("user", "colon"), Turn("assistant", answer)]])
    assert score == Score(score.n_tokens, None, None, None, "not_a_number")


def test_each_distinct_answer_of_a_window_is_run_alone_once(model, tokenizer, monkeypatch):
    mine, runs = scorer(model, tokenizer), []
    mean = mine.losses.mean
    monkeypatch.setattr(mine.losses, "mean", lambda p, *rest: runs.append(len(p)) or mean(p, *rest))
    same = [[Turn("user", f"{n} colon"), Turn("assistant", "colon")] for n in range(5)]
    mine.score(same)
    assert runs == [5, 1]


def test_passages_that_begin_alike_share_that_run(model):
    prefix, source = list(range(40)), random.Random(1)
    passages = [
        Passage([*prefix, *source.choices(range(300), k=source.randint(3, 9))], [41, 42])
        for _ in range(6)
    ]
    losses, widths = Losses(model), []
    hook = model.model.register_forward_pre_hook(
        lambda _, args: widths.append(args[0].shape[1]), with_kwargs=False
    )
    together = losses.mean(passages)
    hook.remove()
    assert widths[0] >= 39
    assert max(widths[1:]) <= 9
    assert together == pytest.approx([losses.mean([p])[0] for p in passages], rel=1e-4)


def test_what_is_scored_in_a_shared_beginning_is_scored_once(model):
    """Answers alone begin alike, too; a lonely or a short one takes nothing from the others."""
    source = random.Random(1)
    passages = [Passage([*range(20), *source.choices(range(300), k=k)], []) for k in range(1, 8)]
    passages += [Passage([0, 1], []), Passage(list(range(50, 80)), []), Passage([*range(20)], [])]
    passages = [Passage(p.ids, range(1, len(p.ids))) for p in passages]
    rows, losses = [], Losses(model)
    token_losses = losses._token_losses
    losses._token_losses = lambda s, *of: rows.append(len(s)) or token_losses(s, *of)
    together = losses.mean(passages)
    assert rows == [len({tuple(p.ids[:place]) for p in passages for place in p.scored})]
    single = [losses.mean([passage])[0] for passage in passages]
    assert together == pytest.approx(single, rel=1e-4)


def test_the_script_scores_positives_alone(model, tokenizer, tmp_path):
    save(model, tokenizer, tmp_path / "weak")
    write_json(tmp_path / "weak.json", {})
    rows = [conversation(n, turns, bool(n % 3)) for n, turns in enumerate(sentences(9))]
    rows[1]["turns"][1]["content"] = "a"
    write_rows(tmp_path / "train.json_entity.parquet", rows, CONVERSATIONS)
    out = tmp_path / "ifd" / "ncbi.json_entity.superfiltering.parquet"
    arguments = {
        "--conversations": tmp_path / "train.json_entity.parquet",
        "--model": tmp_path / "weak",
        "--mode": "superfiltering",
        "--checkpoints": tmp_path / "checkpoints",
        "--out": out,
    }
    command = [sys.executable, "-P", ROOT / "workflow" / "scripts" / "ifd.py"]
    command += [part for pair in arguments.items() for part in pair]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    scores = read_rows(out, SCORES)
    assert [row["id"] for row in scores] == ["1", "2", "4", "5", "7", "8"]
    assert scores[0]["reason"] == "one_token_answer"
    assert all(row["ifd"] > 0 for row in scores[1:])
    card = read_card(out)
    assert (card["mode"], card["scorer"]) == ("superfiltering", "weak")
    assert card["reasons"] == {"scored": 5, "one_token_answer": 1}
    assert "6/6 conversations" in done.stderr
    assert not list((tmp_path / "checkpoints").glob("ifd/*"))
    every = list(
        score_file(arguments["--conversations"], model, tokenizer, "chat", tmp_path, negatives=True)
    )
    assert [id for table in every for id in table["id"].to_pylist()] == [str(n) for n in range(9)]


def test_scoring_goes_on_where_it_was_killed(model, tokenizer, tmp_path, monkeypatch):
    """Parts that are there are not scored again, and the rows are those of an undisturbed run."""
    monkeypatch.setattr("bionerflow.ifd.scores.WINDOW", 4)
    rows = [conversation(n, turns, True) for n, turns in enumerate(sentences(10))]
    path = tmp_path / "train.json_entity.parquet"
    write_rows(path, rows, CONVERSATIONS)
    killed = score_file(path, model, tokenizer, "chat", tmp_path / "parts")
    next(killed), next(killed)
    scored, score = [], Scorer.score
    monkeypatch.setattr(Scorer, "score", lambda s, c: scored.append(len(c)) or score(s, c))
    again = list(score_file(path, model, tokenizer, "chat", tmp_path / "parts"))
    assert scored == [2]
    assert [table.num_rows for table in again] == [4, 4, 2]
    assert again == list(score_file(path, model, tokenizer, "chat", tmp_path / "anew"))


def test_scoring_holds_a_window_however_many_samples_there_are(
    model, tokenizer, tmp_path, monkeypatch
):
    for limit in ("ifd.scores.WINDOW", "data.schema.BATCH"):
        monkeypatch.setattr(f"bionerflow.{limit}", 20)
    peaks = []
    for n in (40, 160):
        path = tmp_path / f"{n}.json_entity.parquet"
        source = sentences(n)
        write_rows(path, [conversation(i, t, True) for i, t in enumerate(source)], CONVERSATIONS)
        del source
        gc.collect()
        arrow = pa.total_allocated_bytes()
        tracemalloc.start()
        held = 0
        for table in score_file(path, model, tokenizer, "superfiltering", tmp_path / str(n)):
            assert table.num_rows == 20
            held = max(held, pa.total_allocated_bytes() - arrow)
        peaks.append(tracemalloc.get_traced_memory()[1] + held)
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_several_jobs_score_what_one_job_scores(model, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("bionerflow.ifd.scores.WINDOW", 4)
    path, whole, gathered = (tmp_path / f"{name}.parquet" for name in ("train", "one", "several"))
    rows = [conversation(n, turns, n % 5 > 0) for n, turns in enumerate(sentences(18))]
    write_rows(path, rows, CONVERSATIONS)
    shares = [Share(n, 3) for n in (1, 2, 3)]
    for share, out in [(WHOLE, whole), *zip(shares, parts := shares_of(tmp_path), strict=True)]:
        tables = score_file(path, model, tokenizer, "chat", tmp_path / out.stem, share=share)
        write_tables(out, tables, SCORES, reasons={"scored": share.number})
    gather(parts, gathered)
    assert gathered.read_bytes() == whole.read_bytes()
    assert [read_card(part)["rows"] for part in parts] == [3, 6, 5]
    assert read_card(gathered)["reasons"] == {"scored": 6}


def shares_of(folder):
    return [folder / f"{n}of3.parquet" for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def encoder(tokenizer):
    """Return a random BERT and a tokenizer that frames texts and can mask, as BioMedBERT has."""
    torch.manual_seed(0)
    core = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    marks = {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>", "pad_token": "<pad>"}
    own = PreTrainedTokenizerFast(tokenizer_object=core, **marks)
    pair = [("<s>", own.cls_token_id), ("</s>", own.sep_token_id)]
    own.backend_tokenizer.post_processor = TemplateProcessing("<s> $A </s>", special_tokens=pair)
    config = BertConfig(
        vocab_size=len(own),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.5,
    )
    return BertForMaskedLM(config).eval(), own


def hidden_in_turn(model, tokenizer, text, behind):
    """Return the mean loss of the tokens that end after `behind` characters, one text at a time."""
    coded = tokenizer(text, return_offsets_mapping=True)
    losses = []
    for place, (_, end) in enumerate(coded["offset_mapping"]):
        if end > behind:
            ids = torch.tensor([coded["input_ids"]])
            target = ids[0, place].item()
            ids[0, place] = tokenizer.mask_token_id
            with torch.no_grad():
                losses.append(-model(ids).logits[0, place].log_softmax(-1)[target].item())
    return sum(losses) / len(losses), len(losses)


def test_an_encoder_scores_by_pseudo_perplexity(encoder):
    conversations = [*sentences(8), [Turn("user", "colon"), Turn("assistant", "a")]]
    scores = scorer(*encoder, context=512).score(conversations)
    for turns, score in zip(conversations, scores, strict=True):
        prompt, answer = turns[0].content + "\n", turns[1].content
        conditioned, n = hidden_in_turn(*encoder, prompt + answer, len(prompt))
        alone, _ = hidden_in_turn(*encoder, answer, 0)
        assert (score.n_tokens, score.reason) == (n, None)
        assert score.ppl_conditioned == pytest.approx(math.exp(conditioned), rel=1e-4)
        assert score.ifd == pytest.approx(math.exp(conditioned - alone), rel=1e-4)


def test_a_saved_encoder_is_loaded_with_its_head(encoder, tmp_path):
    model, tokenizer = encoder
    save(model, tokenizer, tmp_path)
    loaded = load_scorer(tmp_path)
    ids = torch.arange(5)[None]
    assert torch.equal(loaded(ids).logits, model(ids).logits)
    turns = [Turn("user", "colon cancer"), Turn("assistant", "colon")]
    mine = scorer(loaded, load_tokenizer(tmp_path), context=4)
    assert mine.score([turns])[0].reason == "prompt_fills_context"
    assert scorer(*encoder).score([[turns[0], Turn("assistant", "")]])[0].reason == "empty_answer"


def conversation(n, turns, positive):
    entity = {"type": "Disease", "spans": [{"start": 0, "end": 1}], "text": "x"}
    return {
        "corpus": "ncbi",
        "format": "json_entity",
        "id": str(n),
        "doc_id": str(n),
        "language": "en",
        "types": ["Disease"],
        "text": "x",
        "entities": [entity] if positive else [],
        "turns": [turn._asdict() for turn in turns],
    }


def test_a_spread_is_of_all_that_has_a_score(tmp_path):
    scores = {"a.x": [0.1, 0.2, None, 1.0], "a.y": [1.7], "b.x": [None]}
    for name, values in scores.items():
        rows = [
            {"id": str(n), "types": [], "n_tokens": 1, "ppl_conditioned": 1.0, "ppl_alone": 1.0,
             "ifd": value, "reason": None if value else "one_token_answer"}
            for n, value in enumerate(values)
        ]  # fmt: skip
        write_rows(tmp_path / f"{name}.superfiltering.parquet", rows, SCORES)
    found = spreads(sorted(tmp_path.glob("*.parquet")))
    assert found["b"] == {"n": 0} | dict.fromkeys(found["a"].keys() - {"n"})
    a = found["a"]
    assert (a["n"], a["mean"], a["at_least_one"]) == (4, 0.75, 0.5)
    assert (a["q10"], a["q50"], a["q90"]) == (0.13, 0.6, 1.49)
