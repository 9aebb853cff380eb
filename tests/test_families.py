"""Model families by steps: each step equals plain transformers, or is refused in words.

docs/families.md is written from this file: `python tests/test_families.py` writes it anew.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
import yaml
from torch.nn.functional import cross_entropy
from transformers import RobertaConfig
from zoo import BY_NAME, FAMILIES, MODELS, Family, build

from bionerflow.config.stages import SelectorSettings, TrainSettings
from bionerflow.data.schema import Span, Turn
from bionerflow.ifd.losses import Losses, Passage
from bionerflow.ifd.scores import Scorer
from bionerflow.inference.generate import generate
from bionerflow.models.adapters import with_adapter
from bionerflow.models.chat import Chat, Encoded
from bionerflow.models.context import context
from bionerflow.models.loading import (
    load_base,
    load_causal,
    load_merged,
    load_scorer,
    load_tokenizer,
    save,
)
from bionerflow.select.kinds import build as build_selector
from bionerflow.select.samples import Candidate
from bionerflow.train.data import Conversations, collate, flatten
from bionerflow.train.fast import fast_ways
from bionerflow.train.finetune import fit
from bionerflow.utils.errors import UserError
from bionerflow.utils.progress import Progress

torch.set_num_threads(1)
PAGE = Path(__file__).parent.parent / "docs" / "families.md"
LIMIT = 6
QUESTION = "Find all genes and diseases in the text, in text order: the role of "
TURNS = [
    [Turn("system", "be exact"), Turn("user", f"{QUESTION}BCL6"), Turn("assistant", "BCL6 gene")],
    [
        Turn("user", f"{QUESTION}breast cancer in the liver"),
        Turn("assistant", "breast cancer"),
        Turn("user", "and genes"),
        Turn("assistant", "none"),
    ],
    [Turn("user", "fever"), Turn("assistant", "fever rose")],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a function that gives a family's model folder, built once."""
    root, built = tmp_path_factory.mktemp("zoo"), {}

    def of(family: Family) -> Path:
        if family.name not in built:
            place = root / f"{len(built)}"
            built[family.name] = build(family, place)
        return built[family.name]

    return of


