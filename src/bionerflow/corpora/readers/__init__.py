"""One reader a raw form: a function from named bytes to documents, found by its name."""

from collections.abc import Callable, Iterator

from bionerflow.corpora.documents import Document
from bionerflow.corpora.readers import (
    bc2gm,
    bioc,
    brat,
    chemdner,
    cmeee,
    genia,
    iob,
    jsonl,
    pubtator,
    yidu,
)

#: Takes a Reading to note things in, the raw files by name, and the reader's own options as
#: keywords; yields documents as it reads.
Reader = Callable[..., Iterator[Document]]

READERS: dict[str, Reader] = {
    "bc2gm": bc2gm.read,
    "bioc": bioc.read,
    "brat": brat.read,
    "chemdner": chemdner.read,
    "cmeee": cmeee.read,
    "cmeee_v1": cmeee.read_v1,
    "genia": genia.read,
    "iob": iob.read,
    "jsonl": jsonl.read,
    "pubtator": pubtator.read,
    "yidu": yidu.read,
}
