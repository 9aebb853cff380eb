"""Engines beside each other: the same answers for the same conversations, whoever gives them."""

import sys
from dataclasses import replace
from itertools import chain
from types import ModuleType, SimpleNamespace

import pytest
import torch
from test_predict import TYPES, Scripted, gold_answers, queries
from tiny import tiny_model

from bionerflow.config.engines import VllmSettings
from bionerflow.config.stages import PredictSettings
from bionerflow.data.schema import Entity, Turn
from bionerflow.evaluate.engines import f1, may_use
from bionerflow.inference.engines.base import Answer, Conversation
from bionerflow.inference.engines.load import load_engine
from bionerflow.inference.engines.torch import TorchEngine
from bionerflow.inference.generate import generate
from bionerflow.inference.predict import constraint_of, conversations, predict, prompt_hash, usage
from bionerflow.inference.shots import with_shots
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_base, load_causal, load_tokenizer, save
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_json

LIMIT = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def own(folder):
    """The engine torch, in whose answers some end: a token that it often writes ends them."""
    engine = TorchEngine(load_causal(folder), load_tokenizer(folder))
    written = [id for [one] in engine.answer(asking(), LIMIT, 4) for id in one.ids[3:6]]
    engine.model.config.eos_token_id = max(set(written), key=written.count)
    return engine


@pytest.fixture(scope="module")
def ending(own, tmp_path_factory):
    """A folder of the model that ends its answers so."""
    place = tmp_path_factory.mktemp("ending")
    save(own.model, own.tokenizer, place)
    own.model.generation_config = None
    return place


def asking(turns=1):
    texts = ["BCL6 plays", "a role in activated lymphocytes", "cancer; BCL6", "x", "患者出现"]
    more = [Turn("user", "and more"), Turn("assistant", "gold")] * (turns - 1)
    return [
        Conversation((Turn("system", "Find."), Turn("user", text), Turn("assistant", "?"), *more))
        for text in texts * 2
    ]


def same(one, other):
    """Answers are equal, and so are their tokens and probabilities."""
    assert one == other
    for a, b in zip(chain(*one), chain(*other), strict=True):
        assert a.ids == b.ids
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)


# CTranslate2


@pytest.fixture(scope="module")
def converted(ending, tmp_path_factory):
    from bionerflow.inference.engines.ctranslate2 import convert

    place = tmp_path_factory.mktemp("ct2") / "model"
    convert(ending, place)
    return place


@pytest.mark.parametrize("turns", [1, 3])
def test_ctranslate2_answers_as_torch_does(own, converted, turns):
    engine = load_engine(converted, PredictSettings(engine="ctranslate2"))
    asked, counts = asking(turns), []
    expected = own.answer(asked, LIMIT, 4)
    found = engine.answer(asked, LIMIT, 3, counts.append)
    same(found, expected)
    assert {one.truncated for its in expected for one in its} == {True, False}
    assert counts[-1] == len(asked)
    assert engine.label.startswith("ctranslate2 4.")
    assert engine.answer([], LIMIT, 3) == []


def test_ctranslate2_takes_an_adapter_merged(folder, tmp_path):
    from peft import LoraConfig, get_peft_model

    from bionerflow.inference.engines.ctranslate2 import CTranslate2Engine, convert

    torch.manual_seed(1)
    model = get_peft_model(load_base(folder), LoraConfig(r=4, init_lora_weights=False))
    save(model, load_tokenizer(folder), tmp_path / "model")
    convert(tmp_path / "model", tmp_path / "ct2")
    own = TorchEngine(load_causal(tmp_path / "model"), load_tokenizer(folder))
    same(
        CTranslate2Engine(tmp_path / "ct2").answer(asking(), LIMIT, 4),
        own.answer(asking(), LIMIT, 4),
    )


def test_ctranslate2_refuses_in_words(converted, folder):
    engine = load_engine(converted, PredictSettings(engine="ctranslate2"))
    constraint = constraint_of(queries("multi_term"))
    with pytest.raises(UserError, match="cannot constrain answers: use the engine torch or vllm"):
        engine.answer(conversations(queries("multi_term")), LIMIT, 4, constraint=constraint)
    with pytest.raises(UserError, match="may not fit into the model's context of 1024 tokens"):
        engine.check(asking(), 1024)
    with pytest.raises(UserError, match="There is no converted model in"):
        load_engine(folder, PredictSettings(engine="ctranslate2"))


def test_the_workflows_conversion_names_its_numbers(converted, tmp_path):
    (tmp_path / "made").symlink_to(converted)
    write_json(converted / "choice.json", {"compute_type": "int8"})
    settings = PredictSettings(engine="ctranslate2")
    engine = load_engine(converted, settings, tmp_path / "made")
    assert engine.label.endswith(" int8")
    assert len(engine.answer(asking(), LIMIT, 4)) == len(asking())


