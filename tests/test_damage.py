"""Damage is noticed: no flipped byte, cut or exchanged file is read as another result."""

import errno
import json
import os
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import SafetensorError
from tiny import tiny_model

from bionerflow.annotate import chunks
from bionerflow.annotate.chunks import file_of, keep
from bionerflow.annotate.model import _key as annotators_key
from bionerflow.annotate.passages import Answered, Passage
from bionerflow.config.stages import SelectorSettings, TrainSettings
from bionerflow.data.schema import PREDICTIONS, SCORES, card_of, read_card, read_rows, write_rows
from bionerflow.data.shards import gather, is_kept, write_shard
from bionerflow.evaluate.mentions import read_sample
from bionerflow.models import recorded
from bionerflow.models.loading import load_base, load_tokenizer, save
from bionerflow.models.recorded import RECORD, record, recorded_base
from bionerflow.select.kinds import build, load
from bionerflow.train.finetune import adapted
from bionerflow.train.trainer import WHOLE, last_checkpoint
from bionerflow.utils import files
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, read_result, sha256, whole, write_json, write_result

IDS = [str(n) for n in range(40)]


def rows(offset=0):
    return [
        {
            "corpus": "c",
            "format": "conv_term",
            "id": id,
            "prompt": "",
            "answers": [f"answer {int(id) + offset}"],
            "entities": [],
            "problems": [],
        }
        for id in IDS
    ]


class Kept:
    """A result of each kind, and of each kind of checkpoint; and what reads them."""

    def __init__(self, folder, offset=0):
        self.folder = folder
        folder.mkdir(parents=True)
        self.predictions, self.shard, self.json = (
            folder / name for name in ("run.parquet", "00000.parquet", "metrics.json")
        )
        write_rows(self.predictions, rows(offset), PREDICTIONS, problems={"malformed": offset})
        write_shard(self.shard, rows(offset), PREDICTIONS, [offset, *IDS[1:]])
        write_result(self.json, {"dev_f1": 0.5 + offset, "curve": [{"step": 5, "loss": 1.25}]})
        checkpoint(folder / "training", 5, weights=bytes([offset] * 100))
        self.model = folder / "model"
        self.model.mkdir()
        for name in ("config.json", "model.safetensors"):
            (self.model / name).write_bytes(bytes([offset] * 100))
        record(self.model)
        chunk = [Passage(offset, "id", 0, f"Text {offset}. " * 9)]
        self.chunk = file_of(folder, 0, chunk, "key")
        keep(self.chunk, chunk, nothing)

    def read(self):
        """Return all that is read; what is damaged is None."""
        return [
            tried(lambda: read_rows(self.predictions, PREDICTIONS)),
            tried(lambda: read_card(self.predictions)),
            (is_kept(self.shard, [0, *IDS[1:]]) and read_rows(self.shard, PREDICTIONS)) or None,
            tried(lambda: read_result(self.json)),
            tried(self.training),
            tried(lambda: recorded.check(self.model) or contents(self.model, {RECORD})),
            tried(lambda: list(chunks.kept([self.chunk]))),
        ]

    def training(self):
        """Return the files from which a training goes on."""
        last = last_checkpoint(self.folder / "training")
        return last and contents(Path(last), {WHOLE})

    def counterpart(self, other, path):
        """Return the file of another Kept that is to it what `path` is to this one."""
        if path == self.chunk:
            return other.chunk
        return other.folder / path.relative_to(self.folder)


def nothing(texts):
    """Find nothing in any text, as an annotator that chunks can ask."""
    return [Answered() for _ in texts]


nothing.language, nothing.fits = "en", lambda text: True


def contents(folder, but):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in but}


def tried(read):
    try:
        return read()
    except (UserError, FileNotFoundError):
        return None


