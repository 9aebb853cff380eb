"""A run's model card: data, format, settings, scores, licences, and how to load the model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

LOADING = {
    "full": """\
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("model")
model = AutoModelForCausalLM.from_pretrained("model")""",
    "lora": """\
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("model")
base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "model")""",
    "qlora": """\
import json
from pathlib import Path

from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

tokenizer = AutoTokenizer.from_pretrained("model")
nf4 = BitsAndBytesConfig.from_dict(json.loads(Path("model/quantization_config.json").read_text()))
base = AutoModelForCausalLM.from_pretrained("{base}", quantization_config=nf4)
model = PeftModel.from_pretrained(base, "model")""",
    "token_classification": """\
from transformers import AutoModelForTokenClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("model")
model = AutoModelForTokenClassification.from_pretrained("model")""",
    "dictionary": """\
import json
from pathlib import Path

mentions = json.loads(Path("model/dictionary.json").read_text("utf-8"))["mentions"]""",
    "predictions": """\
import json
from pathlib import Path

lines = Path("model/predictions.jsonl").read_text("utf-8").splitlines()
sentences = [json.loads(line) for line in lines]""",
}
#: What a run is, by its system.
DONE = {
    "llm": "fine-tuned ({method}) to write named entities",
    "token_classification": "fine-tuned to classify tokens: BIO tags in layers of nesting",
    "dictionary": "exact matches of the mentions of training sentences",
    "predictions": "predictions that another program has made",
}

SCORES = ["corpus", "format", "precision", "recall", "F1", "sentences"]


def card(
    about: Mapping[str, Any],
    metrics: Mapping[str, Any],
    cost: Mapping[str, float],
    scores: Sequence[Mapping[str, Any]],
) -> str:
    """Return the card as Markdown with the Hub's front matter.

    `about` is what the configuration says of the run (`Plan.about`), `metrics` and `cost` are its
    metrics.json and footprint.json, `scores` those of its evaluation.
    """
    parts = [
        f"# {about['run']}",
        f"`{about['model']['name']}` ({about['model']['licence']}), "
        f"{DONE[about['system']].format(method=metrics['settings']['method'])}.",
        _table(
            "Data",
            ["corpus", "language", "licence"],
            ([c["title"], c["language"], c["licence"]] for c in about["corpora"]),
        ),
        f"{metrics['conversations']:,} training conversations, {metrics['tokens_per_epoch']:,} "
        f"tokens per epoch; {metrics['too_long']:,} were too long and are left out. The licences "
        "of the corpora hold for what was learned from them, too: read them before you share it.",
        f"Output formats: {', '.join(f'`{name}`' for name in about['formats'])}.",
        _table("Settings", ["setting", "value"], _settings(metrics)),
        _table(
            "Scores on the test sample",
            ["corpus", "format", "P", "R", "F1", "sentences"],
            _f1(scores),
        ),
        "Strict micro scores over typed spans."
        + (f" Best F1 on dev: {metrics['dev_f1']:.3f}." if metrics["dev_f1"] is not None else ""),
        f"## Cost\n\n{cost['hours']:.2f} hours on {metrics['environment']['processes']} × "
        f"{metrics['environment']['gpu'] or metrics['environment']['processor']}, "
        f"{cost['kwh']:.3g} kWh and {cost['co2e_g']:.3g} g CO2e (an estimate by the formula of "
        f"Green Algorithms), peak memory {metrics['memory_mb']:,} MB.",
        "## Loading\n\nIn the folder that this card lies in, or in a download of it:\n\n```python\n"
        + LOADING[_kind(about, metrics)].replace("{base}", about["model"]["base"])
        + "\n```",
    ]
    front = _front(about, metrics, scores).to_yaml()
    return str(ModelCard(f"---\n{front}\n---\n\n" + "\n\n".join(parts) + "\n"))


def _kind(about: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Return what decides how the model is loaded: its system or, of an LLM, the method."""
    return metrics["settings"]["method"] if about["system"] == "llm" else about["system"]


def _front(
    about: Mapping[str, Any], metrics: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]
) -> ModelCardData:
    """Return the Hub's metadata; what was learned is under the base model's licence at least."""
    results = list(_results(about, scores))
    return ModelCardData(
        base_model=about["model"]["name"],
        datasets=[corpus["name"] for corpus in about["corpora"]],
        language=sorted({corpus["language"] for corpus in about["corpora"]}),
        library_name="peft" if _kind(about, metrics) in ("lora", "qlora") else "transformers",
        license="other",
        license_name=about["model"]["licence"],
        metrics=sorted({result.metric_type for result in results}),
        model_name=about["run"],
        eval_results=results,
        pipeline_tag="text-generation" if about["system"] == "llm" else "token-classification",
        tags=["named-entity-recognition", "biomedical"],
    )


def _results(about: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]) -> Iterator[EvalResult]:
    """Yield the strict scores on the test sample of each corpus and format, where defined."""
    titles = {corpus["name"]: corpus["title"] for corpus in about["corpora"]}
    for record in scores:
        if record["corpus"] is None or record["format"] is None:
            continue
        for metric in ("precision", "recall", "f1"):
            value = record["strict"][metric]["value"]
            if value is not None:
                yield EvalResult(
                    task_type="token-classification",
                    task_name="Named entity recognition",
                    dataset_type=record["corpus"],
                    dataset_name=titles.get(record["corpus"], record["corpus"]),
                    dataset_config=record["format"],
                    dataset_split="test",
                    metric_type=metric,
                    metric_name=f"strict micro {metric}, output format {record['format']}",
                    metric_value=round(value, 4),
                )


def _settings(metrics: Mapping[str, Any]) -> Iterator[list[str]]:
    settings = dict(metrics["settings"])
    adapter = settings.pop("lora")
    if settings["method"] != "full":
        settings |= {f"lora.{key}": value for key, value in adapter.items()}
    for key, value in (settings | {"seed": metrics["seed"]}).items():
        yield [key, str(value)]
    for name, version in metrics["environment"]["versions"].items():
        yield [name, version]


def _f1(scores: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """Yield a row for each corpus and format, and for all of them."""
    for record in scores:
        if (record["corpus"] is None) == (record["format"] is None):
            strict = [record["strict"][key]["value"] for key in ("precision", "recall", "f1")]
            names = [record["corpus"] or "all", record["format"] or "all"]
            yield [*names, *map(_number, strict), str(record["n"]["sentences"])]


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _table(title: str, head: list[str], rows: Any) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    body = "\n".join(f"| {' | '.join(line)} |" for line in cells)
    return f"## {title}\n\n{body}"
