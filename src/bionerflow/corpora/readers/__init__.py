"""One reader per raw form: a function from named bytes to documents, found by its name.

Plug-ins add readers (`utils.plugins`).
"""

from collections.abc import Callable, Iterator

from bionerflow.corpora.documents import Document
from bionerflow.corpora.readers import (
    bc2gm,
    bioc,
    brat,
    chemdner,
    cmeee,
    docbin,
    genia,
    iob,
    jsonl,
    pubtator,
    records,
    tokens,
    webanno,
    yidu,
)
from bionerflow.utils.plugins import Registry

#: Takes a Reading to note things in, the raw files by name, and the reader's own options as
#: keywords; yields documents as it reads.
Reader = Callable[..., Iterator[Document]]

OWN: dict[str, Reader] = {
    "bc2gm": bc2gm.read,
    "bigbio": records.reader(records.bigbio, "BigBio"),
    "bioc": bioc.read,
    "brat": brat.read,
    "cas": webanno.read_cas,
    "chemdner": chemdner.read,
    "cmeee": cmeee.read,
    "cmeee_v1": cmeee.read_v1,
    "doccano": records.reader(records.doccano, "doccano"),
    "genia": genia.read,
    "gliner": tokens.reader(tokens.gliner, "GLiNER"),
    "iob": iob.read,
    "jsonl": jsonl.read,
    "label_studio": records.reader(records.label_studio, "Label Studio"),
    "prodigy": records.reader(records.prodigy, "Prodigy"),
    "pubannotation": records.reader(records.pubannotation, "PubAnnotation"),
    "pubtator": pubtator.read,
    "spacy": docbin.read,
    "spans": records.reader(records.spans, "texts with entities"),
    "tokens": tokens.read_dataset,
    "w2ner": tokens.reader(tokens.w2ner, "W2NER"),
    "webanno": webanno.read_tsv,
    "yidu": yidu.read,
}

READERS: Registry[Reader] = Registry("reader", OWN, callable, "a function that reads files")