@pytest.mark.parametrize(("wrong", "used"), [(0, True), (1, True), (30, False)])
def test_int8_is_used_only_where_it_surely_costs_less_than_a_point(wrong, used):
    asked = queries("multi_term", [str(n) for n in range(400)])
    gold = [gold_answers(query) for query in asked]
    worse = [[Answer("Answer: []", False)]] * wrong + gold[wrong:]
    documents = [f"d{n}" for n in range(400)]
    found = may_use(Scripted(*worse), Scripted(*gold), asked, documents, PredictSettings())
    assert found["used"] is used
    assert found["documents"] == 400
    assert found["low"] <= found["value"] <= found["high"] <= 0


def test_int8_is_not_used_where_nothing_tells_that_it_may():
    assert not may_use(Scripted(), Scripted(), [], [], PredictSettings())["used"]
    assert f1([(0, 0, 0)]) is None
    assert f1([(1, 2, 1), (1, 1, 2)]) == pytest.approx(4 / 6)


# vLLM: its classes have the names and arguments of vLLM 0.33, and answer with this project's engine


class SamplingParams:
    def __init__(self, *, temperature, max_tokens, logprobs, stop_token_ids, detokenize,
                 extra_args=None):  # fmt: skip
        assert (temperature, logprobs, detokenize) == (0.0, 0, False)
        self.max_tokens, self.stops, self.extra_args = max_tokens, stop_token_ids, extra_args


class LoRARequest:
    def __init__(self, lora_name, lora_int_id, lora_path=""):
        assert lora_int_id >= 1
        self.path = lora_path


class AdapterLogitsProcessor:
    def __init__(self, vllm_config, device, is_pin_memory):
        pass


class LLM:
    """Writes token by token with the model in a folder, as vLLM does: processors change logits."""

    made = None

    def __init__(self, model, *, tokenizer=None, seed=0, gpu_memory_utilization=0.92,
                 logits_processors=None, **options):  # fmt: skip
        self.folder, self.options = model, options
        LLM.made = self
        self.processors = []
        for name in logits_processors or []:
            module, _, kind = name.partition(":")
            config = SimpleNamespace(model_config=SimpleNamespace(tokenizer=tokenizer))
            made = getattr(__import__(module, fromlist=[kind]), kind)(config, "cpu", False)
            assert not made.is_argmax_invariant()
            self.processors.append(made)
        self.model = load_causal(model)

    def generate(self, prompts, sampling_params, *, use_tqdm=True, lora_request=None):
        model = load_causal(lora_request.path) if lora_request else self.model
        return [self.one(model, *pair) for pair in zip(prompts, sampling_params, strict=True)]

    @torch.inference_mode()
    def one(self, model, prompt, params):
        made = (its.new_req_logits_processor(params) for its in self.processors)
        change = next(filter(None, made), lambda written, logits: logits)
        ids, logprobs, reason = [], [], "length"
        while len(ids) < params.max_tokens and reason == "length":
            logits = model(torch.tensor([prompt["prompt_token_ids"] + ids])).logits[0, -1]
            token = int(change(ids, logits).argmax())
            logprob = float(logits[token] - logits.logsumexp(-1))
            ids.append(token)
            logprobs.append({token: SimpleNamespace(logprob=logprob, rank=1)})
            reason = "stop" if token in params.stops else "length"
        output = SimpleNamespace(token_ids=ids, logprobs=logprobs, finish_reason=reason)
        return SimpleNamespace(outputs=[output])


@pytest.fixture
def vllm(monkeypatch):
    modules = {
        "vllm": {"LLM": LLM, "SamplingParams": SamplingParams},
        "vllm.lora": {},
        "vllm.lora.request": {"LoRARequest": LoRARequest},
        "vllm.v1": {},
        "vllm.v1.sample": {},
        "vllm.v1.sample.logits_processor": {"AdapterLogitsProcessor": AdapterLogitsProcessor},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "bionerflow.inference.engines.vllm_processor", raising=False)


@pytest.mark.parametrize("turns", [1, 2])
def test_vllm_answers_as_torch_does(vllm, own, ending, turns):
    engine = load_engine(ending, PredictSettings(engine="vllm"))
    same(engine.answer(asking(turns), LIMIT, 4), own.answer(asking(turns), LIMIT, 4))
    assert LLM.made.options == {"enable_prefix_caching": True}


@pytest.mark.parametrize("merged", [False, True])
def test_vllm_puts_an_adapter_on_its_base_or_merges_it(vllm, folder, tmp_path, merged):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    model = get_peft_model(load_base(folder), LoraConfig(r=4, init_lora_weights=False))
    save(model, load_tokenizer(folder), tmp_path / "model")
    settings = PredictSettings(engine="vllm", vllm=VllmSettings(merged=merged))
    engine = load_engine(tmp_path / "model", settings)
    own = TorchEngine(load_causal(tmp_path / "model"), load_tokenizer(folder))
    same(engine.answer(asking(), LIMIT, 4), own.answer(asking(), LIMIT, 4))
    lora = {} if merged else {"enable_lora": True, "max_lora_rank": 8}
    assert LLM.made.options == {"enable_prefix_caching": True, **lora}


@pytest.mark.parametrize("format", ["multi_term", "conv_term"])
def test_vllm_constrains_answers_as_torch_does(vllm, own, ending, format):
    asked = queries(format, ["1", "2"])
    engine = load_engine(ending, PredictSettings(engine="vllm", constrained=True))
    answers = [
        its.answer(conversations(asked), 60, 4, constraint=constraint_of(asked))
        for its in (engine, own)
    ]
    same(*answers)


