"""What disks and people do to results: exchange, delay, refuse to write; and whose they are."""

import errno
import os
import re
import shutil
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest
from conftest import ROOT

from bionerflow.config.runs import RunCard
from bionerflow.corpora import download
from bionerflow.data.schema import (
    PREDICTIONS,
    read_card,
    read_examples,
    read_rows,
    write_examples,
    write_rows,
)
from bionerflow.data.shards import gather, is_kept, write_shard
from bionerflow.select.threshold import read_threshold
from bionerflow.tables.fill import read_evaluations, read_metrics
from bionerflow.utils import files
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, remove_folder, whole, whole_folder, write_result
from bionerflow.workflow import clock
from bionerflow.workflow.clock import check_clock
from bionerflow.workflow.plan.corpora import CorporaPlan

# whose a result is


def results(folder, run, number):
    """Write the JSON results of a run, in which `number` is another for each run."""
    asked = {"run": run, "corpora": {}, "formats": ["conv_term"], "predict": {}}
    written = {
        f"train/{run}/run.json": RunCard.model_validate(asked).model_dump(mode="json"),
        f"train/{run}/metrics.json": {"dev_f1": number},
        f"train/{run}/footprint.json": {"kwh": number},
        f"evaluate/{run}.json": {"predictions": run, "scores": []},
        f"select/dev/{run}+cls.json": {"threshold": number},
    }
    for name, value in written.items():
        write_result(folder / name, value)
    row = {"corpus": "c", "format": "f", "id": "1", "prompt": "", "answers": [str(number)]}
    row |= {"entities": [], "problems": []}
    write_rows(folder / f"predict/{run}.parquet", [row], PREDICTIONS, number=number)
    return written


READERS = {
    "run.json": read_json,
    "metrics.json": lambda path: read_metrics([path]),
    "footprint.json": lambda path: read_metrics([path]),
    "evaluate": lambda path: read_evaluations([path]),
    "select": lambda path: read_threshold(str(path)),
    "predict": lambda path: read_card(path.with_suffix(".parquet")),
}


@pytest.mark.parametrize("name", READERS)
def test_the_result_of_another_run_is_not_taken_for_a_run_s_own(tmp_path, name):
    folder, other = tmp_path / "results", tmp_path / "others/results"
    written = [*results(folder, "one", 0.25), "predict/one.json"]
    results(other, "two", 0.75)
    place = next(path for path in written if name in path)
    read = READERS[name]
    read(folder / place)
    shutil.copy(other / place.replace("one", "two"), folder / place)
    with pytest.raises(UserError, match=r"is another result, .*two.*: it was exchanged"):
        read(folder / place)


def test_predictions_of_another_run_are_refused_with_their_card(tmp_path):
    folder = tmp_path / "results"
    for run, number in (("one", 1), ("two", 2)):
        results(folder, run, number)
    for ending in ("parquet", "json"):
        shutil.copy(folder / f"predict/two.{ending}", folder / f"predict/one.{ending}")
    with pytest.raises(UserError, match=r"one\.json is another result, predict/two\.json"):
        read_rows(folder / "predict/one.parquet", PREDICTIONS)


def test_results_may_be_moved_renamed_and_copied_as_a_whole_and_read_over_links(tmp_path):
    results(tmp_path / "results", "one", 1)
    (tmp_path / "link.json").symlink_to(tmp_path / "results/train/one/run.json")
    assert read_json(tmp_path / "link.json")["run"] == "one"
    shutil.copytree(tmp_path / "results", tmp_path / "again/results")
    (tmp_path / "results").rename(tmp_path / "old")
    shutil.copytree(tmp_path / "old/train/one", tmp_path / "mine")
    for place in ("again/results/train/one", "old/train/one", "mine"):
        assert read_json(tmp_path / place / "run.json")["run"] == "one"


def test_a_result_in_a_folder_that_is_being_made_is_read_from_the_folder_that_is_made(tmp_path):
    with whole_folder(tmp_path / "results/models/one") as part:
        write_result(part / "x.json", {"a": 1})
    assert read_json(tmp_path / "results/models/one/x.json") == {"a": 1}


def test_shares_that_are_gathered_keep_no_place_of_their_own(tmp_path):
    shares = [tmp_path / f"results/predict/one.parts/{n}of2.parquet" for n in (1, 2)]
    for share in shares:
        write_rows(share, [], PREDICTIONS)
    gather(shares, tmp_path / "results/predict/one.parquet")
    assert read_rows(tmp_path / "results/predict/one.parquet", PREDICTIONS) == []


# shared disks


