"""What `make demo` prints fits on two screens, and loses nothing that jobs say."""

import runpy
import subprocess
import sys

from conftest import ROOT

brief = runpy.run_path(str(ROOT / "tools/brief.py"))["brief"]
HEAD = """\
Config file config/config.yaml is extended by additional config specified via the command line.
Assuming unrestricted shared filesystem usage.
Building DAG of jobs...
Using shell: /usr/bin/bash
Provided cores: 2
Rules claiming more threads will be scaled down.
Conda environments: ignored
Job stats:
job                count
---------------  -------
train                  3
total                 {jobs}

{jobs} jobs, 3 of them trainings: about 0.2 hours without a GPU
"""
JOB = """\
Select jobs to execute...
Execute 1 jobs...
[Tue Dec  1 06:56:19 2026]
Finished jobid: 4 (Rule: sample)
{done} of {jobs} steps ({share:.0f}%) done
"""
#: Jobs of the demo, and seconds that its long ones take (measured on two cores).
JOBS, SECONDS = 59, (250, 200, 110, 110, 90, 90, 60, 20, 10)


def snakemake(jobs: int) -> list[str]:
    steps = (JOB.format(done=n, jobs=jobs, share=100 * n / jobs) for n in range(1, jobs + 1))
    return "".join([HEAD.format(jobs=jobs), *steps]).splitlines(keepends=True)


def progress(seconds: int) -> list[str]:
    """Return as many lines as a job of so many seconds writes: 5, 10, 20, 40, 80, 140 and so on."""
    times = [at for at in (5, 10, 20, 40, *range(80, seconds, 60)) if at < seconds]
    return [f"train run: {at}/{seconds} steps, 1/s, 0:01:00 left\n" for at in (*times, seconds)]


def test_the_console_of_the_demo_fits_on_two_screens():
    said = [line for seconds in SECONDS for line in progress(seconds)]
    assert len(list(brief(snakemake(JOBS) + said))) <= 90
    assert len(snakemake(JOBS) + said) > 300  # without it


def test_what_jobs_say_stays_and_steps_come_by_tenths():
    shown = list(brief([*snakemake(20), "Error: a job failed\n", "  in its second line\n"]))
    assert shown[:3] == [
        "Config file config/config.yaml is extended by additional config specified via the command "
        "line.\n",
        "Provided cores: 2\n",
        "20 jobs, 3 of them trainings: about 0.2 hours without a GPU\n",
    ]
    assert shown[3:] == [
        *(f"{n} of 20 steps ({5 * n}%) done\n" for n in range(2, 21, 2)),
        "Error: a job failed\n",
        "  in its second line\n",
    ]


def test_lines_are_passed_on_as_they_come():
    """A pipe is not read to its end before the first line is shown."""
    with subprocess.Popen(
        [sys.executable, ROOT / "tools/brief.py"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    ) as process:  # fmt: skip
        process.stdin.write("one\n")
        assert process.stdout.readline() == "one\n"
        process.stdin.close()
    assert process.returncode == 0