@torch.inference_mode()
def token_losses(model, ids):
    """Return the loss of each token of one text behind all before it, by transformers alone."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0].float()
    return cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none").tolist()


def mean(losses, places):
    return sum(losses[place - 1] for place in places) / len(places)


@torch.inference_mode()
def plain_answers(model, tokenizer, turns):
    """Answer turn by turn, reading the whole conversation anew for each token."""
    chat, ids, answers = Chat(tokenizer), [], []
    ends = chat.ends(model)
    for asked in chat.encode_asked([turns])[0]:
        ids, answer = ids + asked, []
        while len(answer) < LIMIT and not ends & set(answer):
            logits = model(torch.tensor([ids + answer]), use_cache=False).logits[0, -1]
            answer.append(int(logits.argmax()))
        answer = [token for token in answer if token not in ends]
        ids += [*answer, chat.end]
        answers.append(tuple(answer))
    return answers


def chat(folder, family):
    """Conversations are taken apart, and tokens and text agree."""
    tokenizer = load_tokenizer(folder)
    ours = Chat(tokenizer)
    for turns, encoded in zip(TURNS, ours.encode(TURNS), strict=True):
        said = [turn.content for turn in turns if turn.role == "assistant"]
        answers = [encoded.ids[start:end] for start, end in encoded.answers]
        texts = [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in answers]
        assert texts == [
            tokenizer.decode(tokenizer.encode(s, add_special_tokens=False)) for s in said
        ]
        assert all(ours.end in ids for ids in answers)
        assert any(turns[0].content in segment for segment in ours.segments(turns))


def ifd(folder, family):
    """Losses equal those of one text at a time, and perplexities come of them."""
    tokenizer, model = load_tokenizer(folder), load_scorer(folder)
    if not family.encoder:
        ids = [
            tokenizer.encode(f"{QUESTION}{end}")[:60]
            for end in ("BCL6", "a liver", "x", "BCL6 in x")
        ]
        passages = [Passage(row, range(2, len(row))) for row in ids]
        found = Losses(model).mean(passages)
        expected = [mean(token_losses(model, p.ids), p.scored) for p in passages]
        assert found == pytest.approx(expected, abs=1e-4)
    scorer = Scorer(model, tokenizer, "superfiltering", Progress("ifd", 9, ""))
    assert all(score.ifd for score in scorer.score(TURNS))
    if not family.encoder and "chat" not in family.refused:  # a negative's answer has one token
        scorer = Scorer(model, tokenizer, "chat", Progress("ifd", 1, ""))
        [negative] = scorer.score([[Turn("user", QUESTION), Turn("assistant", "no")]])
        assert negative.ifd


def generation(folder, family):
    """Answers of batches equal those of a plain loop, also of several turns."""
    tokenizer, model = load_tokenizer(folder), load_causal(folder)
    found = [[a.ids for a in answers] for answers in generate(model, tokenizer, TURNS, LIMIT, 3)]
    assert found == [plain_answers(model, tokenizer, turns) for turns in TURNS]


SENTENCE = "BCL6 plays a role in activated lymphocytes; breast and ovarian cancer."
CANDIDATES = [Candidate("gene", (Span(n, n + 4),), SENTENCE) for n in (0, 5, 20)]
CANDIDATES += [Candidate("disease", (Span(44, 50), Span(63, 69)), SENTENCE)]


def selector(kind):
    def judge(folder, family):
        torch.manual_seed(1)
        settings = SelectorSettings(kind=kind, base="x", marks="tokens")
        found = build_selector(folder, settings, ["gene", "disease"]).eval()
        together = found.probabilities(CANDIDATES)
        with torch.inference_mode():
            alone = [torch.sigmoid(found.score(found.encode([one]))).item() for one in CANDIDATES]
        assert together == pytest.approx(alone, abs=1e-4)
        # Two layers of a small sliding window do not reach back from a question to its candidate.
        assert len({round(score, 5) for score in together}) > 1 or "sliding_window" in family.sizes

    return judge


def adapter(folder, family):
    """An adapter on the model, and added to its weights, answer alike and unlike the model."""
    from peft import LoraConfig

    tokenizer, base = load_tokenizer(folder), load_causal(folder)
    ids = torch.tensor([Chat(tokenizer).encode(TURNS)[0].ids])
    with torch.inference_mode():
        before = base(ids).logits
    lora = LoraConfig(r=2, lora_alpha=4, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = with_adapter(base, lora)
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            weights.data.normal_(std=0.1)
    save(adapted, tokenizer, folder / "adapted")
    on, merged = load_causal(folder / "adapted"), load_merged(folder / "adapted")
    with torch.inference_mode():
        logits = [model(ids).logits for model in (on, merged)]
    torch.testing.assert_close(*logits, atol=1e-3, rtol=1e-3)
    assert (logits[0] - before).abs().max() > 1e-2
    answers = [generate(model, tokenizer, TURNS, 3, 3) for model in (on, merged)]
    assert answers[0] == answers[1]


def training(folder, family):
    """Padded passes have the loss of conversations one by one, and the Trainer lowers it."""
    tokenizer, model = load_tokenizer(folder), load_base(folder).eval()
    data = Conversations(Chat(tokenizer).encode(TURNS), 500)
    rows = [data[n] for n in range(len(data))]
    with torch.inference_mode():
        padded = float(model(**collate(rows)).loss)
    assert padded == pytest.approx(answers_loss(model, rows), abs=1e-4)
    recipe = TrainSettings(
        num_train_epochs=1, learning_rate=3e-3, effective_batch_size=1, validations_per_epoch=0,
        bf16=False,
    )  # fmt: skip
    with TemporaryDirectory() as checkpoints:
        _, metrics = fit(model, tokenizer, TURNS * 5, recipe, Path(checkpoints), 1)
    losses = [one["loss"] for one in metrics["curve"]]
    assert len(losses) == 3
    assert losses[-1] < 0.8 * losses[0]


def answers_loss(model, rows):
    """Return the mean loss of answer tokens, by transformers alone, one text at a time."""
    losses = [
        loss
        for row in rows
        for start, end in row["answers"]
        for loss in token_losses(model, row["input_ids"])[start - 1 : end - 1]
    ]
    return sum(losses) / len(losses)


def packing(folder, family):
    """Where packed passes are taken, they have the loss of conversations one by one."""
    tokenizer, model = load_tokenizer(folder), load_causal(folder)
    if tokenizer.chat_template:
        encoded = Chat(tokenizer).encode(TURNS)
    else:
        texts = [" ".join(turn.content for turn in turns) for turns in TURNS]
        rows = [tokenizer.encode(text) for text in texts]
        encoded = [Encoded(ids, [(len(ids) - 3, len(ids))]) for ids in rows]
    data = Conversations(encoded, 500)
    rows = [data[n] for n in range(len(data))]
    ways = fast_ways(model, data)
    if not ways.flat:
        raise UserError(f"{type(model).__name__} cannot take flat passes: they are padded.")
    with torch.inference_mode(), ways.on(model, flat=True):
        packed = float(model(**flatten(rows, 0)).loss)
    assert packed == pytest.approx(answers_loss(model, rows), abs=1e-4)


DECODER = {
    "chat": chat,
    "ifd": ifd,
    "generation": generation,
    "llm_cls": selector("llm_cls"),
    "llm_causal": selector("llm_causal"),
    "adapter": adapter,
    "training": training,
    "packing": packing,
}
ENCODER = {"ifd": ifd, "bert_cls": selector("bert_cls")}
STEPS = [*DECODER, "bert_cls"]


def steps_of(family):
    return ENCODER if family.encoder else DECODER


CELLS = [(family.name, step) for family in FAMILIES for step in steps_of(family)]


@pytest.mark.parametrize(("name", "step"), CELLS, ids=[f"{n}-{s}" for n, s in CELLS])
def test_a_step_works_with_a_family_or_is_refused_in_words(name, step, folder):
    family = BY_NAME[name]
    place = folder(family)
    if words := family.refused.get(step):
        with pytest.raises(UserError, match=words):
            steps_of(family)[step](place, family)
    else:
        steps_of(family)[step](place, family)


SAYS = {
    "no chat template": "no: has no chat template",
    "no end mark": "no: ends no answer",
    "are padded": "padded instead",
    "changes its logits": "no: caps its logits",
    "LoRA cannot be put on": "no: peft refuses it",
}


def page() -> str:
    """Return docs/families.md."""
    lines = [
        "# Model families",
        "",
        "What works with which family of models. The table is written by `tests/test_families.py`,",
        "which runs every cell: `yes` means that the step gives what plain transformers give, one",
        "text at a time, on a tiny model of the family with random weights; `no` means that it is",
        "refused in one line. A dash: the step is not for this kind of model.",
        "",
        "- *chat*: conversations for training and prediction, several answers, system texts.",
        "- *ifd*: losses of answers for instruction-following difficulty; in the mode `chat` end",
        "  marks too.",
        "- *generation*: answers in batches. Models that keep recurrent states, convolutions or",
        "  ALiBi answer one conversation at a time.",
        "- *llm_cls*, *llm_causal*, *bert_cls*: the selectors, LoRA where it is the default.",
        "- *adapter*: LoRA on all linear layers, on the model and merged into it.",
        "- *training*: padded batches have the loss of conversations one by one, and the Trainer",
        "  lowers it.",
        "- *packing*: conversations packed into one row have that loss too. Each training tries it",
        "  on three conversations before it begins, and pads where it does not hold.",
        "",
        "Templates are those that trl ships, or fixtures of the family's documented form.",
        "",
        f"| family | configuration | tokenizer | template | {' | '.join(STEPS)} |",
        f"|{'---|' * (len(STEPS) + 4)}",
    ]
    for family in FAMILIES:
        cells = [_cell(family, step) for step in STEPS]
        about = [family.name, family.config, family.tokenizer, family.template or "none"]
        lines.append(f"| {' | '.join(about + cells)} |")
    lines += [
        "",
        "Models of `config/models.yaml` by family:",
        "",
        "| family | models |",
        "|---|---|",
    ]
    for family in FAMILIES:
        if its := [f"`{model}`" for model, name in MODELS.items() if name == family.name]:
            lines.append(f"| {family.name} | {', '.join(its)} |")
    return "\n".join(lines) + "\n"


def _cell(family: Family, step: str) -> str:
    if step not in steps_of(family):
        return "–"
    return SAYS[family.refused[step]] if step in family.refused else "yes"


def test_every_model_of_the_configuration_belongs_to_a_family():
    models = yaml.safe_load((PAGE.parents[1] / "config/models.yaml").read_text("utf-8"))["models"]
    assert MODELS.keys() == {name for name, one in models.items() if one["source"] != "none"}
    assert set(MODELS.values()) <= BY_NAME.keys()


def test_the_page_of_families_is_that_of_the_tests():
    assert PAGE.read_text("utf-8") == page()


def test_roberta_holds_two_tokens_fewer_than_its_configuration_says(folder):
    """A sentence of as many tokens is judged, one more is refused before the model is asked."""
    found = build_selector(
        folder(BY_NAME["RoBERTa"]), SelectorSettings(kind="bert_cls", base="x"), ["gene"]
    )
    assert context(found.encoder.config) == 512

    def candidate(length):
        return Candidate("gene", (Span(0, 1),), "高" * length)

    frame = len(found.tokens([candidate(0)])[0])
    per = len(found.tokens([candidate(1)])[0]) - frame
    most = (512 - frame) // per
    assert 0 < found.probabilities([candidate(most)])[0] < 1
    with pytest.raises(UserError, match="reads 512: split the sentence"):
        found.probabilities([candidate(most + 1)])


def test_a_sliding_window_is_no_context_and_a_tokenizer_s_limit_is_one(folder):
    model = load_causal(folder(BY_NAME["Gemma 3"]))
    assert model.config.sliding_window == 16
    assert context(model.config) == 512
    tokenizer = load_tokenizer(folder(BY_NAME["Gemma 3"]))
    tokenizer.model_max_length = 100
    assert context(model.config, tokenizer) == 100
    assert context(RobertaConfig()) == 512 - 2


@pytest.mark.parametrize("name", ["Llama 3", "BERT", "BioGPT"])
def test_control_tokens_in_a_text_are_text_for_ifd_and_selectors(name, folder):
    family = BY_NAME[name]
    tokenizer = load_tokenizer(folder(family))
    control = tokenizer.eos_token or tokenizer.sep_token
    end = tokenizer.convert_tokens_to_ids(control)
    settings = SelectorSettings(kind="bert_cls" if family.encoder else "llm_cls", base="x")
    found = build_selector(folder(family), settings, ["gene"])
    rows = [
        found.tokens([Candidate("gene", (Span(0, 1),), text)])[0] for text in (f"a {control}", "a")
    ]
    assert rows[0].count(end) == rows[1].count(end)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
