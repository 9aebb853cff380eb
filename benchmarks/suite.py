"""All benchmarks of speed, one after another: `make bench`, `make bench-gpu`.

Each is a process of its own. What they print is put together as one CSV file, a row a way of a
benchmark; a benchmark that fails is named at the end, and the exit status says so.
"""

import argparse
import csv
import io
import subprocess
import sys
from pathlib import Path

from bionerflow.models.loading import base_of
from bionerflow.models.shipped import run_folder

HERE = Path(__file__).parent
IFD = ["ifd", "--conversations", "{rendered}/train.json_entity.parquet"]
TRAINING = ["training", "--conversations", "{rendered}/train.conv_term.parquet"]
PREDICTION = ["prediction", "--queries", "{rendered}/test.multi_term.parquet"]
LORA = ["--method", "lora", "--batch-size", "64"]
REAL = ["--model", "{base}", *LORA, "--samples", "64"]
ANSWERED = ["--queries", "{rendered}/test.json_entity.parquet", "--model", "{trained}"]
SELECTOR = ["selector", "--examples", "{examples}/train.parquet"]
#: A benchmark's name and arguments. On a CPU the models are SmolLM2-135M and the shipped adapter.
CPU = [
    ["training", "--conversations", "{rendered}/train.json_entity.parquet", *REAL],
    [*TRAINING, *REAL],
    ["prediction", *ANSWERED, "--samples", "128"],
    [*IFD, "--model", "{base}", "--samples", "64"],
    [*SELECTOR, "--base", "{base}", "--candidates", "256"],
    ["evaluate", "--entities", "100000"],
    ["formats", "--examples", "{examples}/train.parquet", "--types", "Disease"],
    ["graph"],
]
LARGE = ["--tokens-per-pass", "16384"]
SOME = ["--samples", "940", "--generated", "24"]
#: What is compared with is given less to do than would take minutes.
GPU = [
    [*IFD, "--shape", "qwen3-0.6b", "--samples", "2000", "--one-by-one", "120"],
    [*TRAINING, "--shape", "qwen3-8b", *LORA, "--samples", "256", *LARGE],
    [*TRAINING, "--shape", "qwen2.5-0.5b", "--batch-size", "64", "--samples", "768", *LARGE],
    [*PREDICTION, "--shape", "qwen2.5-0.5b", *SOME, "--batch-size", "512"],
    [*SELECTOR, "--shape", "qwen3-0.6b", "--candidates", "4000", "--in-eights", "400"],
]
#: The smallest form: that everything works on the day that there is a GPU.
SMALLEST = {
    "ifd": ["--shape", "6m", "--samples", "2", "--repetitions", "1"],
    "training": ["--shape", "6m", "--samples", "8", "--repetitions", "1"],
    "prediction": ["--shape", "6m", "--samples", "4", "--repetitions", "1"],
    "selector": ["--shape", "6m", "--candidates", "8", "--repetitions", "1"],
    "evaluate": ["--entities", "100", "--repetitions", "1"],
    "formats": ["--repetitions", "1"],
    "graph": ["--repetitions", "1"],
}


def main() -> None:
    """Run the benchmarks and write what they print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rendered", required=True, help="results/render/{corpus}")
    parser.add_argument("--examples", required=True, help="results/corpora/{corpus}")
    parser.add_argument("--gpu", action="store_true", help="at the shapes that a GPU is for")
    parser.add_argument("--smallest", action="store_true", help="in no time, to see that it works")
    parser.add_argument("--only", nargs="+", choices=SMALLEST, help="some of the benchmarks")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file")
    args = parser.parse_args()
    rows, failed = [], []
    trained = None if args.gpu else run_folder("disease") / "model"
    folders = {"rendered": args.rendered, "examples": args.examples}
    folders |= {"trained": trained, "base": base_of(trained)} if trained else {}
    for name, *arguments in GPU if args.gpu else CPU:
        if args.only and name not in args.only:
            continue
        filled = [one.format_map(folders) for one in arguments]
        said = run(name, filled + (SMALLEST[name] if args.smallest else []))
        rows += said
        failed += [] if said else [name]
        write(args.out, rows)
    sys.exit(f"Failed: {', '.join(failed)}" if failed else 0)


def run(name: str, arguments: list[str]) -> list[dict[str, str]]:
    """Return the rows that a benchmark prints; none if it fails."""
    print(f"{name} {' '.join(arguments)}", file=sys.stderr, flush=True)
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    table = done.stdout[done.stdout.find("benchmark,") :]  # libraries print lines of their own
    return list(csv.DictReader(io.StringIO(table))) if done.returncode == 0 else []


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows of different columns as one table."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
