"""Long inputs: constant memory, and nothing that was done is done again after a kill."""

import functools
import json
import math
import operator
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from marking import Marker

from bionerflow.annotate import sources, work
from bionerflow.annotate.chunks import chunks
from bionerflow.annotate.inputs import inputs
from bionerflow.annotate.passages import LONGEST, sentences
from bionerflow.annotate.sources import Reading, passages
from bionerflow.annotate.work import annotate, annotate_share
from bionerflow.corpora.documents import Document
from bionerflow.corpora.writers import WRITERS
from bionerflow.utils.progress import Progress

SENTENCE = "The {n}th patient had 🧬 naïve cells, e\u0301levated protein{n} and no fever.\r\n"
PROGRAM = """
import os, re, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from marking import Marker
from bionerflow.annotate.passages import Answered, Mention
from bionerflow.annotate.sources import Reading
from bionerflow.annotate.work import annotate, annotate_share, write
from bionerflow.data.schema import Entity

class Sparse(Marker):
    calls = 0
    def __call__(self, sentences):
        self.calls += 1
        if self.calls == {last}:
            os.kill(os.getpid(), signal.SIGKILL)
        return [Answered([Mention(Entity.at("P", [(0, 3)], text))]) for text in sentences]

annotator, out = Sparse(), Path({out!r})
if {forms!r} == ["jsonl"]:
    annotate([{given!r}], Reading("en"), annotator, "jsonl", out / "jsonl")
else:
    files = list(annotate_share([{given!r}], Reading("en"), annotator, out / "parts"))
    for form in {forms!r}:
        write(files, form, out / form, {{}})
status = Path("/proc/self/status").read_text()  # ru_maxrss would have pytest's own peak in it
print(annotator.calls, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""


def text_file(path: Path, characters: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        n = written = 0
        while written < characters:
            written += file.write(SENTENCE.format(n=n))
            n += 1
    return path


def run(
    given: Path, out: Path, forms: list[str], last: int = 0
) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(
        tests=str(ROOT / "tests"), given=str(given), out=str(out), forms=forms, last=last
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=200
    )


def test_memory_does_not_grow_with_the_text(tmp_path):
    """Nor does it in the other forms, but for XMI, whose library has a document in memory."""
    peaks = []
    for size in (400_000, 1_600_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        given = text_file(folder / "long.txt", size)
        done = run(given, folder, ["pubtator", "brat", "bioc", "html", "webanno", "spacy"])
        assert done.returncode == 0, done.stderr
        assert (folder / "brat" / "long.txt").read_bytes() == given.read_bytes()
        peaks.append(int(done.stdout.split()[1]))
    assert peaks[1] - peaks[0] < 3, peaks  # MB; the text alone takes 4.8 MB more


def many_documents(folder: Path, number: int) -> Path:
    """Write so many documents in each form that holds more than one."""
    documents = [document(n) for n in range(number)]
    table = "".join(f'{d.id},"{d.text}"\n' for d in documents)
    files = {"many.csv": f"id,text\n{table}".encode()}
    for form in ("jsonl", "pubtator", "bioc_json", "bioc_xml"):
        files |= WRITERS[form](documents)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def document(number: int) -> Document:
    return Document(f"d{number}", SENTENCE.format(n=number).strip())


def test_memory_does_not_grow_with_the_number_of_documents(tmp_path):
    peaks = []
    for number in (1_000, 5_000):
        given = many_documents(tmp_path / f"in{number}", number)
        done = run(given, tmp_path / f"out{number}", ["csv"])
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split()[1]))
    assert peaks[1] - peaks[0] < 3, peaks  # MB; the texts alone take 1.4 MB more in each form


def test_a_killed_annotation_goes_on_from_the_last_finished_chunk(tmp_path):
    given = text_file(tmp_path / "long.txt", 300_000)
    killed = run(given, tmp_path, ["jsonl"], last=4)
    assert killed.returncode == -9
    assert not (tmp_path / "jsonl").exists()
    kept = list((tmp_path / ".jsonl.parts").glob("0*.jsonl"))
    resumed = run(given, tmp_path, ["jsonl"])
    whole = run(given, tmp_path / "whole", ["jsonl"])
    calls = [int(done.stdout.split()[0]) for done in (resumed, whole)]
    assert (len(kept), calls[1] - calls[0]) == (3, 3)
    assert (tmp_path / "jsonl").read_bytes() == (tmp_path / "whole" / "jsonl").read_bytes()


@pytest.fixture
def small(monkeypatch):
    """Blocks and chunks of few characters."""
    monkeypatch.setattr(sources, "BLOCK", 300)
    monkeypatch.setattr(work, "SIZE", 300)


def test_only_what_changed_is_asked_again(small, tmp_path):
    given, parts = text_file(tmp_path / "long.txt", 3000), tmp_path / "parts"
    first, again, changed, other = Marker(), Marker(), Marker(), Marker()
    other.key = "another model"
    files = list(annotate_share([str(given)], Reading("en"), first, parts))
    assert len(files) > 5
    assert list(annotate_share([str(given)], Reading("en"), again, parts)) == files
    assert again.asked == []
    given.write_bytes(given.read_bytes()[:-30] + b"changed here.\r\n")
    list(annotate_share([str(given)], Reading("en"), changed, parts))
    assert 0 < len(changed.asked) < len(first.asked) / 2
    list(annotate_share([str(given)], Reading("en"), other, parts))
    assert len(other.asked) == len(first.asked)


def test_shares_divide_the_texts_and_make_the_whole(small, tmp_path):
    given = text_file(tmp_path / "long.txt", 3000)
    paths, reading = [str(given)], Reading("en")
    whole = [f.name for f in annotate_share(paths, reading, Marker(), tmp_path / "a")]
    shares = [
        [f.name for f in annotate_share(paths, reading, Marker(), tmp_path / "b", (n, 3))]
        for n in range(3)
    ]
    assert all(shares)
    assert sorted(functools.reduce(operator.iadd, shares, [])) == whole


def test_a_stream_is_cut_between_sentences_and_is_the_text(small, tmp_path):
    given = text_file(tmp_path / "long.txt", 5000)
    with given.open(encoding="utf-8", newline="") as file:
        text = file.read()
    found = list(passages(inputs([str(given)]), Reading("en")))
    assert len(found) > 5
    assert all(text[p.start : p.start + len(p.text)] == p.text for p in found)
    assert "".join(p.text for p in found) == text
    streamed = [
        (p.start + s.start, p.start + s.end) for p in found for s in sentences(p.text, "en")
    ]
    assert streamed == [tuple(span) for span in sentences(text, "en")]
    assert {p.document for p in found} == {0}
    assert all(len(chunk) == 1 for chunk in chunks(found, 300))


@pytest.mark.parametrize("text", ["x" * 5000, "word " * 1000, "ab\u0301 " * 1000, " " * 5000])
def test_a_text_without_sentences_is_cut_all_the_same(small, text, tmp_path):
    (tmp_path / "odd.txt").write_text(text, encoding="utf-8")
    found = list(passages(inputs([str(tmp_path / "odd.txt")]), Reading("en")))
    assert "".join(p.text for p in found) == text
    assert all(len(p.text) <= 2 * 300 for p in found)
    for span in sentences(text, "en"):
        assert 0 < span.end - span.start <= LONGEST


def test_a_sentence_that_does_not_fit_is_asked_in_pieces(tmp_path):
    text = "The naïve protein " * 20 + "🧬" * 70 + ". Fine.\n"

    class Narrow(Marker):
        def fits(self, sentence):
            return len(sentence.encode()) <= 60

    annotator = Narrow()
    (tmp_path / "in.txt").write_text(text, encoding="utf-8")
    annotate([str(tmp_path / "in.txt")], Reading("en"), annotator, "jsonl", tmp_path / "out")
    assert all(annotator.fits(asked) for asked in annotator.asked)
    assert "".join("".join(annotator.asked).split()) == "".join(text.split())
    [row] = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines()]
    emoji = [one for one in row["entities"] if one["type"] == "Odd"]
    places = [text.index("🧬") + n for n in range(70)]
    assert [one["spans"] for one in emoji] == [[{"start": n, "end": n + 1}] for n in places]


def test_progress_is_told_within_a_chunk(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bionerflow.utils.progress.LONGEST", 0.0)
    given = text_file(tmp_path / "long.txt", 20_000)

    class Slow(Marker):
        def __call__(self, asked):
            inner = Progress("predict", len(asked), "queries")
            for number in range(len(asked)):
                inner.to(number + 1)
            return super().__call__(asked)

    annotate([str(given)], Reading("en"), Slow(), "jsonl", tmp_path / "out")
    said = re.findall(r"annotate: (\d+)/(\d+) kB, [\d,]+/s, 0:00:00 left", capsys.readouterr().err)
    total = math.ceil(given.stat().st_size / 1000)
    assert said == [(str(kb), str(total)) for kb in range(1, total + 1)]


def test_a_stopped_run_leaves_no_output_and_a_finished_one_no_chunks(small, tmp_path):
    given = text_file(tmp_path / "long.txt", 2000)

    class Failing(Marker):
        def __call__(self, asked):
            if len(self.asked) > 20:
                raise KeyboardInterrupt
            return super().__call__(asked)

    out = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        annotate([str(given)], Reading("en"), Failing(), "jsonl", out)
    assert not out.exists()
    summary = annotate([str(given)], Reading("en"), Marker(), "jsonl", out)
    rows = [json.loads(line) for line in out.read_text("utf-8").split("\n")[:-1]]
    assert sum(len(row["entities"]) for row in rows) == summary.counts["mentions"]
    assert {p.name for p in tmp_path.iterdir()} == {"long.txt", "out.jsonl", "out.jsonl.json"}
