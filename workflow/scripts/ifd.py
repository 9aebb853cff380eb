"""Score a corpus's rendered training conversations by how much their prompts help a weak model."""

import argparse
from collections import Counter
from pathlib import Path
from typing import get_args

from bionerflow.ifd import score_file
from bionerflow.models import load_causal, load_tokenizer
from bionerflow.schema import SCORES, write_rows
from bionerflow.script import run
from bionerflow.settings import CurateSettings


def main() -> None:
    """Read the arguments, score, write one Parquet file and its card."""
    modes = get_args(CurateSettings.model_fields["mode"].annotation)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of the weak model")
    parser.add_argument("--mode", choices=modes, required=True)
    parser.add_argument("--negatives", action="store_true", help="score them too")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, tokenizer = load_causal(args.model), load_tokenizer(args.model)
    rows = list(score_file(args.conversations, model, tokenizer, args.mode, args.negatives))
    reasons = Counter(row["reason"] or "scored" for row in rows)
    write_rows(
        args.out, rows, SCORES, mode=args.mode, scorer=args.model.name, reasons=dict(reasons)
    )


if __name__ == "__main__":
    run(main)
