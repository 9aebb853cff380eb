"""Normalising corpora: what is in a mirror, how it grows, and beside `datasets`' own `map`.

    python -P benchmarks/corpora.py mirror --mirror FOLDER
    python -P benchmarks/corpora.py growth --mirror FOLDER
    python -P benchmarks/corpora.py datasets --mirror FOLDER

Prints CSV. Each piece of work is a process of its own, so that its processor time (that of its
children, too) and its peak memory are its own. `mirror` normalises every corpus that the folder
has, two at a time, by the script of the rule; the last row is the whole. `growth` normalises a
corpus repeated to so many sentences, each with an id of its own. `datasets` has `Dataset.map`, as
it comes, call the same reader on each sentence and writes Parquet, in turn with this project;
imports are not counted.
"""

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bionerflow.config.corpora import CorpusSettings, Recipe, load_corpora
from bionerflow.corpora.download import fetch, in_mirror
from bionerflow.corpora.normalise import normalise
from bionerflow.utils.environment import processor
from bionerflow.utils.files import read_json

ROOT = Path(__file__).parent.parent
CORPORA = load_corpora(ROOT / "config" / "corpora.yaml")
SCRIPT = ROOT / "workflow" / "scripts" / "corpora.py"
Row = dict[str, Any]


def main() -> None:
    """Read the arguments, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["mirror", "growth", "datasets"])
    parser.add_argument("--mirror", type=Path, required=True, help="folder of raw corpora")
    parser.add_argument("--corpus", default="bc5cdr", help="what is repeated")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--raw", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.engine:
        print(json.dumps(ENGINES[args.engine](args.raw, args.corpus)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure = {"mirror": mirror, "growth": growth, "datasets": beside_datasets}[args.what]
        table = None
        for measured in measure(args, Path(folder)):
            row = measured | facts()
            if not table:
                table = csv.DictWriter(sys.stdout, row, lineterminator="\n")
                table.writeheader()
            table.writerow(row)
            sys.stdout.flush()


def mirror(args: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Normalise every corpus of the mirror, `jobs` at a time; yield a row each and the whole."""
    names = [name for name, corpus in CORPORA.items() if at_hand(corpus, args.mirror)]
    for name in names:
        get(name, args.mirror, folder / "raw" / name)
    begun = time.perf_counter()
    with ThreadPoolExecutor(args.jobs) as pool:
        rows = list(pool.map(lambda name: scripted(name, CORPORA[name], folder), names))
    wall = time.perf_counter() - begun
    yield from rows
    yield {
        "corpus": f"all, {args.jobs} at a time",
        "sentences": sum(row["sentences"] for row in rows),
        "cpu_s": round(sum(row["cpu_s"] for row in rows), 1),
        "wall_s": round(wall, 1),
        "peak_memory_mb": sum(sorted(row["peak_memory_mb"] for row in rows)[-args.jobs :]),
    }


def at_hand(corpus: CorpusSettings, folder: Path) -> bool:
    """Say whether the mirror has all of a corpus's files."""
    names = [] if corpus.generator else list(corpus.files)
    return bool(names) and all(in_mirror(corpus.entry(name), folder) for name in names)


def get(corpus: str, mirror: Path, folder: Path) -> None:
    """Lay a corpus's raw files into a folder, as the rule `download` does."""
    for name in CORPORA[corpus].files:
        fetch(CORPORA[corpus].entry(name), folder / name, mirror)


def scripted(name: str, settings: Recipe, folder: Path) -> Row:
    """Normalise `folder/raw/name` by the rule's script; return what it took."""
    known = settings.model_dump(include=set(Recipe.model_fields), exclude_none=True)
    arguments = ["--corpus", name, "--settings", json.dumps(known)]
    arguments += ["--raw", str(folder / "raw" / name), "--out", str(folder / "out" / name)]
    begun = time.perf_counter()
    work = subprocess.Popen([sys.executable, "-P", str(SCRIPT), *arguments])  # noqa: S603
    _, status, used = os.wait4(work.pid, 0)
    if status:
        sys.exit(f"{name} was not normalised.")
    splits = read_json(folder / "out" / name / "report.json")["splits"]
    return {
        "corpus": name,
        "sentences": sum(split["sentences"] for split in splits.values()),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "wall_s": round(time.perf_counter() - begun, 2),
        "peak_memory_mb": used.ru_maxrss // 1024,
    }


