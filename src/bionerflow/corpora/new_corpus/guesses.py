"""What a corpus's files do not say of themselves, guessed; each guess comes with its evidence.

Where the evidence is split, the user is asked by an error that names the option.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from bionerflow.corpora.documents import Document, Reading
from bionerflow.corpora.raw import values
from bionerflow.corpora.readers.brat import ANNOTATIONS
from bionerflow.corpora.readers.iob import parsed, split
from bionerflow.utils.errors import UserError

ROWS = 20_000  # lines of a file that are looked at
PLAIN_TYPES = 50  # different values of a column that may be types
#: Types of the phrases that chunk columns tag.
CHUNKS = frozenset(["NP", "VP", "PP", "ADJP", "ADVP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"])
#: Letters of scripts that are written without spaces: Thai, Lao, Tibetan, Burmese, Khmer, Chinese
#: and Japanese.
UNSPACED = re.compile(
    "[\u0e01-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
#: Shares from which, and up to which, evidence is clear.
MOST, FEW = 0.9, 0.5
ENOUGH = 20  # line ends by which a mixture is no chance
#: A line end within a sentence, or after a line without a full stop: what stands around it.
LINE_END = re.compile(r"([^\s.!?。！？])[ \t]*\r?\n[ \t]*(\S)")
BULLET = re.compile(r"[-*•–·\d(\[]")


class Guess(NamedTuple):
    """Options of a reader, and what they were guessed by, in words."""

    options: dict[str, Any]
    evidence: list[str]


def columns(files: Mapping[str, bytes], given: Mapping[str, Any]) -> Guess:
    """Guess the columns of token files: tokens, tags, and what stands between tokens.

    Raises:
        UserError: no column holds tags, two hold the same ones, or scripts are mixed.
    """
    table = transposed(files)
    tags = [at for at, column in enumerate(table) if tag_types(column)]
    chunked = [at for at in tags if tag_types(table[at]) <= CHUNKS and len(tags) > 1]
    layers = list(given.get("layers") or [at for at in tags if at not in chunked])
    if not layers:
        raise UserError(f"{next(iter(files))}: {without_tags(table)}")
    if not given.get("layers"):
        check_alike(table, layers, next(iter(files)))
    others = [at for at in range(len(table)) if at not in (*tags, *layers)]
    token = given.get("token", max(others or [0], key=lambda at: (wordy(table[at]), -at)))
    evidence = [
        f"Columns, counted from 0: {token} holds the tokens, "
        + " and ".join(f"{at} tags ({few(tag_types(table[at]))})" for at in layers)
        + "".join(f"; {at} holds chunks ({few(tag_types(table[at]))}), not read" for at in chunked)
        + " (--token, --layers)."
    ]
    guess = joiner(table[token] if token < len(table) else [], given)
    options = {"token": token, "layers": layers} if (token, layers) != (0, [1]) else {}
    return Guess(options | guess.options, evidence + guess.evidence)


def without_tags(table: Sequence[Sequence[str]]) -> str:
    """Say that no column has tags; one may have types without a prefix, as of Stanford NER."""
    for at, column in enumerate(table):
        values = Counter(column)
        if "O" in values and 1 < len(values) <= PLAIN_TYPES:
            return (
                f"column {at} has types without a prefix ({few(values.keys() - {'O'})}), as "
                "Stanford NER writes them: write I- before each type."
            )
    return (
        "no column has tags such as B-Gene, I-Gene and O: convert the tags, or name their columns, "
        "counted from 0, by --layers."
    )


def transposed(files: Mapping[str, bytes]) -> list[list[str]]:
    """Return the columns that all files have."""
    found: list[list[str]] = []
    for number, (name, data) in enumerate(files.items()):
        blocks = split(Reading(), name, data, (0, 0))
        rows = list(islice((row for block in blocks for row in block.rows), ROWS))
        its = [list(column) for column in zip(*rows, strict=False)]
        found = its if not number else [a + b for a, b in zip(found, its, strict=False)]
    return found


def tag_types(column: Sequence[str]) -> frozenset[str]:
    """Return the types of a column of tags; empty if it is none."""
    found = [parsed(tag) for tag in set(column)]
    if not all(found):
        return frozenset()
    return frozenset(type for _, type in filter(None, found) if type)


def few(types: Iterable[str]) -> str:
    """Return the first types in words."""
    return ", ".join(sorted(types)[:5])


def check_alike(table: Sequence[Sequence[str]], layers: Sequence[int], name: str) -> None:
    """Raise UserError where two columns tag the same tokens alike, as gold and predicted tags."""
    for at, left in enumerate(layers):
        for right in layers[at + 1 :]:
            pairs = [
                pair for pair in zip(table[left], table[right], strict=True) if set(pair) != {"O"}
            ]
            same = sum(one == other for one, other in pairs)
            if same > FEW * len(pairs):
                raise UserError(
                    f"{name}: columns {left} and {right} have the same tag at {same} of "
                    f"{len(pairs)} tokens, as right and predicted tags have: name those to read by "
                    f"--layers {left}, or both by --layers {left} {right}."
                )


def wordy(column: Sequence[str]) -> int:
    """Return how many different values a column has that are no numbers."""
    return len({value for value in column if not value.isdecimal()})


def joiner(tokens: Iterable[str], given: Mapping[str, Any]) -> Guess:
    """Guess what stands between tokens by their scripts.

    Raises:
        UserError: many tokens are of a script with spaces, and many of one without.
    """
    if "joiner" in given:
        return Guess({"joiner": given["joiner"]}, [])
    words = [token for token in tokens if any(map(str.isalpha, token))]
    unspaced = sum(bool(UNSPACED.search(token)) for token in words)
    if not unspaced:
        return Guess({}, ["Tokens are joined by spaces (--joiner)."] if words else [])
    share = f"{unspaced} of {len(words)} tokens are of a script without spaces"
    if 1 - MOST < unspaced / len(words) < FEW:
        raise UserError(f"{share}: say what stands between tokens by --joiner '' or --joiner ' '.")
    between = "" if unspaced >= FEW * len(words) else " "
    said = "a space" if between else "nothing"
    options = {} if between else {"joiner": ""}
    return Guess(options, [f"{share}: {said} stands between tokens (--joiner)."])


def token_lists(files: Mapping[str, bytes], reader: str) -> Iterator[str]:
    """Yield tokens of JSON records."""
    key = {"gliner": ("tokenized_text",), "w2ner": ("sentence",)}.get(reader, ("tokens", "words"))
    for name, data in files.items():
        if data.startswith(b"PAR1"):
            import io

            import pyarrow.parquet as pq

            batch = next(pq.ParquetFile(io.BytesIO(data)).iter_batches(1000), None)
            records = batch.to_pylist() if batch else []
        else:
            records = [value for _, value in islice(values(name, data), 1000)]
        for record in records:
            for one in key:
                yield from map(str, record.get(one) or () if isinstance(record, dict) else ())


def folders(names: Iterable[str], given: Mapping[str, Any]) -> Guess:
    """Guess which folders hold texts and annotations, where they lie apart.

    Raises:
        UserError: several folders hold annotations of the same texts.
    """
    if given.get("folders"):
        return Guess({"folders": list(given["folders"])}, [])
    paths = [PurePosixPath(name) for name in names]
    texts = {path.with_suffix("") for path in paths if path.suffix.casefold() == ".txt"}
    marked = [path for path in paths if path.suffix.casefold() in ANNOTATIONS]
    if not texts or any(path.with_suffix("") in texts for path in marked):
        return Guess({}, [])
    stems = {path.name for path in texts}
    apart = Counter(path.parent.name for path in marked if path.stem in stems)
    homes = sorted({path.parent.name for path in texts})
    if len(apart) > 1:
        raise UserError(
            f"Folders {', '.join(sorted(apart))} have annotations of the same texts: name those to "
            f"read, and that of the texts, by --folders {homes[0]} {min(apart)}."
        )
    if not apart:
        return Guess({}, [])
    found = [*homes, *apart]
    return Guess({"folders": found}, [f"Texts and annotations lie apart: {found} (--folders)."])


class LineEnds:
    """Counts line ends that follow no full stop: before an item, or within a sentence."""

    def __init__(self) -> None:
        self.items = self.wrapped = 0

    def add(self, document: Document) -> None:
        """Count those of a document whose sentences are to be found."""
        if document.sentences is not None or "\n" not in document.text:
            return
        for match in LINE_END.finditer(document.text):
            after = match[2]
            self.wrapped += after.islower()
            self.items += after.isupper() or bool(BULLET.match(after))

    def guess(self) -> tuple[bool, list[str]]:
        """Return whether line ends are sentence borders, and why.

        Raises:
            UserError: there are many of both kinds.
        """
        total = self.items + self.wrapped
        said = (
            f"After {self.items} of {total} line ends that follow no full stop, a capital, number "
            "or bullet stands"
        )
        if not total:
            return False, []
        share = self.items / total
        if FEW < share < MOST and total >= ENOUGH:
            raise UserError(
                f"{said}: say whether line ends are sentence borders by --line-ends or "
                "--no-line-ends."
            )
        are = "are" if share >= MOST else "are no"
        return share >= MOST, [f"{said}: line ends {are} sentence borders (--[no-]line-ends)."]
