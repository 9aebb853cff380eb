import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import tiny_encoder, tiny_model

from bionerflow.config.stages import SelectorSettings
from bionerflow.data.schema import (
    PREDICTIONS,
    Entity,
    Example,
    Span,
    entity_row,
    read_card,
    read_rows,
    write_examples,
    write_rows,
)
from bionerflow.select import model as model_module
from bionerflow.select import sharing as sharing_module
from bionerflow.select.filter import filter_by_gold, filter_predictions, read_predictions
from bionerflow.select.fit import auc, fit
from bionerflow.select.kinds import QUESTION, build, load
from bionerflow.select.samples import TOKEN, Candidate, Sample, draw, mentions, near_misses
from bionerflow.select.sharing import beginnings
from bionerflow.select.threshold import curve, read_threshold, tune
from bionerflow.select.training import train
from bionerflow.train.preemption import Stop
from bionerflow.train.trainer import last_checkpoint
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json

SENTENCE = "The IL-2 gene, of T cells."


def example(text, *entities, id="1", language="en"):
    found = tuple(Entity.at(type, spans, text) for type, spans in entities)
    return Example(id, "d", language, text, found)


def at(type, *spans, sentence=SENTENCE):
    return Candidate(type, tuple(Span(*span) for span in spans), sentence)


def texts(misses, kind):
    return [
        [miss.candidate.sentence[slice(*span)] for span in miss.candidate.spans]
        for miss in misses
        if miss.kind == kind
    ]


# samples


def test_near_misses_move_an_edge_by_one_or_two_tokens_or_change_the_type():
    misses = list(near_misses(at("DNA", (4, 13)), ["DNA", "protein"]))
    assert texts(misses, "start") == [["The IL-2 gene"], ["-2 gene"], ["2 gene"]]
    assert texts(misses, "end") == [["IL-"], ["IL-2"], ["IL-2 gene,"], ["IL-2 gene, of"]]
    assert [m.candidate for m in misses if m.kind == "type"] == [at("protein", (4, 13))]


def test_chinese_moves_by_characters_and_never_becomes_empty():
    misses = list(near_misses(at("dis", (2, 4), sentence="患者血压IL2高"), ["dis"]))
    assert texts(misses, "start") == [["患者血压"], ["者血压"], ["压"]]
    assert texts(misses, "end") == [["血"], ["血压IL2"], ["血压IL2高"]]


def test_an_edge_inside_a_token_moves_to_the_edges_around_it():
    misses = list(near_misses(at("x", (2, 4), sentence="a bcd e"), ["x"]))
    assert texts(misses, "start") == [["a bc"]]
    assert texts(misses, "end") == [["bcd"], ["bcd e"]]


def test_fragments_are_marked_and_moved_one_at_a_time_and_never_touch():
    mention = at("dis", (0, 6), (19, 25), sentence="breast and ovarian cancer")
    assert mention.marked() == "dis: [breast] and ovarian [cancer]"
    assert mention.marked(("<", ">")) == "dis: <breast> and ovarian <cancer>"
    misses = list(near_misses(mention, ["dis"]))
    assert texts(misses, "end") == [["breast and", "cancer"], ["breast and ovarian", "cancer"]]
    assert texts(misses, "start") == [
        ["breast", "and ovarian cancer"],
        ["breast", "ovarian cancer"],
    ]
    chinese = at("dis", (0, 1), (2, 3), sentence="上中下")
    assert texts(near_misses(chinese, ["dis"]), "end") == []


def test_samples_are_half_gold_and_half_misses_that_are_not_gold():
    rng = random.Random(3)
    examples = []
    for n in range(60):
        text = f"a b c d e f {n} 高血压"
        spans = sorted(rng.sample(range(0, 12, 2), 2))
        inner = (rng.choice("xy"), [(spans[0], spans[0] + 1)])
        examples.append(example(text, (rng.choice("xy"), [(spans[0], spans[1] + 1)]), inner))
    gold = mentions(examples)
    samples = draw(gold, 101, "1")
    assert len(samples) == len({sample.candidate for sample in samples}) == 100
    assert Counter(sample.kind == "gold" for sample in samples) == {True: 50, False: 50}
    assert all((sample.candidate in set(gold)) == (sample.kind == "gold") for sample in samples)
    assert {sample.kind for sample in samples} == {"gold", "start", "end", "type"}
    for sample in samples:
        assert all(0 <= s < e <= len(sample.candidate.sentence) for s, e in sample.candidate.spans)
    assert samples == draw(list(gold), 101, "1")
    assert samples != draw(gold, 101, "2")


