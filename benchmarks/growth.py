"""How time and memory grow, stage by stage: with data, sequence length, model size and runs.

    python benchmarks/growth.py --out benchmarks/results/growth.csv

Each point is a process of its own, so that its peak memory is its own. Seconds are the processor's,
of the stage's work alone; memory is the whole process's, imports and libraries included. Texts are
sentences of the synthetic sample, over and over; models have random weights.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from contest import surroundings, timed

ROOT = Path(__file__).parent.parent
Work = Callable[[], Any]
#: By axis and stage: the sizes that are measured.
SIZES: dict[str, dict[str, list[Any]]] = {
    "sentences": {
        "corpora": [2_000, 20_000, 200_000],
        "render": [2_000, 20_000, 200_000],
        "ifd": [500, 2_000, 8_000, 16_000],
        "train": [250, 1_000, 4_000],
        "predict": [250, 1_000, 4_000],
        "select": [250, 1_000, 4_000],
        "evaluate": [10_000, 100_000, 300_000],
    },
    "tokens a text": {
        "ifd": [64, 128, 256, 512, 1_024],
        "train": [64, 128, 256, 512, 1_024],
        "predict": [64, 128, 256, 512, 1_024],
    },
    "model": {"ifd": ["1m", "6m", "30m"], "train": ["1m", "6m", "30m"]},
    "runs": {"workflow": [25, 50, 100, 200]},
}
TYPES = ("Disease",)
TOKENS_A_SENTENCE = 34  # of the sample, by the tokenizer that `shapes` trains on it
LONG_TEXTS = 64  # texts where their length is measured


def main() -> None:
    """Measure every point in a process of its own, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="+", help="stages")
    parser.add_argument("--smallest", action="store_true", help="one point a stage and axis")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.point:
        print(json.dumps(measured(*args.point)))
        return
    rows = []
    for axis, stages in SIZES.items():
        for stage, sizes in stages.items():
            if not args.only or stage in args.only:
                chosen = sizes[:1] if args.smallest else sizes
                rows += [point(stage, axis, str(size)) for size in chosen]
                write(args.out, rows)


