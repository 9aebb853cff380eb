"""A real Slurm on this machine: a controller and three nodes, fake GPUs, no accounting.

Jobs of the partition `urgent` preempt those of `all`. Memory is limited by cgroups where asked.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "scontrol", "squeue")
SETTINGS = Path("/etc/slurm")  # the plugin hides SLURM_CONF from its jobs: this place alone is read
OURS = "# Written by bionerflow's tests."
PORT = 36817
GPUS = {"n1": 3, "n2": 1, "n3": 0}  # by node
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
ProctrackType=proctrack/{processes}
TaskPlugin=task/{tasks}
Prolog={folder}/prolog
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
MailProg=/bin/true
ReturnToService=2
KillWait=20
GresTypes=gpu
NodeName=DEFAULT CPUs=16 RealMemory=16000
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=60 OverTimeLimit=0 PriorityTier=1 GraceTime={grace}
PartitionName=urgent Nodes=ALL MaxTime=60 PriorityTier=2 PreemptMode=OFF
"""
GRACE = 900  # seconds of a preempted job, which ends by itself much earlier
CGROUPS = Path("/sys/fs/cgroup")  # of version 1: of version 2, this Slurm needs systemd
LIMITS = """CgroupPlugin=cgroup/v1
CgroupMountpoint={cgroups}
CgroupAutomount=no
ConstrainRAMSpace=yes
"""
PROLOG = "#!/bin/sh\ntest ! -e {folder}/prolog-fails\n"


class Job(NamedTuple):
    """A job as `squeue` shows it; one that waits has no node."""

    id: str
    state: str
    node: str
    reason: str


class Slurm:
    """A running cluster; `folder` has its state and logs."""

    def __init__(self, folder: Path, limits: bool = False) -> None:
        """Write the configuration, with `limits` on memory or without; nothing is started yet."""
        self.folder, self.limits = folder, limits
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for n in range(max(GPUS.values())):
                os.mknod(folder / f"gpu{n}", 0o20666, os.makedev(*GPU_DEVICE))
        except PermissionError:
            pytest.skip("no fake GPUs here: making a device file is refused")
        host = socket.gethostname()
        values = {"ours": OURS, "host": host, "folder": folder, "port": PORT, "grace": GRACE}
        plugins = ("cgroup", "cgroup") if limits else ("linuxproc", "none")
        values |= dict(zip(("processes", "tasks"), plugins, strict=True))
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + n}"
            + (f" Gres=gpu:fake:{gpus}" if gpus else "")
            for n, (node, gpus) in enumerate(GPUS.items(), 1)
        )
        (SETTINGS / "slurm.conf").write_text(CONF.format(**values, nodes=nodes))
        devices = [
            f"NodeName={node} Name=gpu Type=fake File={folder}/gpu{n}\n"
            for node, gpus in GPUS.items()
            for n in range(gpus)
        ]
        (SETTINGS / "gres.conf").write_text("".join(devices))
        if limits:
            (SETTINGS / "cgroup.conf").write_text(LIMITS.format(cgroups=CGROUPS))
        (folder / "prolog").write_text(PROLOG.format(folder=folder))
        (folder / "prolog").chmod(0o755)

    def start(self) -> None:
        """Start all daemons and wait until every node is there."""
        subprocess.run(["install", "-d", "-o", "munge", "/run/munge"], check=True)
        self._daemon("munged", "runuser", "-u", "munge", "--", "munged", "--foreground")
        wait(lambda: said("munge", "-n") != "", 10)
        self._daemon("controller", "slurmctld", "-D", "-c")  # which forgets an earlier cluster
        for node in GPUS:
            self._daemon(node, "slurmd", "-D", "-N", node)
        wait(lambda: self._nodes("%t") == ["idle"] * len(GPUS), 40)

    def _nodes(self, what: str) -> list[str]:
        """Return what `sinfo` prints of each node."""
        return said("sinfo", "-hN", "-p", "all", "-o", what).split()

    def _daemon(self, name: str, *command: str) -> None:
        with (self.folder / "daemons.log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self) -> None:
        """End all jobs and daemons."""
        said("scancel", "--user=root")
        try:
            wait(lambda: not self.jobs(), 60)
        finally:
            for daemon in reversed(self.daemons.values()):
                daemon.terminate()
                daemon.wait()

    def jobs(self) -> dict[str, Job]:
        """Return the jobs that wait or run, by the rule and wildcards that Snakemake notes."""
        lines = [
            line.split("|") for line in said("squeue", "-h", "-o", "%k|%i|%T|%N|%r").splitlines()
        ]
        return {what: Job(*rest) for what, *rest in lines}

    def update(self, **what: str) -> None:
        """Have the controller change a job or a node; fail where it refuses."""
        change = [f"{key}={value}" for key, value in what.items()]
        subprocess.run(["scontrol", "update", *change], check=True, capture_output=True)

    def drain(self, *nodes: str) -> None:
        """Give nodes no new jobs; those that run go on."""
        self.update(nodename=",".join(nodes), state="drain", reason="test")

    def resume(self, *nodes: str) -> None:
        """Give drained nodes jobs again."""
        self.update(nodename=",".join(nodes), state="resume")

    @contextmanager
    def without_controller(self) -> Iterator[None]:
        """Have no controller for the time of a block; the next one takes over what it knew."""
        self.daemons["controller"].terminate()
        self.daemons["controller"].wait()
        try:
            yield
        finally:
            self._daemon("controller", "slurmctld", "-D")
        wait(lambda: self._nodes("%N") == [*GPUS], 40)

    @contextmanager
    def failing_prolog(self) -> Iterator[None]:
        """Have no node able to prepare a job for the time of a block."""
        fails = self.folder / "prolog-fails"
        fails.touch()
        try:
            yield
        finally:
            fails.unlink()

    def lose(self, node: str) -> None:
        """Have a node vanish with all that runs on it, as without power; set it down."""
        self.daemons[node].kill()
        for process in _running_on(node):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.update(nodename=node, state="down", reason="test")


@contextmanager
def running(limits: bool = False) -> Iterator[Slurm]:
    """Start a cluster, or skip with the reason; only one can be on a machine."""
    skip_where_impossible()
    with (SETTINGS / "bionerflow-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        slurm = Slurm(folder, limits)
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()
            for name in ("slurm.conf", "gres.conf", "cgroup.conf"):
                (SETTINGS / name).unlink(missing_ok=True)
            for left in sorted(CGROUPS.glob("*/slurm_n[1-3]/**/"), reverse=True):
                with suppress(OSError):  # still in use, after an interruption
                    left.rmdir()
            shutil.rmtree(folder)


def can_limit_memory() -> bool:
    """Return whether jobs can have limits on memory: whether its cgroups can be written."""
    return os.access(CGROUPS / "memory", os.W_OK)


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


def _running_on(node: str) -> set[psutil.Process]:
    """Return the processes of a node's jobs, and Slurm's own beside each."""
    found = set[psutil.Process]()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURMD_NODENAME") == node:
                found |= {process, *(p for p in process.parents() if p.name() == "slurmstepd")}
    return found


def said(*command: str) -> str:
    """Return what a command prints; nothing where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def wait(until: Callable[[], object], seconds: float) -> None:
    """Wait until something holds; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.2)
