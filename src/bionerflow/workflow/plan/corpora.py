"""What the rules of the first stages look up: raw files, corpora, their prompts."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from bionerflow.config.corpora import Recipe
from bionerflow.utils.errors import UserError
from bionerflow.workflow.plan.base import BasePlan, as_json

#: What diagnostics say of a corpus.
METADATA = {
    "title", "dataset", "language", "licence", "page", "citation", "types", "nested",
    "discontinuous",
}  # fmt: skip


class CorporaPlan(BasePlan):
    """Look-ups by corpus."""

    def announce(self) -> None:
        """Tell jobs, by environment, where files come from: it changes nothing that follows.

        Downloads, local jobs all, are told of the mirror, and of the file that says whose the
        corpora are. Only `prefetch`, local too, asks the Hub: compute nodes need no network.
        """
        os.environ["BIONERFLOW_CORPORA"] = self.config.corpora
        os.environ["BIONERFLOW_MIRROR"] = self.config.mirror
        os.environ["HF_HUB_OFFLINE"] = "1"

    def raw(self, corpus: str) -> list[str]:
        """Return the raw files of a corpus that is fetched."""
        return [f"results/raw/{corpus}/{file}" for file in self.corpora[corpus].files]

    def to_bring(self, corpora: Iterable[str]) -> list[str]:
        """Return a line per corpus with files that the user must bring, and one to do without."""
        absent = {name: self.at_hand.by_hand(name) for name in dict.fromkeys(corpora)}
        absent = {name: files for name, files in absent.items() if files}
        lines = [self._to_bring(name, files) for name, files in absent.items()]
        without = f"To do without, add to the configuration: exclude: [{', '.join(absent)}]"
        return [*lines, without] if lines else []

    def _to_bring(self, corpus: str, files: list[str]) -> str:
        its = self.corpora[corpus]
        place = f" from {its.page}" if its.page else ""
        return (
            f"{corpus}: bring {', '.join(files)}{place} (licence: {its.licence}); name it as "
            "`local` in config/corpora.yaml or its folder as `mirror`."
        )

    def pinned(self, corpus: str, file: str) -> str:
        """Return what fetching a raw file rests on; its licence does not matter."""
        entry = self.corpora[corpus].entry(file)
        return as_json({key: entry[key] for key in entry.keys() - {"licence", "page"}})

    def reading(self, corpus: str) -> str:
        """Return what normalising a corpus rests on; where its files come from does not matter."""
        settings = self.corpora[corpus].model_dump(mode="json", include=set(Recipe.model_fields))
        return as_json({**settings, "files": {name: {} for name in settings["files"]}})

    def asking(self, corpus: str) -> str:
        """Return what prompts say of a corpus."""
        settings = self.corpora[corpus]
        return as_json(
            {
                "dataset": settings.dataset,
                "language": settings.language,
                "types": settings.types,
                "nested": settings.nested,
                "discontinuous": settings.discontinuous,
            }
        )

    def said(self, corpus: str, format: str) -> str:
        """Return what prompts say in a format: of the texts of all papers what a corpus needs."""
        from bionerflow.formats import format_named
        from bionerflow.formats.prompts import said

        return as_json(said(format_named(format), self.corpora[corpus].language))

    def metadata(self, corpus: str) -> dict[str, Any]:
        """Return what the configuration says of a corpus, with the checksums of its files."""
        settings = self.corpora[corpus]
        files = {name: source.sha256 or "not pinned" for name, source in settings.files.items()}
        return settings.model_dump(mode="json", include=METADATA) | {"files": files}

    def definitions(self, corpus: str) -> list[str]:
        """Return the file that defines a corpus's types, if there is one.

        Variants of a corpus, which prompts call by the same name, share a file.
        """
        dataset = self.corpora[corpus].dataset
        alike = [name for name, its in self.corpora.items() if its.dataset == dataset]
        files = [self.place("resources", "definitions", f"{c}.yaml") for c in (corpus, *alike)]
        return [file for file in files if Path(file).is_file()][:1]

    def grammar(self, corpus: str) -> list[str]:
        """Return the files that a synthetic corpus is generated from: its grammar and lexicons."""
        file = Path(self.place("resources", "sample", f"{corpus}.yaml"))
        if not file.is_file():
            raise UserError(f"There is no grammar {file} for the corpus '{corpus}'.")
        lexicons = yaml.safe_load(file.read_text(encoding="utf-8"))["lexicons"]
        return [str(file), str(file.with_name(lexicons))]

    def names(self, *, generated: bool) -> list[str]:
        """Return the corpora that the project generates itself, or those it does not."""
        return [
            name for name, corpus in self.corpora.items() if bool(corpus.generator) == generated
        ]