def test_too_few_mentions_or_misses_still_give_halves():
    gold = mentions([example("a b", ("x", [(0, 1)])), example("c", ("x", [(0, 1)]))])
    samples = draw(gold, 100, "1")
    assert sorted(sample.kind == "gold" for sample in samples) == [False, True]
    assert draw([at("x", (0, 1), sentence="c")], 100, "1") == []


# the classifier


BASES = {"llm_cls": tiny_model, "llm_causal": tiny_model, "bert_cls": tiny_encoder}
MARKS = ("brackets", "tokens")
CAUSAL = ["llm_cls", "llm_causal"]


@pytest.fixture(scope="module", params=BASES)
def kind(request):
    return request.param


@pytest.fixture(scope="module", params=MARKS)
def marks(request):
    return request.param


@pytest.fixture(scope="module")
def base(kind, tmp_path_factory):
    return BASES[kind](tmp_path_factory.mktemp(kind))


@pytest.fixture(scope="module")
def selector(kind, marks, base):
    """Weights as large as after training, so that the sentence matters."""
    torch.manual_seed(1)
    selector = build(base, SelectorSettings(kind=kind, base="tiny", marks=marks), ["dis", "DNA"])
    with torch.no_grad():
        for name, weights in selector.trained().items():
            if "lora_B" in name or "head" in name or "delta" in name:
                weights.normal_(std=1.0)
    return selector.eval()


LONG = "breast and ovarian cancer " * 9
CANDIDATES = [
    at("DNA", (4, 8)),
    at("dis", (4, 13)),
    at("dis", (0, 1), (2, 3), sentence="上中下"),
    at("DNA", (0, 200), sentence=LONG),
    *(at("DNA", (n, n + 1)) for n in range(12)),
]
WORDS = [match.span() for match in TOKEN.finditer(LONG)]


@st.composite
def candidates(draw):
    """Draw a candidate of one or two fragments, in one of few sentences, so that some share it."""
    sentence = draw(st.sampled_from([LONG, SENTENCE, "a [b] c", "<|mention|> d"]))
    cuts = st.sets(st.integers(0, len(sentence)), min_size=2, max_size=4)
    edges = sorted(draw(cuts.filter(lambda found: len(found) != 3)))
    spans = zip(edges[::2], edges[1::2], strict=True)
    return at(draw(st.sampled_from(["dis", "DNA"])), *spans, sentence=sentence)


@torch.inference_mode()
def alone(selector, candidate):
    """Return a candidate's probability: its whole sentence read, and nothing beside it."""
    return torch.sigmoid(selector.score(selector.encode([candidate]))).item()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(candidates(), min_size=1, max_size=12), st.integers(1, 500), st.data())
def test_probabilities_do_not_depend_on_padding_side_batch_order_or_sharing(
    selector, monkeypatch, found, tokens, data
):
    sides = ["left", "right"] if selector.settings.kind in CAUSAL else ["right"]
    monkeypatch.setitem(model_module.BATCH_TOKENS, "cpu", tokens)
    monkeypatch.setattr(sharing_module, "SHARED_TOKENS", data.draw(st.integers(1, 9)))
    monkeypatch.setattr(selector, "padding_side", data.draw(st.sampled_from(sides)))
    together = selector.probabilities(found)
    assert together == pytest.approx([alone(selector, one) for one in found], abs=1e-5)


def test_what_a_candidate_is_decides_its_probability(selector):
    scores = selector.probabilities(CANDIDATES)
    assert max(scores) - min(scores) > 0.005
    assert len({round(score, 6) for score in scores}) > len(scores) / 2


@pytest.mark.parametrize("kind", CAUSAL, indirect=True)
def test_what_candidates_of_a_sentence_have_in_common_is_read_once(selector, monkeypatch):
    monkeypatch.setitem(model_module.BATCH_TOKENS, "cpu", 600)
    found = [at("DNA", span, sentence=LONG) for span in WORDS[-20:]]
    whole, read = sum(map(len, selector.encode(found))), []
    hook = selector.encoder.register_forward_hook(
        lambda _, args, kwargs, __: read.append(args[0].numel()), with_kwargs=True
    )
    selector.probabilities(found)
    hook.remove()
    # llm_causal's question stands behind the sentence and is read for each candidate
    own = QUESTION.format("") if selector.settings.kind == "llm_causal" else ""
    behind = len(found) * len(selector.tokenizer(own)["input_ids"])
    assert sum(read) - behind < (whole - behind) / 2


