"""A flow over all stages that is killed again and again ends in what an undisturbed one makes."""

import random

import pytest
from killed import durations, final, kill_within, prepared, started

KILLS = 50


@pytest.mark.long
def test_fifty_kills_over_all_stages_change_no_byte_of_what_is_made(tmp_path):
    jobs = prepared(tmp_path / "undisturbed")
    prepared(tmp_path / "killed")
    life = started(tmp_path / "undisturbed", jobs)
    life.join()
    assert life.exitcode == 0
    seconds = durations(tmp_path / "undisturbed", len(jobs))
    rng, folder, hit = random.Random(), tmp_path / "killed", []
    for kill in range(KILLS):
        number = kill * len(jobs) // KILLS
        process = started(folder, jobs)
        hit.append(kill_within(process, folder, number, rng.uniform(0, seconds[number])))
        if not hit[-1]:  # it had ended: the last job is asked for again
            (folder / "done" / str(len(jobs) - 1)).unlink()
    assert sum(hit) >= KILLS * 0.8
    last = started(folder, jobs)
    last.join()
    assert last.exitcode == 0
    expected, found = final(tmp_path / "undisturbed"), final(folder)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    kinds = {job.rule for job in jobs}
    assert {"ifd", "curate", "train", "predict", "fit_selector", "select", "table"} <= kinds
    assert {"annotate_share", "annotate"} <= kinds
