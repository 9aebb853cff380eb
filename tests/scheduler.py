"""A real Slurm on this machine: one controller and several nodes with fake GPUs, no accounting."""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "scontrol", "squeue")
SETTINGS = Path("/etc/slurm")  # the plugin hides SLURM_CONF from its jobs: this place alone is read
OURS = "# Written by bionerflow's tests."
NODES, GPUS, PORT = 3, 2, 36817
GPU_DEVICE = (1, 3)  # major and minor of /dev/null
CONF = """{ours}
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
MailProg=/bin/true
ReturnToService=2
KillWait=20
GresTypes=gpu
NodeName=DEFAULT CPUs=16 RealMemory=16000
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{second}] Gres=gpu:fake:{gpus}
NodeName=n3 NodeHostname={host} NodeAddr=127.0.0.1 Port={last}
PartitionName=all Nodes=ALL Default=YES MaxTime=60 OverTimeLimit=0
"""


class Slurm:
    """A running cluster; `folder` has its state and logs."""

    def __init__(self, folder: Path) -> None:
        """Write the configuration; nothing is started yet."""
        self.folder, self.daemons = folder, list[subprocess.Popen[bytes]]()
        values = {"ours": OURS, "host": socket.gethostname(), "folder": folder, "port": PORT}
        first = PORT + 1
        values |= {"gpus": GPUS, "first": first, "second": first + 1, "last": first + 2}
        try:
            for n in range(GPUS):
                os.mknod(folder / f"gpu{n}", 0o20666, os.makedev(*GPU_DEVICE))
        except PermissionError:
            pytest.skip("no fake GPUs here: making a device file is refused")
        gpus = f"NodeName=n[1-2] Name=gpu Type=fake File={folder}/gpu[0-{GPUS - 1}]\n"
        (SETTINGS / "slurm.conf").write_text(CONF.format(**values))
        (SETTINGS / "gres.conf").write_text(gpus)

    def start(self) -> None:
        """Start all daemons and wait until every node is there."""
        subprocess.run(["install", "-d", "-o", "munge", "/run/munge"], check=True)
        self._daemon("runuser", "-u", "munge", "--", "munged", "--foreground")
        wait(lambda: said("munge", "-n") != "", 10)
        self._daemon("slurmctld", "-D", "-c")
        for n in range(1, NODES + 1):
            self._daemon("slurmd", "-D", "-N", f"n{n}")
        wait(lambda: said("sinfo", "-hN", "-o", "%t").split() == ["idle"] * NODES, 40)

    def _daemon(self, *command: str) -> None:
        with (self.folder / "daemons.log").open("ab") as log:
            self.daemons.append(subprocess.Popen(command, stdout=log, stderr=log))

    def stop(self) -> None:
        """End all jobs and daemons."""
        said("scancel", "--user=root")
        try:
            wait(lambda: said("squeue", "-h") == "", 60)
        finally:
            for daemon in reversed(self.daemons):
                daemon.terminate()
                daemon.wait()

    @contextmanager
    def drained(self, node: str) -> Iterator[None]:
        """Give a node no new jobs for the time of a block."""
        said("scontrol", "update", f"node={node}", "state=drain", "reason=test")
        yield
        said("scontrol", "update", f"node={node}", "state=resume")


@contextmanager
def running() -> Iterator[Slurm]:
    """Start a cluster, or skip with the reason; only one can be on a machine."""
    skip_where_impossible()
    with (SETTINGS / "bionerflow-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        slurm = Slurm(folder)
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()
            (SETTINGS / "slurm.conf").unlink()
            (SETTINGS / "gres.conf").unlink()
            shutil.rmtree(folder)


def skip_where_impossible() -> None:
    """Skip where no Slurm can be started, and say why."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.skip(
            f"no Slurm here ({', '.join(missing)} missing): as root,"
            " apt-get install slurmctld slurmd slurm-client munge"
        )
    if os.geteuid() != 0:
        pytest.skip("a Slurm for tests can only be started by root")
    conf = SETTINGS / "slurm.conf"
    if conf.is_file() and not conf.read_text().startswith(OURS):
        pytest.skip(f"{conf} is a real cluster's: the tests leave it alone")


def said(*command: str) -> str:
    """Return what a command prints; nothing where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def wait(until: Callable[[], object], seconds: float) -> None:
    """Wait until something holds; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.3)