@pytest.mark.parametrize("kind", CAUSAL, indirect=True)
def test_a_beginning_ends_at_the_first_mark_that_differs(selector):
    first, other, last = WORDS[-20], WORDS[-10], WORDS[-1]
    asked = [at("DNA", span, sentence=LONG) for span in (other, first, last)]
    asked += [at("dis", last, sentence=LONG), at("DNA", (0, 3))]
    rows = selector.encode(asked)
    shared, *single = beginnings(asked, rows)
    assert [(one.ids, set(one.common.values())) for one in single] == [([], {0})] * 2
    assert list(shared.ids) == rows[0][: shared.common[0]] == rows[2][: shared.common[2]]
    text = selector.tokenizer.decode(rows[1][: shared.common[1]])
    assert text.rstrip().endswith(f"DNA: {LONG[: first[0]]}".rstrip())
    assert shared.common[1] < shared.common[0]


def test_marks_are_literal_brackets_or_tokens_of_their_own(selector):
    [row] = selector.encode([at("DNA", (4, 8))])
    marks = [selector.tokenizer.convert_tokens_to_ids(mark) for mark in selector.marks]
    assert [row.count(mark) for mark in marks] == [1, 1]
    [row] = selector.encode([at("DNA", (2, 3), sentence="a [b] c")])
    own = selector.settings.marks == "tokens"
    assert [row.count(mark) for mark in marks] == ([1, 1] if own else [2, 2])


def test_a_loaded_selector_gives_the_same_probabilities(selector, tmp_path):
    selector.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    expected = pytest.approx(selector.probabilities(CANDIDATES), abs=1e-5)
    assert loaded.probabilities(CANDIDATES) == expected
    assert not any("lora" in name for name in loaded.state_dict())
    assert loaded.types == ["DNA", "dis"]
    assert not read_json(tmp_path / "model/selector.json")["base"]["path"].startswith("/")


def test_bad_candidates_and_folders_are_refused(selector, tmp_path):
    with pytest.raises(UserError, match=r"other types \(DNA, dis\), not for RNA"):
        selector.probabilities([at("RNA", (0, 3))])
    with pytest.raises(UserError, match=r"reads \d+: split the sentence"):
        selector.probabilities([at("DNA", (0, 3), sentence="高" * 5000)])
    with pytest.raises(UserError, match="no selector in"):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["llm_causal"], indirect=True)
@pytest.mark.parametrize("marks", ["brackets"], indirect=True)
def test_yes_or_no_is_scored_as_the_model_itself_would_answer(selector):
    ids = torch.tensor(selector.encode(CANDIDATES[:1]))
    text = selector.tokenizer.decode(ids[0])
    assert text.startswith("<|user|>DNA: The [IL-2] gene, of T cells.\nIs the marked text")
    assert text.endswith("yes or no.<|assistant|>")
    with torch.inference_mode():
        scores = selector.model(ids).logits[0, -1].softmax(0)
    yes, no = (scores[selector.tokenizer(word)["input_ids"][0]].item() for word in ("yes", "no"))
    expected = pytest.approx([yes / (yes + no)], abs=1e-5)
    assert selector.probabilities(CANDIDATES[:1]) == expected


@pytest.mark.parametrize("kind", ["llm_cls", "bert_cls"], indirect=True)
def test_a_selector_learns_to_tell_mentions_from_near_misses(kind, base, tmp_path):
    rng = random.Random(0)
    examples = []
    for n in range(500):
        words = rng.choices(["of", "in", "a"], k=5)
        place = rng.randrange(5)
        start = len(" ".join([*words[:place], ""]))
        words[place] = "BCL"
        examples.append(example(" ".join(words), ("DNA", [(start, start + 3)]), id=str(n)))
    write_examples(tmp_path / "easy/train.parquet", examples)
    its = SelectorSettings(
        kind=kind, base="tiny", num_train_epochs=8, effective_batch_size=16, learning_rate=3e-3
    )
    corpora = {"easy": tmp_path / "easy/train.parquet"}
    metrics = fit(
        corpora, ["DNA", "rare"], base, its, 1, tmp_path / "checkpoints", tmp_path / "out"
    )
    assert metrics["held_out"]["auc"] > 0.8
    assert metrics["held_out"]["corpora"]["easy"]["samples"] == metrics["samples"]["held_out"]
    assert read_json(tmp_path / "out/metrics.json") == metrics
    assert load(tmp_path / "out/model").types == ["DNA", "rare"]


