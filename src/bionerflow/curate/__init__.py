"""A run's training set: which sentences, in which output format, and why.

Sentences are drawn first, then each gets one of the run's formats at random (mfner, section 3.2)
and, where a format asks for one type a query, one of its queries: configurations are compared on
equal numbers of conversations. Then a strategy keeps positives by their IFD scores, and negatives
all (bioselecttune).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from bionerflow.config.stages import CurateSettings
from bionerflow.curate.alternate import alternate
from bionerflow.curate.judge import Verdict, judge, read_scores
from bionerflow.data.sampling import choose, draw, rank
from bionerflow.data.schema import CONVERSATIONS, KEPT, open_rows, write_table
from bionerflow.formats import FORMATS
from bionerflow.utils.errors import UserError


def curate(
    rendered: Path,
    corpora: Mapping[str, bool],
    formats: Sequence[str],
    settings: CurateSettings,
    seed: int,
    scores: Iterable[Path],
    out: Path,
) -> None:
    """Write `train.parquet`, `dev.parquet` and `kept.parquet` with their cards into `out`.

    `corpora` says by name whether a corpus has discontinuous entities: such a corpus is left out of
    formats that cannot carry them. Of a dev sentence all queries of its format are kept.
    """
    allowed = {
        corpus: [f for f in formats if FORMATS[f].carries_all_of(discontinuous)]
        for corpus, discontinuous in corpora.items()
    }
    train, dev = (
        pa.concat_tables(
            sample(
                rendered / corpus,
                split,
                allowed[corpus],
                _limit(settings, corpus, split),
                seed,
                every_query=split == "dev" or settings.queries == "all",
            )
            for corpus in corpora
        )
        for split in ("train", "dev")
    )
    verdicts = judge(train, read_scores(scores, settings), settings, seed)
    chosen = interleave(train.filter(pa.array([v.kept for v in verdicts], pa.bool_())), seed)
    if not chosen.num_rows:
        raise UserError(f"No training sentence is left for {out}: see its corpora and strategy.")
    barred = {corpus: [f for f in formats if f not in names] for corpus, names in allowed.items()}
    write_table(out / "train.parquet", chosen, counts=_counts(chosen), barred=barred)
    write_table(out / "dev.parquet", dev, counts=_counts(dev), barred=barred)
    kept = _kept(train, verdicts)
    write_table(
        out / "kept.parquet", kept, reasons=_reasons(kept), settings=settings.model_dump(),
        ifd_at_least_one=_at_least_one(kept),
    )  # fmt: skip


def _limit(settings: CurateSettings, corpus: str, split: str) -> int | None:
    return settings.dev if split == "dev" else settings.limits.get(corpus, settings.train)


def sample(
    folder: Path, split: str, formats: Sequence[str], n: int | None, seed: int, *, every_query: bool
) -> pa.Table:
    """Draw `n` sentences of a rendered corpus, each in one of `formats`; rows of CONVERSATIONS.

    A sentence has one of its format's queries, chosen at random, or every query.
    """
    files = {name: open_rows(folder / f"{split}.{name}.parquet", CONVERSATIONS) for name in formats}
    places = {name: _places(file.read(["id"])["id"]) for name, file in files.items()}
    chosen: dict[str, list[int]] = {name: [] for name in formats}
    for id in draw(chain.from_iterable(places.values()), n, seed):
        name = choose([name for name in formats if id in places[name]], id, f"{seed}:format")
        rows = places[name][id]
        chosen[name] += rows if every_query else [choose(rows, id, f"{seed}:query")]
    parts = (
        files[name].read(CONVERSATIONS.names).take(pa.array(rows, pa.int64()))
        for name, rows in chosen.items()
    )
    return pa.concat_tables([CONVERSATIONS.empty_table(), *parts])


def _places(ids: pa.ChunkedArray) -> dict[str, list[int]]:
    """Return the row numbers of each sentence's queries."""
    places: dict[str, list[int]] = {}
    for n, id in enumerate(ids.to_pylist()):
        places.setdefault(id, []).append(n)
    return places


def interleave(table: pa.Table, seed: int) -> pa.Table:
    """Shuffle by seed, corpora mixed; languages alternate as far as they last (unified II.B)."""
    corpora, ids = table["corpus"].to_pylist(), table["id"].to_pylist()
    languages = table["language"].to_pylist()
    order = sorted(
        range(table.num_rows), key=lambda n: (rank(f"{corpora[n]}:{ids[n]}", f"{seed}:order"), n)
    )
    return table.take(pa.array(alternate(order, languages), pa.int64()))


def _kept(train: pa.Table, verdicts: Sequence[Verdict]) -> pa.Table:
    """Return the rows of KEPT: what became of each drawn sentence."""
    columns = {name: train[name] for name in ("id", "corpus", "format", "text")}
    columns |= {name: [v[n] for v in verdicts] for n, name in enumerate(Verdict._fields)}
    return pa.table(columns, schema=KEPT)


def _counts(table: pa.Table) -> dict[str, dict[str, int]]:
    """Count conversations by corpus and format."""
    counts: dict[str, dict[str, int]] = {}
    for row in table.group_by(["corpus", "format"]).aggregate([([], "count_all")]).to_pylist():
        counts.setdefault(row["corpus"], {})[row["format"]] = row["count_all"]
    return counts


def _at_least_one(kept: pa.Table) -> dict[str, dict[str, int]]:
    """Count by corpus the conversations with an IFD of one and above, kept and dropped."""
    counts: dict[str, dict[str, int]] = {}
    high = kept.filter(pc.greater_equal(kept["ifd"], 1))
    for row in high.group_by(["corpus", "kept"]).aggregate([([], "count_all")]).to_pylist():
        what = "kept" if row["kept"] else "dropped"
        counts.setdefault(row["corpus"], {})[what] = row["count_all"]
    return counts


def _reasons(kept: pa.Table) -> dict[str, dict[str, int]]:
    """Count by corpus what was kept and dropped for which reason."""
    counts: dict[str, dict[str, int]] = {}
    keys = ["corpus", "kept", "reason"]
    for row in kept.group_by(keys).aggregate([([], "count_all")]).to_pylist():
        what = f"{'kept' if row['kept'] else 'dropped'}: {row['reason']}"
        counts.setdefault(row["corpus"], {})[what] = row["count_all"]
    return counts
