"""Write a synthetic corpus in the raw form of the real corpora of its kind."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from bionerflow.corpora.synthetic.generate import generate, grammar_of
from bionerflow.data.schema import Entity, Example
from bionerflow.utils.files import whole, write_text

Splits = Mapping[str, Sequence[Example]]

IOB_NAMES = {"train": "train", "dev": "devel", "test": "test"}

#: The leaves of GENIA's ontology that stand for the five types.
GENIA_LEAVES = {
    "protein": "protein_molecule",
    "DNA": "DNA_domain_or_region",
    "RNA": "RNA_molecule",
    "cell_type": "cell_type",
    "cell_line": "cell_line",
}
GENIA_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!-- Synthetic: every sentence is generated, none is from GENIA. -->
<set>

<import resource="GENIAontology.daml" prefix="G"></import>
"""


def write_raw(corpus: str, resources: Path, seed: int, folder: Path) -> None:
    """Generate a corpus and write its raw files into `folder`."""
    FORMS[grammar_of(corpus, resources).form](generate(corpus, resources, seed), folder)


def write_iob2(splits: Splits, folder: Path) -> None:
    """Write one TSV file per split as MTL-Bioinformatics-2016: token, tab, tag; blank lines."""
    for split, examples in splits.items():
        text = "\n".join(iob2_block(example) for example in examples)
        write_text(folder / f"{IOB_NAMES[split]}.tsv", text)


def iob2_block(example: Example) -> str:
    """Return the lines of a sentence, whose tokens have single spaces between."""
    tags, start = [], 0
    for token in example.text.split(" "):
        tags.append(f"{token}\t{iob2_tag(start, example.entities)}\n")
        start += len(token) + 1
    return "".join(tags)


def iob2_tag(start: int, entities: Sequence[Entity]) -> str:
    """Return the tag of the token that starts at `start`."""
    for entity in entities:
        if entity.start <= start < entity.end:
            return f"{'B' if start == entity.start else 'I'}-{entity.type}"
    return "O"


def write_genia(splits: Splits, folder: Path) -> None:
    """Write all splits in order as one GENIA XML file, one article per sentence."""
    articles = [genia_article(example) for examples in splits.values() for example in examples]
    write_text(folder / "corpus.xml", "\n".join([GENIA_HEAD, *articles, "</set>\n"]))


def genia_article(example: Example) -> str:
    """Return the article of a sentence."""
    return f"""<article>
<articleinfo>
<bibliomisc>{escape(example.doc_id)}</bibliomisc>
</articleinfo>
<title></title>
<abstract>
<sentence>{genia_marked(example)}</sentence>
</abstract>
</article>
"""


def genia_marked(example: Example) -> str:
    """Return the text with its nested entities as `cons` elements."""
    marked, end, opened = "", 0, list[int]()
    outer_first = sorted(example.entities, key=lambda entity: (entity.start, -entity.end))
    for entity in outer_first:
        while opened and opened[-1] <= entity.start:
            marked += escape(example.text[end : opened[-1]]) + "</cons>"
            end = opened.pop()
        marked += escape(example.text[end : entity.start]) + genia_tag(entity)
        end = entity.start
        opened.append(entity.end)
    for close in reversed(opened):
        marked += escape(example.text[end:close]) + "</cons>"
        end = close
    return marked + escape(example.text[end:])


def genia_tag(entity: Entity) -> str:
    """Return the opening tag of an entity."""
    lex = quoteattr(entity.text.replace(" ", "_"))
    return f'<cons lex={lex} sem="G#{GENIA_LEAVES[entity.type]}">'


def write_brat(splits: Splits, folder: Path) -> None:
    """Write one archive: a folder per split, a `.txt` and an `.ann` file per sentence.

    The bytes inside gzip are always equal; the compressed ones are for one zlib.
    """
    with (
        whole(folder / "brat.tar.gz") as part,
        open(part, "wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for split, examples in splits.items():
            for example in examples:
                add_member(archive, f"{split}/{example.doc_id}.ann", brat_lines(example))
                add_member(archive, f"{split}/{example.doc_id}.txt", example.text)


def add_member(archive: tarfile.TarFile, name: str, text: str) -> None:
    """Add a file without owner and time."""
    data = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def brat_lines(example: Example) -> str:
    """Return the standoff lines of a sentence."""
    lines = []
    for number, entity in enumerate(example.entities, start=1):
        spans = ";".join(f"{start} {end}" for start, end in entity.spans)
        lines.append(f"T{number}\t{entity.type} {spans}\t{entity.text}\n")
    return "".join(lines)


def write_cmeee(splits: Splits, folder: Path) -> None:
    """Write one JSON list a split; in CMeEE `end_idx` is the last character's offset."""
    for split, examples in splits.items():
        rows = [
            {"text": example.text, "entities": [cmeee_row(entity) for entity in example.entities]}
            for example in examples
        ]
        text = json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
        write_text(folder / f"{split}.json", text)


def cmeee_row(entity: Entity) -> dict[str, int | str]:
    """Return one entity as CMeEE-V2 writes it."""
    return {
        "start_idx": entity.start,
        "end_idx": entity.end - 1,
        "type": entity.type,
        "entity": entity.text,
    }


FORMS: Mapping[str, Callable[[Splits, Path], None]] = {
    "iob2": write_iob2,
    "genia": write_genia,
    "brat": write_brat,
    "cmeee": write_cmeee,
}