@pytest.mark.parametrize("kind", ["llm_cls", "llm_causal"], indirect=True)
def test_all_weights_are_trained_where_the_method_is_full(kind, marks, base, tmp_path):
    its = SelectorSettings(kind=kind, base="tiny", method="full", marks=marks)
    selector = build(base, its, ["dis", "DNA"])
    before = selector.probabilities(CANDIDATES)
    samples = [Sample(CANDIDATES[0], "gold"), Sample(CANDIDATES[1], "type")] * 16
    train(selector, samples, 1, tmp_path / "checkpoints")
    assert {id(w) for w in selector.encoder.parameters()} <= set(
        map(id, selector.trained().values())
    )
    assert not any("lora" in name for name in selector.trained())
    assert selector.probabilities(CANDIDATES) != before
    selector.save(tmp_path / "model")
    assert load(tmp_path / "model").probabilities(CANDIDATES) == selector.probabilities(CANDIDATES)


@pytest.mark.parametrize("marks", ["tokens"], indirect=True)
def test_a_killed_selector_training_goes_on_as_if_it_had_not_been(
    kind, marks, base, tmp_path, monkeypatch
):
    its = SelectorSettings(
        kind=kind, base="x", marks=marks, num_train_epochs=3, effective_batch_size=8
    )
    samples = [Sample(one, "gold" if n % 2 else "end") for n, one in enumerate(CANDIDATES)]

    def trained(folder):
        torch.manual_seed(1)
        selector = build(base, its, ["dis", "DNA"])
        before = {name: weight.detach().clone() for name, weight in selector.trained().items()}
        train(selector, samples, 1, tmp_path / folder)
        after = selector.trained()
        assert any(not torch.equal(before[name], after[name]) for name in before)
        return after, selector.probabilities(CANDIDATES)

    def killed(self, args, state, control, **_):
        if state.global_step == 3:
            raise KeyboardInterrupt

    whole, expected = trained("whole")
    with monkeypatch.context() as patched:
        patched.setattr(Stop, "on_step_end", killed)
        with pytest.raises(KeyboardInterrupt):
            trained("killed")
    last = Path(last_checkpoint(tmp_path / "killed"))
    size = sum(file.stat().st_size for file in last.rglob("*selector.safetensors"))
    assert last.name == "checkpoint-2"
    if kind == "llm_cls":  # what is trained, not the base model
        assert 0 < size < (base / "model.safetensors").stat().st_size
    resumed, found = trained("killed")
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    assert found == expected


def test_auc_counts_ties_as_half():
    import pandas as pd

    assert auc(pd.Series([0.1, 0.5, 0.5, 0.9]), pd.Series([False, False, True, True])) == 0.875
    assert auc(pd.Series([0.1]), pd.Series([True])) is None


# filtering


@pytest.fixture
def run_files(tmp_path, selector):
    selector.save(tmp_path / "model")
    write_examples(tmp_path / "c/test.parquet", [example(SENTENCE), example("x", id="2")])
    return tmp_path


def predict(folder, *rows):
    write_rows(folder / "run.parquet", rows, PREDICTIONS)


def prediction(*candidates, format="multi_term", id="1", sentence=SENTENCE):
    entities = [entity_row(Entity.at(type, spans, sentence)) for type, spans in candidates]
    return {
        "corpus": "c",
        "format": format,
        "id": id,
        "answers": ["as written"],
        "entities": [{**entity, "confidence": 0.25} for entity in entities],
        "problems": [{"kind": "malformed", "detail": "?"}],
    }


def filtered(folder, threshold):
    filter_predictions(
        folder / "run.parquet",
        folder / "model",
        {"c": folder / "c/test.parquet"},
        threshold,
        folder / "out.parquet",
    )
    return read_rows(folder / "out.parquet", PREDICTIONS), read_card(folder / "out.parquet")


def test_filter_keeps_entities_at_the_threshold_and_above(run_files):
    found = [("DNA", [(4, 8)]), ("dis", [(4, 13)]), ("DNA", [(0, 3)])]
    predict(run_files, prediction(*found), prediction(found[1], format="json_entity"))
    scores = load(run_files / "model").probabilities([at(type, *spans) for type, spans in found])
    middle = sorted(scores)[1]
    rows, card = filtered(run_files, middle)
    expected = [each for each, score in zip(found, scores, strict=True) if score >= middle]
    assert [
        (e["type"], [(e["spans"][0]["start"], e["spans"][0]["end"])]) for e in rows[0]["entities"]
    ] == expected
    assert [e["probability"] for e in rows[0]["entities"]] == pytest.approx(
        [score for score in scores if score >= middle], abs=1e-6
    )
    assert rows[0]["entities"][0]["confidence"] == 0.25
    assert rows[0]["answers"] == ["as written"]
    assert rows[0]["problems"] == [{"kind": "malformed", "detail": "?"}]
    kept = 2 + (scores[1] >= middle)
    assert (card["kept"], card["dropped"], card["scored"]) == (kept, 4 - kept, 3)


