"""A flow over all stages that is killed again and again ends in what an undisturbed one makes."""

import random
from collections import Counter

import pytest
from killed import durations, final, kill_within, prepared, reached, started

KILLS = 50
STAGES = {"ifd", "train", "predict", "fit_selector", "select", "annotate_share", "table"}


def ended(folder, jobs):
    """Do what is left of the jobs, undisturbed; return all results."""
    process = started(folder, jobs)
    process.join()
    assert process.exitcode == 0
    return final(folder)


@pytest.mark.long
def test_fifty_kills_over_all_stages_change_no_byte_of_what_is_made(tmp_path):
    """Each job of the flow is killed three times or so, at moments by chance."""
    folder, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    prepared(folder)
    jobs = prepared(undisturbed)
    expected = ended(undisturbed, jobs)
    seconds = durations(undisturbed, len(jobs))
    kills: Counter[str] = Counter()
    while kills.total() < KILLS:
        number = kills.total() * len(jobs) // KILLS
        process = started(folder, jobs)
        if kill_within(process, folder, number, random.uniform(0, seconds[number])):
            kills[jobs[reached(folder)].rule] += 1
        else:  # it had ended: the last job is asked for again
            (folder / "done" / str(len(jobs) - 1)).unlink()
    print(f"killed in {dict(kills)}")
    assert kills.keys() >= STAGES
    found = ended(folder, jobs)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
