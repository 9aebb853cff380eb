"""Format capacity: the ceiling that an output format itself puts on any model, and its cost.

For each corpus and format: strict F1 of parse(render(gold)) against gold, and the mean length of
the answers to a sentence. Entities that a format cannot carry count as missed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from bionerflow.config.tables import Titled
from bionerflow.data.schema import Entity, Example
from bionerflow.formats import FORMATS, Format
from bionerflow.tables.made import counted
from bionerflow.tables.write import write_csv, write_printed

TOKENS = "tokens "

#: Counts the tokens of each of some answers.
Counter = Callable[[Sequence[str]], Sequence[int]]


def read_back(example: Example, format: Format, types: Sequence[str]) -> tuple[set[Entity], str]:
    """Return the entities that the gold answers to a sentence give back, and these answers."""
    read: set[Entity] = set()
    said: list[str] = []
    for asked in format.queries(types):
        turns = format.render(example.text, example.entities, asked)
        answers = [turn.content for turn in turns if turn.role == "assistant"]
        read |= set(format.parse(answers, example.text, asked).entities)
        said += answers
    return read, "\n".join(said)


def capacity(
    corpus: str,
    examples: Sequence[Example],
    types: Sequence[str],
    format: Format,
    counters: Mapping[str, Counter],
) -> dict[str, Any]:
    """Measure one format on one corpus; a row of the table.

    `beyond` counts the sentences whose entities the format does not declare to carry. A mean number
    of tokens for each of the `counters`. Precision, recall and F1 are in percent.
    """
    answers: list[str] = []
    hits = found = gold = beyond = 0
    for example in examples:
        read, answer = read_back(example, format, types)
        entities = set(example.entities)
        beyond += not format.can_carry(entities)
        hits += len(read & entities)
        found += len(read)
        gold += len(entities)
        answers.append(answer)
    return {
        "corpus": corpus,
        "format": format.name,
        "sentences": len(answers),
        "entities": gold,
        "beyond": beyond,
        "precision": _percent(hits, found),
        "recall": _percent(hits, gold),
        "f1": _percent(2 * hits, found + gold),
        "characters": _mean(list(map(len, answers))),
        **{TOKENS + name: _mean(count(answers)) for name, count in counters.items()},
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 100.0


def _mean(lengths: Sequence[int]) -> float:
    return round(sum(lengths) / max(len(lengths), 1), 1)


def capacities(
    corpora: Mapping[str, tuple[Sequence[str], Sequence[Example]]],
    counters: Mapping[str, Counter],
) -> Iterator[dict[str, Any]]:
    """Measure every format on every corpus, given with its types."""
    for (corpus, (types, examples)), format in product(corpora.items(), FORMATS.values()):
        yield capacity(corpus, examples, types, format, counters)


def wide_form(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per format: for each corpus its F1 and its tokens by each tokenizer."""
    corpora, formats = rows["corpus"].unique(), rows["format"].unique()
    wide = pd.DataFrame({"": formats})
    cells = rows.set_index(["format", "corpus"])
    for corpus, column in product(corpora, ["f1", *rows.filter(like=TOKENS).columns]):
        written = "{:.2f}" if column == "f1" else "{:.1f}"
        title = f"{corpus} {'F1' if column == 'f1' else column}"
        wide[title] = [written.format(cells.loc[(format, corpus), column]) for format in formats]
    return wide


def write_capacities(
    path: Path, rows: Sequence[Mapping[str, Any]], titled: Titled, folder: Path
) -> None:
    """Write format_capacity.csv, .md, .tex; .long.csv has one row per corpus and format.

    `folder`: results/corpora, where the corpora were read.
    """
    frame = pd.DataFrame(rows)
    write_csv(path.with_suffix(".long.csv"), counted(frame, folder, {"corpus": ["test"]}))
    write_printed(path, titled.title, titled.caption, wide_form(frame))