def test_a_shard_that_is_seen_late_is_done_again(tmp_path, monkeypatch, capsys):
    """Another machine's file is listed, and is not there yet when it is opened."""
    shard = tmp_path / "0.parquet"
    monkeypatch.setattr(type(shard), "exists", lambda _: True)
    assert not is_kept(shard, ["1"])
    assert "is done again" in capsys.readouterr().err


@pytest.mark.parametrize("late", ["parquet", "json"])
def test_half_of_a_result_that_is_seen_late_is_told(tmp_path, late):
    results(tmp_path, "one", 1)
    (tmp_path / f"predict/one.{late}").unlink()
    with pytest.raises((UserError, FileNotFoundError), match=r"one\.(parquet|json)"):
        read_rows(tmp_path / "predict/one.parquet", PREDICTIONS)
    write_shard(tmp_path / "0.parquet", [], PREDICTIONS, [])
    (tmp_path / f"0.{late}").unlink()
    assert not is_kept(tmp_path / "0.parquet", [])


def test_what_a_shared_disk_does_not_remove_loses_no_finished_work(tmp_path, monkeypatch, capsys):
    (tmp_path / "checkpoints/a").mkdir(parents=True)

    def refuse(path, **_):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        remove_folder(tmp_path / "checkpoints")
    assert "cannot be removed and is left" in capsys.readouterr().err
    remove_folder(tmp_path / "checkpoints")
    remove_folder(tmp_path / "checkpoints")
    assert not (tmp_path / "checkpoints").exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("step", ["mkdir", "replace", "fsync"])
@pytest.mark.parametrize("write", ["result", "rows", "folder"])
def test_a_disk_that_takes_nothing_is_told_and_leaves_nothing(
    tmp_path, monkeypatch, write, step, error
):
    def refuse(*_, **__):
        raise OSError(error, os.strerror(error))

    def folder():
        with whole_folder(tmp_path / "new/x") as part:
            (part / "file").write_text("half")

    writing = {
        "result": lambda: write_result(tmp_path / "new/x.json", {}),
        "rows": lambda: write_rows(tmp_path / "new/x.parquet", [], PREDICTIONS),
        "folder": folder,
    }
    monkeypatch.setattr(os, step, refuse)
    said = "There is no room left for" if error in files.NO_ROOM else "cannot be written"
    with pytest.raises(UserError, match=said):
        writing[write]()
    assert list(tmp_path.glob("new/*")) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_told_by_parquet_as_well(tmp_path):
    files.part_of(tmp_path / "x.parquet").symlink_to("/dev/full")
    rows = [{"id": str(n), "answers": [os.urandom(40).hex()]} for n in range(9000)]
    with pytest.raises(UserError, match="There is no room left for"):
        write_rows(tmp_path / "x.parquet", rows, PREDICTIONS)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_half_written_is_removed_by_the_next_one(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in ("x.json", "y"):
        mine = files.part_of(tmp_path / name)
        left = mine.with_name(mine.name.replace(f"-{os.getpid()}.", f"-{ended.pid}."))
        left.mkdir() if name == "y" else left.touch()
    kept = {f".x.json.of_another-{ended.pid}.part", ".x.part", files.part_of(tmp_path / "x").name}
    for other in kept:
        (tmp_path / other).touch()
    files._remove_left.cache_clear()
    write_result(tmp_path / "z.json", {})
    assert {path.name for path in tmp_path.iterdir()} == kept | {"z.json"}


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o002, 0o664, 0o775), (0o027, 0o640, 0o750)])
def test_results_have_the_rights_that_the_user_s_mask_leaves(tmp_path, mask, file, folder):
    before = os.umask(mask)
    try:
        results(tmp_path / "results", "one", 1)
        with whole_folder(tmp_path / "results/models/m") as part:
            (part / "x").write_text("")
        with whole(tmp_path / "results/a.csv") as part:
            part.write_text("")
    finally:
        os.umask(before)
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert {mode for path, mode in found.items() if path.is_file()} == {file}
    assert {mode for path, mode in found.items() if path.is_dir()} == {folder}


def test_a_clock_that_was_set_back_is_told_before_anything_is_planned(tmp_path):
    check_clock(tmp_path / "there is none")
    logs = tmp_path / "log"
    logs.mkdir()
    for name, ahead in (("a.log", -9999), ("b.log", clock.TOLERANCE / 2)):
        (logs / name).touch()
        os.utime(logs / name, (time.time() + ahead,) * 2)
    check_clock(logs)
    os.utime(logs / "a.log", (time.time() + 3600,) * 2)
    with pytest.raises(UserError, match=r"The clock is 60 minutes behind .*a\.log.*Set the clock"):
        check_clock(logs)