def test_an_interrupted_request_of_vllm_goes_on_where_it_was(vllm, own):
    from bionerflow.inference.constrained import Vocabulary
    from bionerflow.inference.engines.vllm_processor import chosen_alone

    vocabulary = Vocabulary(own.tokenizer, Chat(own.tokenizer).end)
    constraint = constraint_of(queries("multi_term"))(0, 0)
    logits = torch.randn(40, len(own.tokenizer), generator=torch.Generator().manual_seed(0))
    written, apply = [], chosen_alone(constraint.writer(vocabulary, 40))
    for n, row in enumerate(logits):
        if n == 20:
            apply = chosen_alone(constraint.writer(vocabulary, 40))
        written.append(int(apply(written, row).argmax()))
    whole, apply = [], chosen_alone(constraint.writer(vocabulary, 40))
    for row in logits:
        whole.append(int(apply(whole, row).argmax()))
    assert written == whole


def test_an_engine_that_is_not_installed_is_told(ending, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(UserError, match=r"vllm is not installed.*predict.vllm.python"):
        load_engine(ending, PredictSettings(engine="vllm"))
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    from bionerflow.inference.engines.ctranslate2 import convert

    with pytest.raises(UserError, match=r"pip install 'bionerflow.ctranslate2.'"):
        convert(ending, ending / "nowhere")


# few-shot


def training(format):
    """Training queries: one without entities, and some whose answers tell them apart."""
    found = []
    for n in range(6):
        text = f"GENE{n} in T cells ."
        gene = Entity.at("protein", [(0, 5)], text) if n else None
        for query in queries(format, [f"t{n}"]):
            gold = tuple(e for e in [gene] if e and e.type in query.types)
            answer = Turn("assistant", f"answer {n}")
            turns = tuple(answer if t.role == "assistant" else t for t in query.turns)
            found.append(replace(query, text=text, entities=gold, turns=turns))
    return found


def test_examples_are_earlier_turns_that_are_drawn_by_seed():
    [query] = queries("multi_term")
    [two] = with_shots([query], training("multi_term"), 2, seed=1)
    assert [turn.role for turn in two.turns] == ["user", "assistant"] * 3
    assert two.turns[-2:] == query.turns
    assert two.given == 2
    [three] = with_shots([query], training("multi_term"), 3, seed=1)
    assert set(two.turns) < set(three.turns)
    assert Turn("assistant", "answer 0") not in three.turns
    assert with_shots([query], training("multi_term"), 2, seed=2) != [two]
    assert with_shots([query], [], 0, seed=1) == [query]
    assert prompt_hash([two]) != prompt_hash([three])
    changed = replace(two, turns=(*two.turns[:-1], Turn("assistant", "other gold")))
    assert prompt_hash([changed]) == prompt_hash([two])


def test_a_system_turn_stands_once_and_conversations_bring_all_their_turns():
    [html] = with_shots(queries("html"), training("html"), 2, seed=1)
    assert [turn.role for turn in html.turns].count("system") == 1
    [conv] = with_shots(queries("conv_term"), training("conv_term"), 2, seed=1)
    assert conv.given == 2 * len(TYPES)


def test_a_corpus_without_an_example_is_told():
    with pytest.raises(UserError, match="no training sentence with protein"):
        with_shots(queries("single_term"), training("single_term")[:1], 1, seed=1)


def test_given_answers_are_read_as_if_the_model_had_given_them(own):
    chat = Chat(own.tokenizer)
    turns = [
        Turn("user", "a"),
        Turn("assistant", "given"),
        Turn("user", "b"),
        Turn("assistant", "?"),
    ]
    [whole] = chat.encode([turns])
    [[asked]] = chat.encode_asked([turns], [1])
    assert asked == whole.ids[: whole.answers[1][0]]
    [[alone]] = generate(own.model, own.tokenizer, [turns], LIMIT, 1, given=[1])
    other = [*turns[:3], Turn("assistant", "not read")]
    assert generate(own.model, own.tokenizer, [other], LIMIT, 1, given=[1]) == [[alone]]
    assert len(generate(own.model, own.tokenizer, [turns], LIMIT, 1)[0]) == 2


# the record


def test_what_answers_cost_is_added_up_over_calls_that_were_killed(tmp_path):
    class Paid(Scripted):
        def answer(self, asked, *_, **__):
            self.usage.update(prompt_tokens=10 * len(asked), completion_tokens=1)
            return [[Answer("Answer: []", False)]] * len(asked)

    asked = queries("multi_term", [str(n) for n in range(40)])
    settings = PredictSettings(batch_size=1)
    rows = predict(Paid(), asked, settings, tmp_path)
    next(rows)
    rows.close()
    assert usage(tmp_path)["prompt_tokens"] == 160
    assert len(list(predict(Paid(), asked, settings, tmp_path))) == 40
    assert usage(tmp_path) == {"prompt_tokens": 400, "completion_tokens": 3}