def point(stage: str, axis: str, size: str) -> dict[str, Any]:
    """Return what a point took, measured in a process of its own."""
    print(f"{stage}: {size} {axis}", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, "--point", stage, axis, size]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    found = json.loads(done.stdout.splitlines()[-1])
    return {"stage": stage, "axis": axis, "size": size, **found, **surroundings()}


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def measured(stage: str, axis: str, size: str) -> dict[str, Any]:
    """Do the work of a point; return its seconds and the process's peak memory."""
    import torch

    torch.set_num_threads(1)
    count = LONG_TEXTS if axis == "tokens a text" else 256 if axis == "model" else int(size)
    repeated = max(1, round(int(size) / TOKENS_A_SENTENCE)) if axis == "tokens a text" else 1
    shape = size if axis == "model" else "1m"
    with tempfile.TemporaryDirectory() as folder:
        work = STAGES[stage](Path(folder), count, repeated, shape)
        _, spent = timed(work)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    seconds = children.ru_utime + children.ru_stime if stage == "workflow" else spent.cpu
    memory = children.ru_maxrss if stage == "workflow" else own.ru_maxrss
    return {"cpu_s": round(seconds, 3), "memory_mb": memory // 1024}


@cache
def sentences() -> list[Any]:
    """Return the sample's training sentences that have an entity."""
    from bionerflow.corpora.synthetic import generate

    made = generate("sample_flat", ROOT / "resources" / "sample", seed=1)["train"][:4000]
    return [example for example in made if example.entities]


def examples(count: int, repeated: int = 1) -> Iterator[Any]:
    """Yield `count` examples, each `repeated` sentences long."""
    from bionerflow.data.schema import Example

    texts = sentences()
    for n in range(count):
        parts = [texts[(n * repeated + k) % len(texts)] for k in range(repeated)]
        text = " ".join(part.text for part in parts)
        yield Example(f"{n}:0", str(n), "en", text, parts[0].entities)


def rendered(folder: Path, count: int, repeated: int, name: str = "json_entity") -> Path:
    """Write examples as conversations; return the file."""
    from bionerflow.data.schema import CONVERSATIONS, write_rows
    from bionerflow.formats import FORMATS
    from bionerflow.formats.prompts import Asking
    from bionerflow.formats.render import render

    path = folder / f"train.{name}.parquet"
    asking = Asking("sample", "en", TYPES)
    rows = render(examples(count, repeated), "sample", asking, FORMATS[name])
    write_rows(path, rows, CONVERSATIONS)
    return path


def queries(folder: Path, count: int, repeated: int, name: str = "json_entity") -> list[Any]:
    """Return examples as queries."""
    from bionerflow.data.schema import CONVERSATIONS, read_rows
    from bionerflow.formats.queries import asked

    return list(asked(read_rows(rendered(folder, count, repeated, name), CONVERSATIONS)))


def model_for(shape: str) -> tuple[Any, Any]:
    """Return a model of random weights and a tokenizer trained on the sample."""
    from shapes import random_model, tokenizer_for

    from bionerflow.data.schema import Turn

    tokenizer = tokenizer_for([[Turn("user", example.text)] for example in sentences()])
    return random_model(shape, tokenizer).eval(), tokenizer


def corpora(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Normalise an IOB file."""
    from bionerflow.config.corpora import Recipe
    from bionerflow.corpora.normalise import normalise
    from bionerflow.corpora.synthetic.raw import iob2_block

    with (folder / "all.tsv").open("w", encoding="utf-8") as file:
        file.writelines(f"{iob2_block(example)}\n" for example in examples(count))
    recipe = {"language": "en", "types": list(TYPES), "reader": "iob", "files": {"all.tsv": {}}}
    recipe["splits"] = [{"files": ["all.tsv"], "into": "train"}]
    settings = Recipe.model_validate(recipe)
    return lambda: normalise("sample", settings, folder, folder / "out")


def render(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Render examples as conv_term."""
    return lambda: rendered(folder, count, repeated, "conv_term")


def ifd(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Score every conversation."""
    from bionerflow.ifd.scores import score_file

    (model, tokenizer), path = model_for(shape), rendered(folder, count, repeated)
    parts = folder / "parts"
    return lambda: [None for _ in score_file(path, model, tokenizer, "superfiltering", parts)]


def train(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Fine-tune for an epoch."""
    from bionerflow.config.stages import TrainSettings
    from bionerflow.train.finetune import fit

    model, tokenizer = model_for(shape)
    turns = [query.turns for query in queries(folder, count, repeated)]
    settings = TrainSettings(
        num_train_epochs=1, effective_batch_size=8, validations_per_epoch=0, max_length=2048
    )
    return lambda: fit(model.train(), tokenizer, turns, settings, folder / "checkpoints", 1)


def predict(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Answer every query with at most 16 tokens."""
    from bionerflow.config.stages import PredictSettings
    from bionerflow.inference.engines.torch import TorchEngine
    from bionerflow.inference.predict import predict as answer

    engine, asked = TorchEngine(*model_for(shape)), queries(folder, count, repeated)
    settings = PredictSettings(max_new_tokens=16)
    return lambda: [None for _ in answer(engine, asked, settings, folder / "parts")]


def select(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Judge a candidate a sentence."""
    from bionerflow.config.stages import SelectorSettings
    from bionerflow.models.loading import save
    from bionerflow.select.kinds import build
    from bionerflow.select.samples import mentions

    save(*model_for(shape), folder / "base")
    selector = build(folder / "base", SelectorSettings(base="base"), TYPES)
    candidates = [mentions([example])[0] for example in examples(count)]
    return lambda: selector.probabilities(candidates)


def evaluate(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Score predictions of a mention a sentence, half of them right."""
    from bionerflow.data.schema import (
        CONVERSATIONS,
        PREDICTIONS,
        entity_row,
        write_examples,
        write_rows,
    )
    from bionerflow.evaluate import evaluate as score

    write_examples(folder / "c" / "test.parquet", examples(count))
    fixed = {"corpus": "c", "format": "f", "answers": [], "problems": []}
    write_rows(
        folder / "run.parquet",
        (
            fixed | {"id": one.id, "entities": [entity_row(e) for e in one.entities][n % 2 :]}
            for n, one in enumerate(examples(count))
        ),
        PREDICTIONS,
    )
    write_rows(folder / "train.parquet", [], CONVERSATIONS)
    return lambda: score(folder / "run.parquet", folder, folder / "train.parquet")


def workflow(folder: Path, count: int, repeated: int, shape: str) -> Work:
    """Dry-run mfner's Table 2 with so many runs: 14 for each draw."""
    import yaml

    experiment = yaml.safe_load((ROOT / "config/experiments/mfner.yaml").read_text("utf-8"))
    experiment["draws"] = list(range(1, 1 + round(count / 14)))
    (folder / "mfner.yaml").write_text(yaml.safe_dump(experiment), "utf-8")
    (folder / "many.yaml").write_text(f"experiments: {{mfner: {folder}/mfner.yaml}}\n", "utf-8")
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "all", "--directory", str(ROOT)]
    command += ["results/tables/mfner/table2.csv", "--configfile", str(folder / "many.yaml")]
    return lambda: subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603


STAGES: dict[str, Callable[[Path, int, int, str], Work]] = {
    "corpora": corpora,
    "render": render,
    "ifd": ifd,
    "train": train,
    "predict": predict,
    "select": select,
    "evaluate": evaluate,
    "workflow": workflow,
}


if __name__ == "__main__":
    main()
