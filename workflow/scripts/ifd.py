"""Score a corpus's rendered training conversations by how much their prompts help a weak model."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pyarrow as pa

from bionerflow.config.stages import CurateSettings
from bionerflow.data.schema import SCORES, read_card, write_tables
from bionerflow.data.shards import WHOLE, share
from bionerflow.ifd.scores import score_file
from bionerflow.models.loading import load_scorer, load_tokenizer
from bionerflow.utils.environment import checkpoint_key
from bionerflow.utils.files import read_json, remove_folder
from bionerflow.utils.script import run


def main() -> None:
    """Read the arguments, score, write one Parquet file and its card."""
    modes = get_args(CurateSettings.model_fields["mode"].annotation)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of the weak model")
    parser.add_argument("--mode", choices=modes, required=True)
    parser.add_argument("--negatives", action="store_true", help="score them too")
    parser.add_argument("--share", type=share, default=WHOLE, help="2of8: the second of 8 jobs")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    inputs = {
        "data": read_card(args.conversations),
        "scorer": read_json(f"{args.model}.json"),
        "mode": args.mode,
        "negatives": args.negatives,
        "share": args.share,
    }
    parts = args.checkpoints / "ifd" / checkpoint_key(inputs)
    model, tokenizer = load_scorer(args.model), load_tokenizer(args.model)
    tables = score_file(
        args.conversations, model, tokenizer, args.mode, parts, args.negatives, args.share
    )
    reasons: Counter[str] = Counter()
    card = {"mode": args.mode, "scorer": args.model.name, "reasons": reasons}
    write_tables(args.out, counted(tables, reasons), SCORES, **card)
    remove_folder(parts)


def counted(tables: Iterable[pa.Table], reasons: Counter[str]) -> Iterator[pa.Table]:
    """Yield tables of scores; count in `reasons` why rows have no score, or that they have one."""
    for table in tables:
        reasons.update(reason or "scored" for reason in table["reason"].to_pylist())
        yield table


if __name__ == "__main__":
    run(main)
