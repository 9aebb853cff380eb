"""The form of an annotated file, by its ending and its content."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.corpora.raw import values
from bionerflow.corpora.readers.iob import parsed
from bionerflow.corpora.readers.tokens import INFO, TAGS, TOKENS

HEAD = 1 << 14  # bytes by which a form is told
RECORDS = 200  # records that are looked at for one with mentions
#: PubTator begins with a title, CMeEE's first version has its fields in every line.
TITLE = re.compile(rb"(?:\xef\xbb\xbf)?\s*[^|\t\n]+\|t\|")
CMEEE_1 = re.compile(rb"[^\n]*\|\|\|\d+\s+\d+\s+\w+(\|\|\||\r?\n)")
COLLECTION = re.compile(rb'"(?:documents|PubTator3|passages)"\s*:\s*\[')
BIGBIO = re.compile(rb'"document_id"\s*:')
BY_ENDING = {
    ".ann": "brat", ".a1": "brat", ".pubtator": "pubtator", ".in": "bc2gm", ".eval": "bc2gm",
    ".parquet": "tokens", ".spacy": "spacy", ".tsv": "iob", ".iob": "iob", ".iob2": "iob",
    ".bio": "iob",
    ".bioes": "iob", ".iobes": "iob", ".bmes": "iob", ".conll": "iob", ".conll03": "iob",
}  # fmt: skip
JSON = (".json", ".jsonl", ".ndjson", ".jsonlines")
#: What begins XML of each form.
XML = {
    b"<collection": "bioc", b"<!DOCTYPE collection": "bioc", b"xmi:XMI": "cas",
    b"<typeSystemDescription": "cas", b"<cons": "genia", b"GENIA": "genia",
}  # fmt: skip
BRAT = "BRAT (.txt and .ann) or JSON lines"
#: What is not read, by ending, with what to convert it to.
REFUSED = {
    ".arrow": "a data set in Arrow: save it by `Dataset.to_parquet`",
    ".csv": f"a table: convert it to {BRAT}, or a token table to columns parted by tabs (.tsv)",
    ".xlsx": f"an Excel file: convert it to {BRAT}",
    ".docx": f"a Word document: convert it to {BRAT}",
    ".pdf": f"a PDF file: convert it to {BRAT}",
    ".html": f"a web page: convert it to {BRAT}",
    ".pkl": "a Python pickle, which is never opened: save the data as JSON lines",
    **dict.fromkeys(
        (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"), "an archive: unpack it"
    ),
}
#: The same for XML, by what stands in its beginning.
REFUSED_XML = {
    b"<GateDocument": "a GATE document: export it as BRAT or BioC",
    b"<deIdi2b2": f"an i2b2 record: convert it to {BRAT}",
    b"<ClinicalNarrativeTemporal": f"an i2b2 record: convert it to {BRAT}",
    b"<TAGS": f"a record of MAE or i2b2: convert it to {BRAT}",
    b"charOffset": f"a DDI document: convert it to {BRAT}",
    b"<TEI": f"a TEI document: convert it to {BRAT}",
    b"<knowtator": f"Knowtator XML: convert it to {BRAT}",
    b"<annotations": f"Knowtator or eHOST XML: convert it to {BRAT}",
}


#: JSON of tools that is not read, by a key in its beginning.
REFUSED_JSON = {
    rb'"projectKind"\s*:\s*"CustomEntityRecognition"': (
        "a project of Azure Language, whose texts are in other files"
    ),
    rb'"annotatable"\s*:': "an annotation file of tagtog, whose text is in another file",
    rb'"text_extraction"\s*:': "a data set of Google AutoML",
    rb'"textSegmentAnnotations"\s*:': "a data set of Vertex AI",
    rb'"BeginOffset"\s*:': (
        "an annotation file of Amazon Comprehend, whose text is in another file"
    ),
    rb'-metadata"\s*:': "a manifest of SageMaker Ground Truth",
    rb'"rasa_nlu_data"\s*:': "training data of Rasa",
    rb'"meta_anns"\s*:': "an export of MedCATtrainer",
    rb'"extId"\s*:': "annotations of Europe PMC, which come without their texts",
    rb'"qas_id"\s*:': "data of MRC-NER",
    rb'"doc_key"\s*:': "data of DyGIE or PURE",
    rb'"orig_id"\s*:': "data of SpERT",
}


class Form(NamedTuple):
    """The reader of a file, or why it is not read."""

    reader: str = ""
    refused: str = ""


def form_of(path: Path) -> Form:
    """Return a file's form; neither reader nor refusal where it seems to be no annotated file.

    Raises:
        UserError: a JSON file is broken.
    """
    ending = path.suffix.casefold()
    with path.open("rb") as file:
        head = file.read(HEAD)
    if ending in JSON:
        return json_form(path, head) if head.strip() else Form("jsonl")
    if ending in (".xml", ".xmi"):
        return xml_form(head)
    if ending in REFUSED:
        return Form("", REFUSED[ending])
    return text_form(path, ending, head)


def text_form(path: Path, ending: str, head: bytes) -> Form:
    """Return the form of a text file; BC2GM's alternative mentions are read nowhere."""
    name = path.name.casefold()
    if any(part in name for part in (".abstracts.", ".annotations.", ".borders.")):
        return Form("chemdner")
    if head.lstrip(b"\xef\xbb\xbf").startswith(b"#FORMAT=WebAnno TSV"):
        return Form("webanno")
    if TITLE.match(head):
        return Form("pubtator")
    if ending in BY_ENDING:
        return Form("" if name.startswith("altgene.") else BY_ENDING[ending])
    return plain_form(head)