def growth(args: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Yield a row for each size."""
    get(args.corpus, args.mirror, folder / "one")
    for size in args.sizes:
        name = f"{args.corpus}_{size}"
        repeated(args.corpus, folder / "one", size, folder / "raw" / name)
        row = scripted(name, in_one_file(args.corpus), folder)
        yield {**row, "microseconds_a_sentence": round(1e6 * row["cpu_s"] / row["sentences"])}
        (folder / "raw" / name / "all.tsv").unlink()


def in_one_file(corpus: str) -> Recipe:
    """Return the recipe of a corpus of one file that is all training data."""
    known = CORPORA[corpus].model_dump(include=set(Recipe.model_fields), exclude_none=True)
    splits = [{"files": ["all.tsv"], "into": "train"}]
    return Recipe.model_validate(known | {"files": {"all.tsv": {}}, "splits": splits})


def repeated(corpus: str, raw: Path, size: int, out: Path) -> None:
    """Write a file of `size` sentences: those of an IOB corpus, over and over.

    Sentences have no ids there; the reader numbers them, so that no two have the same.
    """
    files = [raw / name for name in CORPORA[corpus].files]
    blocks = [b for file in files for b in file.read_text("utf-8").strip("\n").split("\n\n")]
    out.mkdir(parents=True)
    with (out / "all.tsv").open("w", encoding="utf-8", newline="\n") as file:
        for number in range(size):
            file.write(blocks[number % len(blocks)] + "\n\n")


def beside_datasets(args: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Yield a row an engine, run in turn on the same sentences."""
    get(args.corpus, args.mirror, folder / "one")
    size = args.sizes[-1] if len(args.sizes) == 1 else 20_000
    repeated(args.corpus, folder / "one", size, folder / "raw")
    spent: dict[str, list[Row]] = {engine: [] for engine in ENGINES}
    command = [sys.executable, "-P", __file__, "datasets", "--mirror", str(args.mirror)]
    for _ in range(args.repetitions):
        for engine, rows in spent.items():
            given = ["--corpus", args.corpus, "--engine", engine, "--raw", str(folder / "raw")]
            done = subprocess.run(  # noqa: S603
                [*command, *given], check=True, stdout=subprocess.PIPE
            )
            rows.append(json.loads(done.stdout))
    median = {name: statistics.median(row["cpu_s"] for row in rows) for name, rows in spent.items()}
    for engine, rows in spent.items():
        seconds = sorted(row["cpu_s"] for row in rows)
        yield {
            "engine": engine,
            "sentences": size,
            "entities": rows[0]["entities"],
            "cpu_s": f"{median[engine]:.2f}",
            "cpu_range_s": f"{seconds[0]:.2f}-{seconds[-1]:.2f}",
            "sentences_per_cpu_s": round(size / median[engine]),
            "cpu_speedup": f"{median[next(iter(median))] / median[engine]:.2f}",
            "repetitions": args.repetitions,
        }


def timed(work: Callable[[], int]) -> Row:
    """Return the processor time of a piece of work, and the entities that it found."""
    begun = time.process_time()
    entities = work()
    return {"cpu_s": time.process_time() - begun, "entities": entities}


def with_datasets(raw: Path, corpus: str) -> Row:
    """Read sentences as rows of a dataset, map the reader over them, and write Parquet."""
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    import datasets

    from bionerflow.corpora.documents import Reading
    from bionerflow.corpora.readers import iob
    from bionerflow.data.schema import entity_row

    datasets.disable_progress_bars()
    language = CORPORA[corpus].language

    def example(row: dict[str, str], number: int) -> dict[str, Any]:
        [document] = iob.read(Reading(), {"all.tsv": row["text"].encode()})
        entities = [entity_row(entity) for entity in document.entities]
        id = f"all-{number}"
        text = document.text
        return {
            "id": f"{id}:0",
            "doc_id": id,
            "language": language,
            "text": text,
            "entities": entities,
        }

    def work() -> int:
        rows = datasets.Dataset.from_text(
            str(raw / "all.tsv"), sample_by="paragraph", cache_dir=str(raw / f"cache{os.getpid()}")
        )
        found = rows.map(example, with_indices=True)
        found.to_parquet(raw / "out.parquet")
        return sum(len(entities) for entities in found["entities"])

    return timed(work)


def with_bionerflow(raw: Path, corpus: str) -> Row:
    """Normalise, reports included."""
    import pandas  # noqa: F401  (pyarrow does at its first table: imports are not counted)

    def work() -> int:
        normalise("all", in_one_file(corpus), raw, raw / "out")
        return read_json(raw / "out" / "report.json")["entities"]

    return timed(work)


ENGINES = {"datasets map": with_datasets, "bionerflow": with_bionerflow}


def facts() -> Row:
    """Return the machine, versions and commit."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    packages = {name: version(name) for name in ("datasets", "pyarrow", "sentencex")}
    return {
        "machine": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **packages,
        "commit": commit.stdout.strip(),
    }


if __name__ == "__main__":
    main()