def test_every_entity_is_kept_at_zero_and_none_above_one(run_files):
    predict(run_files, prediction(("DNA", [(4, 8)])), prediction(id="2", sentence="x"))
    assert [len(row["entities"]) for row in filtered(run_files, 0)[0]] == [1, 0]
    assert [len(row["entities"]) for row in filtered(run_files, 1.01)[0]] == [0, 0]


def test_types_that_the_selector_does_not_know_are_kept_and_counted(run_files):
    predict(run_files, prediction(("RNA", [(4, 8)]), ("DNA", [(4, 8)]), ("RNA", [(0, 3)])))
    rows, card = filtered(run_files, 1.01)
    assert [(e["type"], e["probability"]) for e in rows[0]["entities"]] == [("RNA", None)] * 2
    assert (card["kept"], card["dropped"], card["scored"]) == (2, 1, 1)
    assert card["unjudged"] == {"RNA": 2}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no predictions to filter"),
        ([prediction(id="7")], "'7' of c is in none of the examples"),
        ([prediction(("DNA", [(4, 30)]))], "outside_text, 26 characters"),
        ([prediction(("RNA", [(4, 8)]))], "trained for other types"),
    ],
)
def test_predictions_that_cannot_be_filtered_are_refused(run_files, rows, message):
    predict(run_files, *rows)
    with pytest.raises(UserError, match=message):
        filtered(run_files, 0.5)
    assert not (run_files / "out.parquet").exists()


GOLD = [("DNA", [(4, 8)]), ("dis", [(4, 13)])]


def test_the_oracle_keeps_what_is_correct(tmp_path):
    write_examples(tmp_path / "c/test.parquet", [example(SENTENCE, *GOLD)])
    predict(tmp_path, prediction(GOLD[0], ("dis", [(4, 8)]), GOLD[1]))
    filter_by_gold(
        tmp_path / "run.parquet", {"c": tmp_path / "c/test.parquet"}, tmp_path / "out.parquet"
    )
    rows = read_rows(tmp_path / "out.parquet", PREDICTIONS)
    assert [entity["text"] for entity in rows[0]["entities"]] == ["IL-2", "IL-2 gene"]
    assert [entity["probability"] for entity in rows[0]["entities"]] == [1, 1]
    assert read_card(tmp_path / "out.parquet")["dropped"] == 1


def test_the_curve_counts_strictly_and_a_candidate_once_a_row(tmp_path):
    write_examples(tmp_path / "c/dev.parquet", [example(SENTENCE, *GOLD, ("DNA", [(0, 3)]))])
    wrong = ("dis", [(4, 8)])
    predict(tmp_path, prediction(GOLD[0], GOLD[0], wrong), prediction(GOLD[1], format="html"))
    rows = read_predictions(tmp_path / "run.parquet", {"c": tmp_path / "c/dev.parquet"})
    scores = {at("DNA", (4, 8)): 0.8, at("dis", (4, 8)): 0.5, at("dis", (4, 13)): 0.3}
    points = curve(rows, scores)
    assert len(points) == 101
    assert points[30] == {"threshold": 0.3, "precision": 2 / 3, "recall": 2 / 6, "f1": 4 / 9}
    assert points[50] == {"threshold": 0.5, "precision": 1 / 2, "recall": 1 / 6, "f1": 2 / 8}
    assert points[51] == {"threshold": 0.51, "precision": 1.0, "recall": 1 / 6, "f1": 2 / 7}
    assert points[100] == {"threshold": 1.0, "precision": None, "recall": 0.0, "f1": 0.0}


def test_types_that_are_not_judged_are_not_in_the_curve(tmp_path):
    write_examples(tmp_path / "c/dev.parquet", [example(SENTENCE, *GOLD)])
    predict(tmp_path, prediction(*GOLD))
    rows = read_predictions(tmp_path / "run.parquet", {"c": tmp_path / "c/dev.parquet"})
    points = curve(rows, {at("DNA", (4, 8)): 0.8})
    assert points[50] == {"threshold": 0.5, "precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_a_tuned_threshold_is_read_where_a_number_may_stand(run_files):
    predict(run_files, prediction(("DNA", [(4, 8)])))
    write_examples(run_files / "c/dev.parquet", [example(SENTENCE, ("DNA", [(4, 8)]))])
    out = run_files / "tuned.json"
    dev = {"c": run_files / "c/dev.parquet"}
    tune(run_files / "run.parquet", run_files / "model", dev, out)
    assert read_threshold(str(out)) == 0.0
    assert read_threshold("0.25") == 0.25
    with pytest.raises(UserError, match="neither a number nor a file"):
        read_threshold("best")