def test_the_corpus_of_another_name_is_refused(tmp_path):
    for name in ("one", "two"):
        write_examples(tmp_path / f"results/corpora/{name}/test.parquet", [])
    for ending in ("parquet", "json"):
        shutil.copy(*(tmp_path / f"results/corpora/{n}/test.{ending}" for n in ("two", "one")))
    with pytest.raises(UserError, match=r"one/test\.json is another result, corpora/two/test\.js"):
        list(read_examples(tmp_path / "results/corpora/one/test.parquet"))


def test_a_corpus_file_of_the_user_s_is_compared_by_content(tmp_path):
    mine = tmp_path / "mine.tsv"
    source = {"corpus": "own", "file": "a.tsv", "licence": "mine", "local": str(mine)}
    plan = SimpleNamespace(corpora={"own": SimpleNamespace(entry=lambda _: dict(source))})
    seen = set()
    for text in ("one", "two"):
        mine.write_text(text)
        seen.add(CorporaPlan.pinned(plan, "own", "a.tsv"))
    assert len(seen) == 2
    source["sha256"] = "given"
    assert '"given"' in CorporaPlan.pinned(plan, "own", "a.tsv")


# what is tried again


@pytest.fixture
def served(monkeypatch):
    """Return a list of the faults of a download's tries; it is emptied by the tries."""
    faults = []

    def urlopen(url, timeout):
        raise faults.pop(0)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(download, "PAUSE", 0)
    return faults


ENTRY = {"corpus": "c", "file": "f", "url": "https://x.org/f", "licence": "mine"}


def status(code):
    return urllib.error.HTTPError("https://x.org/f", code, "said", {}, None)


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (status(404), 2), (status(403), 2), (status(410), 2), (status(503), 0), (status(429), 0),
        (urllib.error.URLError(ConnectionResetError()), 0), (TimeoutError(), 0),
        (urllib.error.URLError(download.ssl.SSLCertVerificationError()), 2),
    ],
)  # fmt: skip
def test_a_download_that_can_never_succeed_is_tried_once(served, fault, left):
    served += [fault] * download.TRIES
    with pytest.raises(UserError, match=r"cannot be read .*Get it from"):
        download.download(ENTRY)
    assert len(served) == left


def test_no_job_is_started_again_for_what_the_user_must_correct():
    """A UserError stays one: Snakemake repeats no job, and what may pass is repeated inside it."""
    written = [*(ROOT / "workflow/rules").glob("*.smk"), *(ROOT / "profiles").rglob("*.yaml")]
    for path in written:
        text = path.read_text("utf-8")
        assert "retries" not in text, path
        assert "restart-times" not in text, path
        assert not re.search(r"\battempt\b", text), path  # of resources that grow with each try


# homes and locales


NO_HOME = {
    "HOME": "/proc/self/home",  # where not even root may make a file
    "XDG_CACHE_HOME": "/proc/self/cache",
    "XDG_CONFIG_HOME": "/proc/self/config",
    "HF_HOME": "/proc/self/hub",
    "MPLCONFIGDIR": "",
}


DRAW = """
import sys
from matplotlib.figure import Figure
from bionerflow.utils.plotting import save
figure = Figure()
figure.subplots().plot([1, 2])
save(figure, sys.argv[1])
"""


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (
            ["-P", "workflow/scripts/sample.py", "--corpus=sample_flat", "--seed=1", "--out"],
            "x.json",
        ),
        (["-c", DRAW], "x.svg"),
    ],
    ids=["a corpus", "a figure"],
)
def test_stages_need_no_home_that_can_be_written(tmp_path, command, made):
    done = subprocess.run(
        [sys.executable, *command, tmp_path / "x"],
        cwd=ROOT,
        env=os.environ | NO_HOME | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / made).stat().st_size > 0


@pytest.mark.parametrize("script", ["curate.py", "train.py", "predict.py", "select.py", "ifd.py"])
def test_every_stage_checks_the_locale_before_it_begins(script):
    text = (ROOT / "workflow/scripts" / script).read_text("utf-8")
    assert text.rstrip().endswith('if __name__ == "__main__":\n    run(main)')


#: Calls of this project's three kinds of programs.
CALLS = {
    "script": ["-c", r"from bionerflow.utils.script import run; run(lambda: print('\u60a3'))"],
    "command": ["-m", "bionerflow", "status"],
    "workflow": ["-m", "snakemake", "-n", "--nolock"],
}


@pytest.mark.parametrize("call", CALLS)
def test_a_locale_that_is_not_utf_8_is_told_before_anything_else(call):
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    done = subprocess.run(
        [sys.executable, *CALLS[call]],
        cwd=ROOT,
        env=os.environ | locale,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "The locale's encoding is ascii, not UTF-8" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
