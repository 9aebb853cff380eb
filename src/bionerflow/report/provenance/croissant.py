"""A corpus's splits as a Croissant description (MLCommons, 1.0), which data loaders read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlcroissant as mlc

from bionerflow.config.corpora import SPLITS
from bionerflow.data.schema import read_card
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_json

PARQUET = "application/x-parquet"
#: Columns of a split (schema.EXAMPLES) with what they hold.
COLUMNS = {
    "id": "The sentence's identifier.",
    "doc_id": "The identifier of the sentence's document.",
    "language": "The language of the text (ISO 639-1).",
    "text": "The sentence.",
}
#: What is told of each entity: its place in the column `entities`, its kind of value, its meaning.
ENTITY = {
    "type": ("[*].type", mlc.DataType.TEXT, "The type of the mention."),
    "text": ("[*].text", mlc.DataType.TEXT, "The covered text, fragments joined by one space."),
    "start": (
        "[*].spans[0].start",
        mlc.DataType.INTEGER,
        "Where the first fragment begins, in Unicode code points of the text.",
    ),
}


def write_croissant(out: Path, corpus: str, about: Mapping[str, Any]) -> None:
    """Write the description of the splits that lie beside `out`.

    `about` says title, citation, licence and page of the corpus. The splits' checksums are those
    of their cards.

    Raises:
        UserError: the description is not valid Croissant.
    """
    metadata = mlc.Metadata(
        name=corpus,
        description=f"{about['title']}: sentences with typed mentions of named entities.",
        license=[about["licence"]],
        cite_as=about["citation"],
        url=about.get("page"),
        in_language=[about["language"]],
        distribution=[_file(out.parent / f"{split}.parquet") for split in SPLITS],
        record_sets=[_records(split) for split in SPLITS],
    )
    errors = metadata.ctx.issues.errors
    if errors:
        raise UserError(f"{corpus}: no valid Croissant: {'; '.join(sorted(errors))}")
    write_json(out, metadata.to_json())


def _file(path: Path) -> mlc.FileObject:
    return mlc.FileObject(
        id=path.name,
        name=path.name,
        content_url=path.name,
        encoding_formats=[PARQUET],
        sha256=read_card(path)["sha256"],
    )


def _records(split: str) -> mlc.RecordSet:
    columns = [
        mlc.Field(
            id=f"{split}/{name}",
            name=name,
            description=description,
            data_types=[mlc.DataType.TEXT],
            source=_source(split, name),
        )
        for name, description in COLUMNS.items()
    ]
    parts = [
        mlc.Field(
            id=f"{split}/entities/{name}",
            name=name,
            description=description,
            data_types=[kind],
            repeated=True,
            source=_source(split, "entities", place),
        )
        for name, (place, kind, description) in ENTITY.items()
    ]
    entities = mlc.Field(
        id=f"{split}/entities",
        name="entities",
        description="The mentions of the sentence. The column `spans` has all their fragments.",
        repeated=True,
        sub_fields=parts,
    )
    return mlc.RecordSet(id=split, name=split, fields=[*columns, entities])


def _source(split: str, column: str, place: str | None = None) -> mlc.Source:
    return mlc.Source(
        file_object=f"{split}.parquet",
        extract=mlc.Extract(column=column),
        transforms=[mlc.Transform(json_path=place)] if place else [],
    )
