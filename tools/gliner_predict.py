"""Let GLiNER or GLiNER2 find the mentions of sentences, in an environment of its own.

    python tools/gliner_predict.py --sentences test.jsonl --corpus ncbi_disease \
        --types '{"Disease": "a disease, syndrome or symptom"}' --model FOLDER --out gliner.jsonl

Reads a line of JSON per sentence with `id` and `text`, and writes a line per sentence as
`system: predictions` reads it (docs/baselines.md). Of bionerflow nothing is imported: both packages
need other versions of transformers (tools/gliner.requirements.txt). `--model` is a folder that
their `save_pretrained` wrote, or a name on the Hugging Face Hub.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: What finds the mentions of a text: type, start, end and confidence of each.
Find = Callable[[str], Iterator[tuple[str, int, int, float]]]


def main() -> None:
    """Read the arguments, find the mentions, write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=Path, required=True, help="JSONL: id, text")
    parser.add_argument("--corpus", required=True, help="name of the corpus in bionerflow")
    parser.add_argument(
        "--types", type=json.loads, required=True, help="JSON: type to definition, or to null"
    )
    parser.add_argument("--model", required=True, help="folder or name on the Hub")
    parser.add_argument("--package", choices=sorted(LOADERS), default="gliner")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    find = LOADERS[args.package](args.model, args.types, args.threshold)
    lines = args.sentences.read_text("utf-8").splitlines()
    with args.out.open("w", encoding="utf-8") as file:
        for n, line in enumerate(filter(str.strip, lines), start=1):
            file.write(json.dumps(answered(json.loads(line), args.corpus, find)) + "\n")
            if n % 100 == 0:
                print(f"{n} of {len(lines)} sentences", file=sys.stderr, flush=True)


def answered(sentence: dict[str, Any], corpus: str, find: Find) -> dict[str, Any]:
    """Return the line of a sentence; a mention that was found twice has its best confidence.

    GLiNER2 puts a full stop in place of an empty text: what is outside of the text is left out.
    """
    best: dict[tuple[str, int, int], float] = {}
    for type, start, end, confidence in find(sentence["text"]):
        if start < end <= len(sentence["text"]):
            best[type, start, end] = max(confidence, best.get((type, start, end), 0.0))
    entities = [
        {"type": type, "spans": [[start, end]], "confidence": min(1.0, confidence)}
        for (type, start, end), confidence in sorted(best.items(), key=lambda one: one[0][1:])
    ]
    return {"corpus": corpus, "id": sentence["id"], "entities": entities}


def gliner(model: str, types: dict[str, str | None], threshold: float) -> Find:
    """Load GLiNER, which is asked by types' names, or by definitions where there are any."""
    from gliner import GLiNER

    loaded = GLiNER.from_pretrained(model)
    asked = {definition or type: type for type, definition in types.items()}

    def find(text: str) -> Iterator[tuple[str, int, int, float]]:
        for one in loaded.predict_entities(
            text, list(asked), threshold=threshold, flat_ner=False, multi_label=True
        ):
            yield asked[one["label"]], one["start"], one["end"], float(one["score"])

    return find


def gliner2(model: str, types: dict[str, str | None], threshold: float) -> Find:
    """Load GLiNER2, which is asked by types' names with their definitions."""
    from gliner2 import GLiNER2

    loaded = GLiNER2.from_pretrained(model)
    asked = {type: definition or type for type, definition in types.items()}

    def find(text: str) -> Iterator[tuple[str, int, int, float]]:
        answer = loaded.extract_entities(
            text,
            asked,
            threshold=threshold,
            include_confidence=True,
            include_spans=True,
            overlap_policy="allow",
        )
        for type, mentions in answer["entities"].items():
            for one in mentions:
                yield type, one["start"], one["end"], float(one["confidence"])

    return find


LOADERS = {"gliner": gliner, "gliner2": gliner2}

if __name__ == "__main__":
    main()
