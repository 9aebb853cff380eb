"""Gold mentions by their concepts: whether training has a mention of the same concept.

A concept may have many names: a model that knows strings alone finds few of those that training
does not have, and recall of unseen concepts is the harder number (docs/evaluation.md).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bionerflow.data.schema import IDENTIFIERS, verified

#: What stands between the identifiers of one mention; no identifier has it.
BETWEEN = "\x1f"


def identifiers(entities: pa.StructArray) -> np.ndarray | None:
    """Return the identifiers of each mention as one string ("": none); None if no field has any."""
    if entities.type.get_field_index(IDENTIFIERS) < 0:
        return None
    joined = pc.binary_join(pc.struct_field(entities, IDENTIFIERS), BETWEEN)
    return pc.fill_null(joined, "").to_numpy(zero_copy_only=False)


def training_concepts(train: str | Path, gold: str | Path) -> frozenset[str]:
    """Return the concepts of the sentences of a training file, as their corpora name them.

    Args:
        train: The run's training file (schema.CONVERSATIONS).
        gold: The folder that holds {corpus}/train.parquet.
    """
    sentences = pq.read_table(verified(train), columns=["corpus", "id"]).to_pandas().dropna()
    found: set[str] = set()
    for corpus, ids in sentences.groupby("corpus")["id"]:
        path = Path(gold) / str(corpus) / "train.parquet"
        if not path.is_file():
            continue
        table = pq.read_table(verified(path), columns=["id", "entities"])
        shown = table.filter(pc.is_in(table["id"], pa.array(ids.unique(), pa.string())))
        entities = pc.list_flatten(shown["entities"].combine_chunks())
        if entities.type.get_field_index(IDENTIFIERS) >= 0:
            found.update(pc.list_flatten(pc.struct_field(entities, IDENTIFIERS)).to_pylist())
    return frozenset(found)


def seen(known: pd.Series, concepts: frozenset[str]) -> np.ndarray:
    """Return for each mention whether training has one of its concepts: "seen", "unseen" or ""."""
    numbers, values = pd.factorize(known)
    said = [
        ("seen" if concepts.intersection(value.split(BETWEEN)) else "unseen") if value else ""
        for value in values
    ]
    return np.array(said, object)[numbers]