def damage(path, other, random_):
    """Damage a file as disks, networks and people do: flips, cuts, zeros, inserted bytes, swaps."""
    data = bytearray(path.read_bytes())
    place = random_.randrange(len(data))
    match random_.randrange(5):
        case 0:
            data[place] ^= 1 << random_.randrange(8)
        case 1:
            data = data[:place]
        case 2:
            end = min(len(data), place + random_.randrange(1, 64))
            data[place:end] = bytes(end - place)
        case 3:
            data = bytearray(other.read_bytes())
        case 4:
            data[place:place] = random_.randbytes(random_.randrange(1, 9))
    path.write_bytes(data)


def damages(folder, times, seed):
    """Damage one file at a time; return how many damages were noticed, and how many were made."""
    kept, other = Kept(folder / "results/kept"), Kept(folder / "results/other", offset=1)
    right = kept.read()
    assert None not in right
    originals = {path: path.read_bytes() for path in kept.folder.rglob("*") if path.is_file()}
    random_, noticed, made = random.Random(seed), 0, 0
    for _ in range(times):
        path = random_.choice(sorted(originals))
        damage(path, kept.counterpart(other, path), random_)
        changed = path.read_bytes() != originals[path]
        read = kept.read()
        for found, expected in zip(read, right, strict=True):
            assert found in (None, expected), (path.name, found)
        made += changed
        noticed += None in read
        for name, data in originals.items():
            if name == path or not name.exists():
                name.write_bytes(data)
    assert kept.read() == right
    return noticed, made


def test_no_random_damage_is_taken_as_whole(tmp_path):
    noticed, made = damages(tmp_path, 200, seed=1)
    assert noticed >= 0.95 * made > 150  # a byte of white space in JSON changes nothing


@pytest.mark.long
def test_no_damage_of_ten_thousand_is_taken_as_whole(tmp_path):
    noticed, made = damages(tmp_path, 10_000, seed=2)
    assert noticed >= 0.95 * made > 8000


def test_a_damaged_result_is_named_with_what_to_do(tmp_path):
    kept = Kept(tmp_path / "kept")
    kept.predictions.write_bytes(kept.predictions.read_bytes()[:-1])
    for read in (
        lambda: read_rows(kept.predictions, PREDICTIONS),
        lambda: read_sample(kept.predictions, tmp_path),
        lambda: gather([kept.predictions], tmp_path / "out.parquet"),
    ):
        with pytest.raises(UserError, match=r"run.parquet is damaged: .* Remove it, and run again"):
            read()


def test_a_result_without_its_card_and_a_card_of_another_are_refused(tmp_path):
    kept = Kept(tmp_path / "kept")
    shutil.copy(card_of(Kept(tmp_path / "other", 1).predictions), card_of(kept.predictions))
    with pytest.raises(UserError, match="is damaged"):
        read_rows(kept.predictions, PREDICTIONS)
    card_of(kept.predictions).unlink()
    with pytest.raises(UserError, match=r"there is no .*run\.json beside it"):
        read_rows(kept.predictions, PREDICTIONS)


@pytest.mark.parametrize("of", [IDS[:-1], IDS[::-1], [*IDS[:-1], "x"]], ids=["less", "order", "x"])
def test_a_shard_of_other_sentences_is_named_and_done_again(tmp_path, capsys, of):
    write_shard(tmp_path / "s.parquet", rows(), PREDICTIONS, IDS)
    assert is_kept(tmp_path / "s.parquet", IDS)
    assert not is_kept(tmp_path / "s.parquet", of)
    assert "s.parquet is not whole and is done again" in capsys.readouterr().err
    assert not (tmp_path / "s.parquet").exists()


def test_a_shard_that_lacks_rows_is_done_again(tmp_path, capsys):
    write_shard(tmp_path / "s.parquet", rows()[:-1], PREDICTIONS, IDS)
    assert not is_kept(tmp_path / "s.parquet", IDS)
    assert "it has 39 rows, not 40" in capsys.readouterr().err


