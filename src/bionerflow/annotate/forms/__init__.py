"""The forms in which annotated passages are written, one table for code, tests and documentation.

Passages are written as they come. Every form has the offsets of the document, or those of its
passage beside the passage's place in the document.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bionerflow.annotate.forms.bioc import bioc
from bionerflow.annotate.forms.brat import brat
from bionerflow.annotate.forms.cas import xmi
from bionerflow.annotate.forms.conll import conll
from bionerflow.annotate.forms.pubtator import pubtator
from bionerflow.annotate.forms.records import doccano, jsonl, label_studio, prodigy, spacy
from bionerflow.annotate.forms.table import csv_rows
from bionerflow.annotate.forms.webanno import webanno
from bionerflow.annotate.page import html
from bionerflow.annotate.passages import Annotated
from bionerflow.annotate.summary import Summary

Writer = Callable[[Iterable[Annotated], Path, Summary], None]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the output.

    `title` names it for people, `reader` is the reader of corpora that takes it (None: it has no
    texts, or is for people), `checked` says with which code the tests read it back.
    """

    write: Writer
    title: str
    reader: str | None
    checked: str


FORMS: dict[str, Form] = {
    "bioc": Form(bioc, "BioC JSON or XML", "bioc", "`bioc` of the BioC group"),
    "brat": Form(brat, "BRAT standoff", "brat", "`bioc` of the BioC group"),
    "conll": Form(conll, "CoNLL, IOB2 tags", "iob", "`seqeval`'s chunks"),
    "csv": Form(csv_rows, "CSV, one row per mention", None, "`pandas`"),
    "doccano": Form(doccano, "doccano JSON lines", "doccano", "doccano's documented schema"),
    "html": Form(html, "page for a browser", None, "Chromium"),
    "jsonl": Form(jsonl, "JSON lines", "jsonl", "the project's reader"),
    "label_studio": Form(
        label_studio, "Label Studio tasks", "label_studio", "Label Studio's documented schema"
    ),
    "prodigy": Form(prodigy, "Prodigy JSON lines", "prodigy", "`spacy`, on which Prodigy builds"),
    "pubtator": Form(pubtator, "PubTator", "pubtator", "`bioc` of the BioC group"),
    "spacy": Form(spacy, "spaCy, `Doc.to_json` lines", "spacy", "`spacy`"),
    "webanno": Form(webanno, "WebAnno TSV 3.3", "webanno", "the format's documented grammar"),
    "xmi": Form(xmi, "UIMA CAS XMI", "cas", "`dkpro-cassis`"),
}
