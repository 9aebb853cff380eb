"""What is to be known of a corpus before scores on it are compared.

The families are those of Leaman, Islamaj and Lu (arXiv 2605.20537, 2026): scale, density and
labels; lexical; overlap of training and test; metadata; and, where mentions have identifiers,
terminology. All is counted on the splits as the workflow reads them, so that it holds for a
person's own corpus as for a published one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bionerflow.config.corpora import SPLITS
from bionerflow.corpora.leakage import SHORTEST
from bionerflow.data.schema import IDENTIFIERS, verified
from bionerflow.evaluate.match import depths, kinds
from bionerflow.evaluate.mentions import Mentions, read_mentions
from bionerflow.evaluate.tokens import TOKEN, Tokens

TRAIN = SPLITS[0]

Values = dict[str, float | int | None]


@dataclass(frozen=True)
class Split:
    """A split: `sentences` has document, key (for comparison) and tokens (their number).

    `words` are its distinct tokens with their numbers, `mentions` has type, string (lower-cased),
    tokens, kind and depth, `concepts` the identifiers; None where the corpus has none.
    """

    sentences: pd.DataFrame
    words: pd.Series
    mentions: pd.DataFrame
    concepts: pd.Series | None


def diagnostics(folder: str | Path) -> dict[str, Any]:
    """Return the diagnostics of the corpus in `folder` ({split}.parquet), family by family.

    A family has measures by split: numbers, shares (0 to 1), or None where there is nothing to
    divide by.
    """
    splits = read_splits(Path(folder))
    train = splits[TRAIN]
    others = {name: split for name, split in splits.items() if name != TRAIN}
    return {
        "scale": {name: scale(split) for name, split in splits.items()},
        "labels": {name: labels(split) for name, split in splits.items()},
        "structure": {name: structure(split) for name, split in splits.items()},
        "lexical": {name: lexical(split, train) for name, split in splits.items()},
        "overlap": {name: overlap(split, train) for name, split in others.items()},
    }


def read_splits(folder: Path) -> dict[str, Split]:
    """Read the splits of a corpus."""
    tables = {name: pq.read_table(verified(folder / f"{name}.parquet")) for name in SPLITS}
    columns = [table["entities"].combine_chunks() for table in tables.values()]
    read = read_mentions(*columns)
    return {
        name: _split(table, column, mentions)
        for (name, table), column, mentions in zip(tables.items(), columns, read, strict=True)
    }


def _split(table: pa.Table, column: pa.Array, mentions: Mentions) -> Split:
    texts = table["text"].to_pandas().to_numpy(object)
    tokens = Tokens(texts)
    words = [TOKEN.findall(text.lower()) for text in texts]
    sentences = pd.DataFrame(
        {
            "document": table["doc_id"].to_pandas().to_numpy(object),
            "key": pd.Series(["".join(text.split()).casefold() for text in texts], dtype=object),
            "tokens": np.array([len(found) for found in words], np.int64),
        }
    )
    place = (mentions.frame[name].to_numpy() for name in ("sentence", "start", "end"))
    frame = pd.DataFrame(
        {
            "sentence": mentions.frame["sentence"],
            "type": mentions.frame["type"].astype(str),
            "string": mentions.strings().str.lower(),
            "tokens": tokens.within(*place),
            "kind": kinds(mentions).astype(str),
            "depth": depths(mentions),
        }
    )
    every = pd.Series([word for found in words for word in found], dtype=object)
    return Split(sentences, every.value_counts(), frame, _concepts(column))


def _concepts(column: pa.Array) -> pd.Series | None:
    entities = pc.list_flatten(column)
    if entities.type.get_field_index(IDENTIFIERS) < 0:
        return None
    found = pc.list_flatten(pc.struct_field(entities, IDENTIFIERS))
    return found.to_pandas() if len(found) else None


def scale(split: Split) -> Values:
    """Return how much there is, and how dense the mentions are."""
    sentences, mentions = len(split.sentences), len(split.mentions)
    tokens = int(split.sentences["tokens"].sum())
    return {
        "documents": split.sentences["document"].nunique(),
        "sentences": sentences,
        "tokens": tokens,
        "mentions": mentions,
        "tokens_per_sentence": _ratio(tokens, sentences),
        "mentions_per_sentence": _ratio(mentions, sentences),
        "mentions_per_100_tokens": _ratio(100 * mentions, tokens),
        "share_of_sentences_without": _ratio(
            sentences - split.mentions["sentence"].nunique(), sentences
        ),
    }


def labels(split: Split) -> Values:
    """Return the mentions of each type, and how evenly they are spread.

    `evenness` is the entropy of the types divided by its largest value: 1 where all are equally
    frequent, 0 where there is one alone.
    """
    counts = split.mentions["type"].value_counts().sort_index()
    shares = counts / max(counts.sum(), 1)
    entropy = float(-(shares * np.log2(shares)).sum())
    evenness = 0.0 if len(counts) == 1 else _ratio(entropy, np.log2(max(len(counts), 1)))
    return {**{str(name): int(n) for name, n in counts.items()}, "evenness": evenness}


def structure(split: Split) -> Values:
    """Return shares of nested and discontinuous mentions, and lengths in tokens."""
    mentions, length = split.mentions, split.mentions["tokens"]
    size = len(mentions)
    quantiles = length.quantile([0.5, 0.95]) if size else pd.Series([np.nan, np.nan])
    return {
        "share_nested": _ratio((mentions["kind"] == "nested").sum(), size),
        "share_discontinuous": _ratio((mentions["kind"] == "discontinuous").sum(), size),
        "deepest_nesting": int(mentions["depth"].max()) if size else None,
        "tokens_mean": _ratio(length.sum(), size),
        "tokens_median": _rounded(quantiles.iloc[0]),
        "tokens_95_percent": _rounded(quantiles.iloc[1]),
        "tokens_longest": int(length.max()) if size else None,
    }


def lexical(split: Split, train: Split) -> Values:
    """Return how varied words and mention strings are, and what training does not have.

    Strings are lower-cased. `ambiguous` are the distinct strings that have several types.
    """
    strings = split.mentions.groupby("string")["type"].agg(["size", "nunique"])
    tokens = split.words.sum()
    new = split.words[~split.words.index.isin(train.words.index)].sum()
    return {
        "distinct_words": len(split.words),
        "distinct_strings": len(strings),
        "strings_per_mention": _ratio(len(strings), len(split.mentions)),
        "share_of_strings_once": _ratio((strings["size"] == 1).sum(), len(strings)),
        "share_of_strings_ambiguous": _ratio((strings["nunique"] > 1).sum(), len(strings)),
        "share_of_tokens_not_in_training": _ratio(new, tokens),
    }


def overlap(split: Split, train: Split) -> Values:
    """Return what training shows of a split: shares of its mentions, sentences and documents.

    Sentences are compared without white space and case, short ones left out (corpora.leakage).
    `mentions_contradicted`: the string is in training, with other types alone.
    """
    mentions, shown = split.mentions, train.mentions
    seen = mentions["string"].isin(shown["string"])
    typed = _pairs(mentions).isin(_pairs(shown))
    keys = split.sentences[split.sentences["key"].str.len() >= SHORTEST]
    repeated = keys["key"].isin(train.sentences["key"])
    documents = pd.Series(split.sentences["document"].unique(), dtype=object)
    strings = pd.Series(mentions["string"].unique(), dtype=object)
    found: Values = {
        "mentions_seen": _share(seen),
        "mentions_seen_with_type": _share(typed),
        "mentions_contradicted": _share(seen & ~typed),
        "distinct_strings_seen": _share(strings.isin(shown["string"])),
        "sentences_repeated": _share(repeated),
        "documents_with_a_repeated_sentence": _ratio(
            keys[repeated]["document"].nunique(), len(documents)
        ),
        "documents_of_the_same_id": _share(documents.isin(train.sentences["document"])),
    }
    if split.concepts is not None and train.concepts is not None:
        distinct = split.concepts.drop_duplicates()
        found["concepts_seen"] = _share(split.concepts.isin(train.concepts))
        found["distinct_concepts_seen"] = _share(distinct.isin(train.concepts))
    return found


def _pairs(mentions: pd.DataFrame) -> pd.Series:
    return mentions["type"] + "\t" + mentions["string"].astype(str)


def _share(flags: pd.Series) -> float | None:
    return _ratio(flags.sum(), len(flags))


def _ratio(part: float, whole: float) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 2)


def measures(family: Mapping[str, Values]) -> Iterable[str]:
    """Return the names of a family's measures, of all splits, in their order."""
    return dict.fromkeys(name for values in family.values() for name in values)
