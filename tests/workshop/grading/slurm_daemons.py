"""Slurm on this machine alone, for tests: controller, node and munge, started and ended here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

import workshop

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
_SECONDS_TO_START = 30
_ZYGOTE = str(Path(workshop.__file__).parent / "grading" / "sandbox" / "zygote.py")
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge.sock
CredType=cred/munge
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """What keeps Slurm from being started here; empty if nothing does."""
    if os.geteuid() != 0:
        return "its daemons need root"
    missing = [each for each in PROGRAMS if _program(each) is None]
    return f"no {', '.join(missing)} here: install slurm-wlm and munge" if missing else ""


@contextmanager
def running(root: Path) -> Iterator[None]:
    """Slurm with four processors, as long as it is needed; its commands find it by SLURM_CONF."""
    for name in ("state", "spool"):
        (root / name).mkdir(parents=True)
    configuration = root / "slurm.conf"
    host = socket.gethostname().partition(".")[0]
    configuration.write_text(_CONFIGURATION.format(host=host, root=root, ports=_free_ports()))
    # Version 22 wants one by name, and uses none with this way of tracking processes.
    (root / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
    key = root / "munge.key"
    key.touch(0o600)
    key.write_bytes(os.urandom(1024))
    files = {"key-file": key, "socket": root / "munge.sock", "pid-file": root / "munge.pid"}
    files |= {"log-file": root / "munge.log", "seed-file": root / "munge.seed"}
    os.environ["SLURM_CONF"] = str(configuration)
    daemons = []
    try:
        options = [f"--{name}={path}" for name, path in files.items()]
        daemons += [_started("munged", "--foreground", "--force", *options)]
        daemons += [_started("slurmctld", "-D", "-c", "-f", str(configuration))]
        daemons += [_started("slurmd", "-D", "-f", str(configuration))]
        _await_node(root)
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            daemon.wait(20)
        del os.environ["SLURM_CONF"]


def processes_of_jobs() -> list[psutil.Process]:
    """What runs in jobs of this Slurm."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        # What kernels are forked from knows nothing of a job, but must not outlive it.
        orphan = process.ppid() == 1 and _ZYGOTE in process.cmdline()
        if ("SLURM_JOB_ID" in environment or orphan) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _started(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    program = _program(name)
    assert program is not None
    return subprocess.Popen(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _await_node(root: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        said = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True, check=False
        )
        if said.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in root.glob("slurm*.log"))
    raise RuntimeError(f"Slurm did not start:\n{logs}")


def _free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (one, two)]