def plain_form(head: bytes) -> Form:
    """Return the form of a file whose ending does not tell it."""
    if CMEEE_1.match(head):
        return Form("cmeee_v1")
    rows = [row.split() for row in head.decode("utf-8", "replace").splitlines()[:-1]]
    rows = [row for row in rows[:500] if row and not row[0].startswith(("#", "-DOCSTART-"))]
    tags = [row[-1] for row in rows if len(row) > 1]
    prefixed = {tag for tag in tags if parsed(tag) not in (None, ("", ""))}
    is_iob = prefixed and len(tags) == len(rows) and all(map(parsed, tags))
    return Form("iob" if is_iob else "")


def xml_form(head: bytes) -> Form:
    """Return the form of an XML file."""
    for start, reader in XML.items():
        if start in head:
            return Form(reader)
    said = [why for mark, why in REFUSED_XML.items() if mark in head]
    return Form("", said[0] if said else f"XML of no known form: convert it to {BRAT}")


def json_form(path: Path, head: bytes) -> Form:
    """Return the form of a JSON file, by its beginning or by its records."""
    if path.name in ("dataset_dict.json", "state.json"):
        return Form()
    if tools := [tool for key, tool in REFUSED_JSON.items() if re.search(key, head)]:
        return Form("", f"{tools[0]}: convert it to {BRAT}")
    if path.name.casefold().endswith(INFO):
        return Form("tokens")
    if COLLECTION.search(head) and not BIGBIO.search(head):
        return Form("bioc")
    if b'"%FEATURE_STRUCTURES"' in head or b'"%TYPES"' in head:
        return Form("cas")
    records = (value for _, value in values(path.name, path.read_bytes()))
    return records_form(list(islice(records, RECORDS)))


def records_form(found: list[Any]) -> Form:
    """Return the form of records, by the first one with mentions."""
    readers = [reader for reader in map(record_reader, found) if reader]
    certain = [reader for reader in readers if not reader.endswith("?")]
    first = found[0] if found else None
    if isinstance(first, dict) and first.keys() >= {"classes", "annotations"}:
        return Form("", "JSON of NER Annotator: keep the list under `annotations` alone")
    if readers:
        return Form((certain or readers)[0].rstrip("?"))
    keys = map(str, first) if isinstance(first, dict) else [type(first).__name__]
    said = ", ".join(islice(keys, 8))[:160]
    return Form("", f"JSON of no known form ({said}): convert it to {BRAT}")


def record_reader(value: Any) -> str:
    """Return the reader of a record; with ? where it has no mention that would tell it."""
    if isinstance(value, list):
        is_pair = len(value) == 2 and isinstance(value[1], dict) and "entities" in value[1]
        return "spacy" if is_pair else ""
    if not isinstance(value, dict):
        return ""
    return next(by_keys(value), "")


def by_keys(value: dict[str, Any]) -> Iterator[str]:
    """Yield the readers of records with such keys, the surest first."""
    keys = value.keys()
    marks = {
        "originalText": "yidu", "tokenized_text": "gliner", "denotations": "pubannotation",
        "paragraphs": "spacy", "ents": "spacy", "passages": "bioc", "_input_hash": "prodigy",
        "_task_hash": "prodigy",
    }  # fmt: skip
    if {"passages", "entities", "document_id"} <= keys:
        yield "bigbio"
    tokens = value.get("tokens")
    if isinstance(tokens, list) and tokens and isinstance(tokens[0], dict):
        yield from ["spans"] if "entityLabel" in tokens[0] and "document" in keys else []
    yield from (reader for mark, reader in marks.items() if mark in keys)
    if isinstance(value.get("sentence"), list) and "ner" in keys:
        yield "w2ner"
    if any(isinstance(value.get(k), list) for k in TOKENS) and keys & set(TAGS):
        yield "tokens"
    tasks = {"annotations", "completions", "predictions"}
    if isinstance(value.get("data"), dict) and keys & tasks:
        yield "label_studio"
    for key in ("label", "labels", "entities", "spans", "annotations", "mentions", "annotation"):
        if isinstance(value.get(key), list):
            yield by_mentions(key, value[key], value)


def by_mentions(key: str, found: list[Any], value: dict[str, Any]) -> str:
    """Return the reader of a record by its list of mentions."""
    empty = {"label": "doccano?", "labels": "doccano?", "spans": "prodigy?", "entities": "jsonl?"}
    if not found:
        is_own = key != "entities" or "doc_id" in value
        return empty.get(key, "spans?") if is_own else "spans?"
    first = found[0]
    if not isinstance(first, dict):
        as_lists = "spans" if key in ("annotation", "annotations") else "doccano"
        return as_lists if isinstance(first, list) else "doccano?"
    by_field = {"spans": "jsonl", "start_idx": "cmeee", "start_offset": "doccano"}
    for field, reader in by_field.items():
        if field in first:
            return reader
    if key == "label":
        return "label_studio"
    return "prodigy" if key == "spans" and "label" in first else "spans"
