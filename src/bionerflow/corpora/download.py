"""Raw files: from the mirror if there is one, else from their address; verified."""

import csv
import hashlib
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import yaml

from bionerflow.corpora.archives import gunzip, members
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import whole, write_text

TIMEOUT = 60
CHUNK = 1 << 18


def fetch(entry: Mapping[str, str], destination: str | Path, mirror: str | Path = "") -> None:
    """Put one raw file at `destination`, whole and verified, or leave nothing there.

    Its SHA-256 is written beside it (`{destination}.sha256`): small, so that the workflow compares
    it by content, and a record of what came where nothing was known to verify it with.
    `entry` is `CorpusSettings.entry(name)`. A user's own copy (`local`) comes first, then the
    mirror, then the address.

    Raises:
        UserError: the file is nowhere, or is not the file that the entry names.
    """
    data = found(entry, mirror)
    with whole(destination) as part:
        part.write_bytes(data)
    write_text(f"{destination}.sha256", f"{sha256(data)}\n")


def about(corpora: str | Path, corpus: str) -> dict[str, str]:
    """Return a corpus's licence and page from config/corpora.yaml, which errors tell the user.

    They are read here, and no parameters of the download, so that an edit fetches nothing anew.
    Neither is the name of the file: a corpus may stand in another one, as its next version's does.
    """
    text = Path(corpora).read_text(encoding="utf-8") if Path(corpora).is_file() else "corpora: {}"
    settings = {"licence": "not known"} | yaml.safe_load(text)["corpora"].get(corpus, {})
    return {key: settings[key] for key in ("licence", "page") if key in settings}


def found(entry: Mapping[str, str], mirror: str | Path) -> bytes:
    """Return the verified content of the file."""
    if "local" in entry:
        path = Path(entry["local"]).expanduser()
        if not path.is_file():
            raise UserError(f"{label(entry)}: there is no file {path}. {advice(entry)}")
        return verified(entry, path.read_bytes(), str(path))
    kept = in_mirror(entry, Path(mirror)) if mirror else None
    if kept:
        return verified(entry, kept.read_bytes(), str(kept))
    if "url" in entry:
        return verified(entry, download(entry), entry["url"])
    raise UserError(f"{label(entry)} cannot be fetched by a script. {advice(entry)}")


def in_mirror(entry: Mapping[str, str], mirror: Path) -> Path | None:
    """Return the mirror's copy: at the entry's path, or of its checksum in MANIFEST.tsv."""
    if not mirror.is_dir():
        raise UserError(f"The mirror {mirror} is not a folder: mend `mirror` or leave it out.")
    if "mirror" in entry:
        stem = entry["mirror"].removesuffix(".gz")
        for name in (stem, f"{stem}.gz"):
            if (mirror / name).is_file():
                return mirror / name
    wanted = {entry.get("sha256"), entry.get("mirror_sha256")} - {None}
    for row in manifest(mirror):
        path = mirror / row["path"]
        if row["sha256"] in wanted and path.resolve().is_relative_to(mirror.resolve()):
            return path if path.is_file() else None
    return None


def manifest(mirror: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of the mirror's MANIFEST.tsv (columns path and sha256 at least)."""
    path = mirror / "MANIFEST.tsv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def verified(entry: Mapping[str, str], data: bytes, where: str) -> bytes:
    """Return the raw file that `data` holds, packed or not.

    Raises:
        UserError: no checksum of the entry fits.
    """
    checks = {key: entry[key] for key in ("sha256", "git_blob", "mirror_sha256") if key in entry}
    content = gunzip(where, data)
    if checks.get("mirror_sha256") == sha256(data):
        return content
    for served in (data, content):
        if checks.get("sha256") == sha256(served) or checks.get("git_blob") == git_blob(served):
            return unpacked(entry, served, where)
    if checks:
        wanted = ", ".join(f"{key} {value}" for key, value in checks.items())
        raise UserError(
            f"{label(entry)}: {where} is not the expected file (found sha256 {sha256(data)}, "
            f"expected {wanted}): it was altered or cut. {advice(entry)}"
        )
    print(f"{label(entry)}: unverified, sha256 {sha256(data)}", file=sys.stderr)
    return unpacked(entry, data, where)


def unpacked(entry: Mapping[str, str], data: bytes, where: str) -> bytes:
    """Return the archive's member that the entry names, or the data themselves."""
    if "member" not in entry:
        return data
    found = members(where, data)
    if entry["member"] not in found:
        raise UserError(f"{label(entry)}: {where} has no member {entry['member']}.")
    return found[entry["member"]]


def download(entry: Mapping[str, str]) -> bytes:
    """Return what the address serves, with a line of progress on standard error."""
    url = entry["url"]
    if not url.startswith("https://"):
        raise UserError(f"{label(entry)}: {url} is not an https address.")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310
            return b"".join(chunks(answer, label(entry)))
    except (urllib.error.URLError, HTTPException, OSError) as error:
        raise UserError(
            f"{label(entry)}: {url} cannot be read ({error}). {advice(entry)}"
        ) from None


def chunks(answer: HTTPResponse, name: str) -> Iterator[bytes]:
    """Yield an answer's body and show how far it is."""
    total, done = int(answer.headers.get("Content-Length") or 0), 0
    while chunk := answer.read(CHUNK):
        done += len(chunk)
        share = f" of {total / 1e6:.1f}" if total else ""
        print(f"\r{name}: {done / 1e6:.1f}{share} MB", end="", file=sys.stderr, flush=True)
        yield chunk
    print(file=sys.stderr)
    if total and done != total:
        raise HTTPException(f"{done} of {total} bytes came")


def label(entry: Mapping[str, str]) -> str:
    """Name the file for the user."""
    return f"{entry['corpus']}, {entry['file']}"


def advice(entry: Mapping[str, str]) -> str:
    """Say where the file is to be had and under which licence."""
    if "local" in entry and "sha256" in entry:
        return "If you changed it, enter it anew with `bionerflow new-corpus`."
    places = [entry[key] for key in ("url", "page") if key in entry]
    return (
        f"Get it from {' or '.join(places) or 'its authors'} (licence: {entry['licence']}), "
        f"and name it as `local` in config/corpora.yaml or its folder as `mirror`."
    )


def sha256(data: bytes) -> str:
    """Return the SHA-256 of the data in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def git_blob(data: bytes) -> str:
    """Return the id that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