def test_a_file_of_another_make_is_no_shard(tmp_path, capsys):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "s.parquet")
    assert not is_kept(tmp_path / "s.parquet", IDS)


def test_shards_are_gathered_without_what_each_says_of_itself(tmp_path):
    write_shard(tmp_path / "s.parquet", [], SCORES, [])
    gather([tmp_path / "s.parquet"], tmp_path / "all.parquet")
    assert read_rows(tmp_path / "all.parquet", SCORES) == []


def test_a_piece_of_annotated_text_in_the_place_of_another_is_done_again(tmp_path):
    one, other = (Kept(tmp_path / name, offset).chunk for offset, name in enumerate("ab"))
    assert chunks.is_kept(one)
    shutil.copy(other, one)
    assert not chunks.is_kept(one)


def test_an_annotation_rests_on_what_is_in_files_and_not_on_their_times(tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    os.utime(file, (1, 1))
    key = annotators_key({}, [file])
    os.utime(file, (2, 2))
    assert annotators_key({}, [file]) == key
    file.write_bytes(b"two")
    os.utime(file, (1, 1))
    assert annotators_key({}, [file]) != key


def test_a_file_that_stays_is_read_once_and_a_changed_one_again(tmp_path, monkeypatch):
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    first = sha256(file)
    file.write_bytes(b"two")  # within a step of the file system's clock, and of the same size
    assert sha256(file) != first
    os.utime(file, (1, 1))
    second = sha256(file)
    monkeypatch.setattr(files.hashlib, "file_digest", None)
    assert sha256(file) == second
    os.utime(file, (2, 2))
    with pytest.raises(TypeError):
        sha256(file)


def test_results_are_on_the_disk_before_they_have_their_name(tmp_path, monkeypatch):
    done, replace = [], os.replace
    monkeypatch.setattr(files, "flush", lambda path: done.append(path.name.split(".")[-1]))
    monkeypatch.setattr(os, "replace", lambda *a: done.append("replace") or replace(*a))
    write_json(tmp_path / "result.json", {})
    assert done == ["part", "replace", tmp_path.name]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_and_a_used_quota_are_told_and_leave_nothing(tmp_path, error):

    def fill():
        with whole(tmp_path / "x.json") as part:
            part.write_text("half")
            raise OSError(error, "full")

    with pytest.raises(UserError, match=r"no room left for .*x\.json: the disk is full"):
        fill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_told_and_used(tmp_path, monkeypatch, capsys, error):
    def refuse(*_):
        raise OSError(error, "no locks")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    with (tmp_path / "lock").open("w") as file:
        assert files.lock(file.fileno(), tmp_path / "lock")
    assert "cannot be locked on this file system" in capsys.readouterr().err


# what models rest on


NO_ROOM = [
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
]


@pytest.mark.parametrize("fault", NO_ROOM, ids=["full", "quota"])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_full_disk_is_told_while_a_trained_model_is_saved(tmp_path, monkeypatch, method, fault):
    base = tiny_model(tmp_path / "base")
    model = adapted(base, TrainSettings(method=method))

    def refuse(*_, **__):
        raise fault

    monkeypatch.setattr(model, "save_pretrained", refuse)
    with pytest.raises(UserError, match=r"There is no room left for .*run/model: the disk is full"):
        save(model, load_tokenizer(base), tmp_path / "run/model")


@pytest.fixture
def run(tmp_path):
    """Return the folder of an adapter whose base lies beside it."""
    base = tiny_model(tmp_path / "results/models/base")
    folder = tmp_path / "results/train/run/model"
    save(adapted(base, TrainSettings(method="lora")), load_tokenizer(base), folder)
    return folder


def test_the_base_of_an_adapter_is_found_from_the_run_wherever_one_works(
    run, tmp_path, monkeypatch
):
    elsewhere = tmp_path / "elsewhere"
    tiny_model(elsewhere / "results/models/base", intermediate_size=32)
    monkeypatch.chdir(elsewhere)
    assert recorded_base(run) == tmp_path / "results/models/base"
    shutil.move(tmp_path / "results", tmp_path / "moved")
    assert recorded_base(tmp_path / "moved/train/run/model") == tmp_path / "moved/models/base"


def test_another_model_in_the_place_of_the_base_is_refused(run, tmp_path):
    shutil.rmtree(tmp_path / "results/models/base")
    with pytest.raises(UserError, match=r"There is no model in .*the base model of"):
        recorded_base(run)
    tiny_model(tmp_path / "results/models/base", intermediate_size=32)
    with pytest.raises(UserError, match=r"is not the one that .* was trained on"):
        recorded_base(run)


def test_exchanged_weights_and_templates_of_a_run_are_refused(tmp_path):
    base = tiny_model(tmp_path / "base")
    save(load_base(base), load_tokenizer(base), tmp_path / "run")
    for name in ("model.safetensors", "tokenizer.json", "chat_template.jinja"):
        before = (tmp_path / "run" / name).read_bytes()
        (tmp_path / "run" / name).write_bytes(before + b" ")
        with pytest.raises(UserError, match=f"{name} is damaged"):
            load_base(tmp_path / "run")
        (tmp_path / "run" / name).write_bytes(before)
    (tmp_path / "run" / RECORD).write_text("{}")
    with pytest.raises(UserError, match="is damaged: it has no checksum"):
        load_base(tmp_path / "run")


def test_a_selector_refuses_other_weights_and_another_base(tmp_path):
    base = tiny_model(tmp_path / "base")
    build(base, SelectorSettings(kind="llm_cls", base="tiny"), ["DNA"]).save(tmp_path / "model")
    load(tmp_path / "model")
    weights = tmp_path / "model/selector.safetensors"
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(UserError, match=r"selector\.safetensors is damaged"):
        load(tmp_path / "model")
    weights.write_bytes(before)
    shutil.rmtree(base)
    tiny_model(base, intermediate_size=32)
    with pytest.raises(UserError, match="is not the one that"):
        load(tmp_path / "model")


# checkpoints of a training


def checkpoint(folder, step, best=None, processes=1, weights=bytes(100)):
    place = folder / f"checkpoint-{step}"
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(weights + str(step).encode())
    best = best and str(folder / f"checkpoint-{best}")
    (place / "trainer_state.json").write_text(json.dumps({"best_model_checkpoint": best}))
    sums = {path.name: sha256(path) for path in place.iterdir()}
    write_result(place / WHOLE, {"files": sums, "processes": processes})
    return place


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(tmp_path, capsys):
    first, last = checkpoint(tmp_path, 5), checkpoint(tmp_path, 10)
    assert last_checkpoint(tmp_path) == str(last)
    (last / "model.safetensors").write_bytes(b"other")
    assert last_checkpoint(tmp_path) == str(first)
    assert "checkpoint-10 is damaged and not used: model.safetensors" in capsys.readouterr().err
    (first / WHOLE).write_text("")
    assert last_checkpoint(tmp_path) is None


def test_a_checkpoint_whose_best_one_is_damaged_is_not_used(tmp_path):
    best = checkpoint(tmp_path, 5)
    checkpoint(tmp_path, 10, best=5)
    (best / "model.safetensors").unlink()
    assert last_checkpoint(tmp_path) is None


def test_a_sharded_training_tells_of_another_number_of_processes(tmp_path, monkeypatch):
    checkpoint(tmp_path, 5, processes=4)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert last_checkpoint(tmp_path)
    with pytest.raises(UserError, match="shared out among 4 processes, and this training has 2"):
        last_checkpoint(tmp_path, sharded=True)


def test_a_settings_file_without_a_checksum_is_read_as_it_is(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})
    assert read_json(tmp_path / "x.json") == {"a": 1}
