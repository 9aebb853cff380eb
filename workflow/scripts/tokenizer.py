"""Train the tiny family's tokenizer on training texts and the lines that their prompts repeat."""

import argparse
from pathlib import Path

from bionerflow.queries import asked
from bionerflow.schema import CONVERSATIONS, read_examples, read_rows
from bionerflow.script import run
from bionerflow.tokenizer import add_phrases, save_tokenizer, train_tokenizer


def main() -> None:
    """Read the arguments, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", nargs="+", required=True)
    parser.add_argument("--examples", type=Path, required=True, help="results/corpora")
    parser.add_argument("--rendered", type=Path, nargs="+", required=True, metavar="C/train.F")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    texts = (
        example.text
        for corpus in args.corpora
        for example in read_examples(args.examples / corpus / "train.parquet")
    )
    tokenizer = train_tokenizer(texts, args.vocabulary)
    rows = (row for path in args.rendered for row in read_rows(path, CONVERSATIONS))
    add_phrases(tokenizer, (query.turns for query in asked(rows)))
    save_tokenizer(tokenizer, args.out)


if __name__ == "__main__":
    run(main)
