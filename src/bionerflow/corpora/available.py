"""Which corpora can be counted here. Light to import: the workflow asks while it is planned."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bionerflow.config.corpora import CorpusSettings
from bionerflow.config.counts import CountedRow, CountedTable, Counts
from bionerflow.corpora.download import in_mirror


@dataclass(frozen=True)
class AtHand:
    """The corpora that tables over all corpora can rest on, and why they leave out the others.

    A raw file is at hand where it was fetched before, is the user's own copy or lies in the mirror;
    without a mirror, where it has an address and the experiments fetch it anyway. Such tables fetch
    nothing for themselves, so that who has no network gets them, too.
    """

    corpora: Mapping[str, CorpusSettings]
    used: Collection[str]
    exclude: Collection[str]
    mirror: str

    def lacking(self, corpus: str) -> str:
        """Return why a corpus is left out, or nothing.

        Raises:
            UserError: the mirror is not a folder.
        """
        if corpus not in self.corpora:
            return "not among the configuration's corpora"
        if corpus in self.exclude:
            return "left out by the configuration"
        files = self.corpora[corpus].files
        absent = [name for name in files if not self._has(corpus, name)]
        if not absent:
            return ""
        by_hand = any(not files[name].url for name in absent)
        why = "to be fetched by hand" if by_hand else "not fetched before, and not in the mirror"
        return f"{', '.join(absent)}: {why}"

    def _has(self, corpus: str, name: str) -> bool:
        source = self.corpora[corpus].files[name]
        if source.local or Path("results", "raw", corpus, name).is_file():
            return True
        if not self.mirror:
            return source.url is not None and corpus in self.used
        return in_mirror(self.corpora[corpus].entry(name), Path(self.mirror)) is not None

    def by_hand(self, corpus: str) -> list[str]:
        """Return the raw files of a corpus that are not here and that no script can fetch.

        Raises:
            UserError: the mirror is not a folder.
        """
        files = self.corpora[corpus].files
        return [n for n, file in files.items() if not file.url and not self._is_here(corpus, n)]

    def _is_here(self, corpus: str, name: str) -> bool:
        local = self.corpora[corpus].files[name].local
        return Path(local).expanduser().is_file() if local else self._has(corpus, name)

    def fetched(self) -> dict[str, str]:
        """Return every corpus that is not generated, with why it is left out, or nothing."""
        names = (name for name, corpus in self.corpora.items() if not corpus.generator)
        return {name: self.lacking(name) for name in names}

    def compared(self) -> list[str]:
        """Return the splits, without ending, among which leakage is looked for."""
        names = [corpus for corpus, reason in self.fetched().items() if not reason]
        return [f"results/corpora/{c}/{split}" for c in names for split in ("train", "test")]

    def counted(self, table: Counts) -> CountedTable:
        """Return a table with each corpus's title, and the reason where it cannot be counted."""
        rows = [
            CountedRow(
                corpus=corpus,
                title=self.corpora[corpus].title if corpus in self.corpora else corpus,
                published=printed,
                reason=self.lacking(corpus),
            )
            for corpus, printed in table.rows.items()
        ]
        columns = list(table.columns.items())
        return CountedTable(title=table.title, caption=table.caption, rows=rows, columns=columns)
