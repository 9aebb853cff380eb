"""What config/corpora.yaml may say of a corpus. Light to import: the workflow parses it."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator

from bionerflow.config.base import FileName, Name, Settings, load

Split = Literal["train", "dev", "test"]
Options = dict[str, bool | int | str | list[int] | list[str]]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
#: What the offsets of a raw file count.
Unit = Literal[
    "characters",
    "inclusive",
    "bytes",
    "utf16",
    "crlf",
    "lf",
    "nfc",
    "nfd",
    "visible",
    "html",
    "html_quotes",
    "unescaped",
    "passages",
    "own",
]
UNITS: tuple[Unit, ...] = get_args(Unit)


class Source(Settings):
    """One raw file: where it comes from and how it is verified.

    `sha256` and `git_blob` belong to the file as it is downloaded, `mirror_sha256` to the copy in
    the mirror if that was compressed again. A file that has none of them is not verified.
    """

    url: str | None = Field(None, pattern=r"^https://", description="address, pinned to a version")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the downloaded file"
    )
    git_blob: str | None = Field(
        None, pattern=r"^[0-9a-f]{40}$", description="hash of the file as a git blob"
    )
    member: str | None = Field(None, description="name of the file in the downloaded archive")
    mirror: str | None = Field(None, description="path in the mirror, compressed or not")
    mirror_sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file in the mirror"
    )
    local: str | None = Field(None, description="path of the user's own copy")


class Part(Settings):
    """Raw files that are read together, and how their sentences go into splits."""

    files: list[str] = Field(min_length=1, description="names of raw files, in this order")
    options: Options = Field(
        {}, description="options of the reader, which override those of the corpus"
    )
    into: Split | dict[Split, int] | dict[Split, float] = Field(
        description="one split, or by split a number of sentences or a share of the documents"
    )
    order: Literal["file", "random"] = Field(
        "file", description="order in which they go into the splits"
    )
    seed: int = Field(1, description="seed of the random order (a number without unit)")

    @model_validator(mode="after")
    def _shares_are_whole(self) -> "Part":
        shares: list[float] = [] if isinstance(self.into, str) else list(self.into.values())
        if any(isinstance(share, float) for share in shares) and round(sum(shares), 9) != 1:
            raise ValueError(f"the shares make {sum(shares)}, not 1: sentences would be lost")
        return self


class Recipe(Settings):
    """What the normalised corpus depends on: its types, raw files, reader and splits."""

    language: str = Field(pattern="^[a-z]{2,3}(-[a-z]+)?$", description="language code (ISO 639)")
    types: list[str] = Field(
        min_length=1, description="entity types, in the order in which prompts list them"
    )
    type_map: dict[str, str] = Field({}, description="type by raw type; `*` matches any part")
    leave_out: list[str] = Field(
        [], description="raw types that are not read; `*` matches any part"
    )
    nested: bool = Field(False, description="entities may overlap")
    discontinuous: bool = Field(False, description="entities may have several spans")
    reader: str = Field(description="name of the reader of the raw files")
    options: Options = Field({}, description="options of the reader")
    offsets: Unit = Field("characters", description="what the offsets of mentions count")
    shift: int = Field(0, description="characters by which all offsets are too large")
    trim: bool = Field(True, description="cut white space off the edges of mentions")
    join_wrapped: bool = Field(True, description="join fragments between which is white space only")
    line_ends: bool = Field(False, description="a line end is a sentence boundary")
    max_lost: float = Field(0.5, ge=0, le=1, description="share of mentions that may be lost")
    files: dict[FileName, Source] = Field(min_length=1, description="raw files by name")
    splits: list[Part] = Field(min_length=1, description="which raw files become which split")

    @model_validator(mode="after")
    def _names_are_known(self) -> "Recipe":
        unknown = {name for part in self.splits for name in part.files} - set(self.files)
        if unknown:
            raise ValueError(f"splits name files that are not under files: {sorted(unknown)}")
        types = set(self.type_map.values()) - set(self.types)
        if types:
            raise ValueError(f"type_map leads to types that are not under types: {sorted(types)}")
        return self


class CorpusSettings(Recipe):
    """A corpus: its recipe, its names, its licence and its citation."""

    title: str = Field(description="title, as the papers print it")
    dataset: str = Field(description="name of the corpus in prompts")
    licence: str = Field(description="licence, or the terms of use")
    page: str | None = Field(None, description="where the corpus and its licence are explained")
    citation: str = Field(description="publication to cite")
    generator: Literal["sample"] | None = Field(
        None, description="generator of this project that writes the raw files"
    )

    def entry(self, name: str) -> dict[str, str]:
        """Return what fetching the raw file `name` needs, as plain strings."""
        entry = {"corpus": self.title, "file": name, "licence": self.licence}
        if self.page:
            entry["page"] = self.page
        return entry | self.files[name].model_dump(exclude_none=True)


class Corpora(Settings):
    """config/corpora.yaml."""

    corpora: dict[Name, CorpusSettings] = Field(description="the corpora by name")


def load_corpora(path: str | Path) -> dict[str, CorpusSettings]:
    """Return the corpora by name.

    Raises:
        UserError: the file says something it may not say, with the nearest valid key.
    """
    return load(Corpora, path).corpora
