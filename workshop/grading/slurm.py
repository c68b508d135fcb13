"""Workers in jobs of Slurm: asked for, replaced when they are lost, and ended with the run."""

from __future__ import annotations

import contextlib
import logging
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dask
from distributed import Security
from distributed.core import Status

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.cluster import (
    NO_PAGES,
    Cluster,
    Notify,
    StartCluster,
    quiet_config,
    workers_of,
)
from workshop.grading.cluster_settings import SETTINGS_NAME, SlurmSettings, slurm_settings
from workshop.grading.worker import Request

_on_interrupt = signal.getsignal(signal.SIGINT)
from dask_jobqueue.slurm import SLURMCluster, SLURMJob  # noqa: E402

# Once imported, dask-jobqueue turns Ctrl-C into an end without a word, as if all were well.
signal.signal(signal.SIGINT, _on_interrupt)

_FOLDER = ".cluster-"
_SECONDS_BETWEEN_LOOKS = 10.0
_SECONDS_TO_ANSWER = 30.0
_MOST_IN_VAIN = 3
_LAST_LINES = 12


class _Job(SLURMJob):
    async def close(self) -> None:
        await super().close()  # type: ignore[no-untyped-call] # dask_jobqueue has no types
        # Dask looks at it when the cluster is closed, and dask-jobqueue leaves it as it was.
        self.status = Status.closed


class _SlurmCluster(SLURMCluster):
    job_cls = _Job


class SlurmJobs:
    """The jobs of one run.

    Attributes:
        dask: their scheduler, which runs in this process.
        folder: with the keys and the jobs' output, shared by all nodes.
    """

    def __init__(self, dask_cluster: SLURMCluster, folder: Path, notify: Notify) -> None:
        self.dask = dask_cluster
        self.folder = folder
        self._notify = notify
        self._next_look = 0.0
        self._in_vain = 0
        self._said = ""

    def submit(self, jobs: int) -> None:
        """Ask for jobs.

        Raises:
            WorkshopError: Slurm wants none of them; says why.
        """
        for _ in range(jobs):
            self.dask.worker_spec.update(self.dask.new_worker_spec())
        refused = self._open()
        if refused is None:
            return
        if not any(job.job_id for job in self.dask.workers.values()):
            raise refused
        self._notify(f"not all jobs could be had: {refused.what}")

    def look(self) -> None:
        """Ask again for jobs that have ended, whatever has ended them.

        Raises:
            WorkshopError: they end again and again before a worker has begun.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _SECONDS_BETWEEN_LOOKS
        states = job_states(self.dask.job_name)
        if states is None:
            return
        self._tell(states)
        lost = [
            name
            for name in self.dask.worker_spec
            if (job := self.dask.workers.get(name)) is None or job.job_id not in states
        ]
        self._in_vain = 0 if workers_of(self.dask) else self._in_vain + len(lost)
        if self._in_vain > _MOST_IN_VAIN:
            raise WorkshopError(
                f"jobs end before they can grade anything; the last said:\n{self._last_words()}",
                where=SETTINGS_NAME,
                remedy="docs/instructor/cluster.md tells what nodes need",
            )
        if lost:
            for name in lost:
                self.dask.workers.pop(name, None)
            refused = self._open()
            if refused is not None:
                self._notify(f"a job was lost, and another could not be had: {refused.what}")

    def _open(self) -> WorkshopError | None:
        """Submit what is missing; returns why Slurm refused a job."""
        try:
            self.dask.sync(self.dask._correct_state)
        except (RuntimeError, OSError, ValueError) as error:
            said = str(error).partition("stderr:\n")[2].strip() or str(error)
            return WorkshopError(
                f"Slurm takes no job: {said}",
                where=SETTINGS_NAME,
                remedy="set partition, account and the like as sinfo and your site's pages say",
            )
        return None

    def _tell(self, states: dict[str, str]) -> None:
        waiting = sum(state == "PENDING" for state in states.values())
        said = f"{len(states) - waiting} jobs run, {waiting} wait in the queue"
        if said != self._said:
            self._said = said
            self._notify(said)

    def _last_words(self) -> str:
        logs = sorted(self.folder.glob("*.err"), key=lambda path: path.stat().st_mtime)
        if not logs:
            return "nothing; the shared folder may not be there on the nodes"
        return "\n".join(logs[-1].read_text(errors="replace").splitlines()[-_LAST_LINES:])


def job_states(name: str) -> dict[str, str] | None:
    """The jobs of a name that have not ended, and their states; None if Slurm does not answer."""
    done = _asked("squeue", "--noheader", f"--name={name}", "--format=%A %T")
    if done is None or done.returncode != 0:
        return None
    return dict(line.split() for line in done.stdout.splitlines())


def slurm(course: Course, workers: int | None = None) -> StartCluster:
    """A cluster of jobs as ``cluster.yaml`` asks for them.

    Args:
        course: the course.
        workers: how many submissions to grade at a time; None for as many as the settings allow.

    Raises:
        WorkshopError: there is no Slurm here, or the settings have a fault.
    """
    settings = slurm_settings(course)
    if shutil.which("sbatch") is None:
        raise WorkshopError(
            "there is no Slurm on this machine: sbatch was not found",
            remedy="run this where you can submit jobs; --workers N grades on this machine",
        )

    @contextlib.contextmanager
    def start(requests: Sequence[Request], notify: Notify) -> Iterator[Cluster]:
        config = quiet_config(settings.threads)
        with (
            _private_folder(course, settings.shared_folder) as folder,
            dask.config.set(config),
            _cluster(settings, folder, dask.config.serialize(config)) as dask_cluster,
        ):
            jobs = SlurmJobs(dask_cluster, folder, notify)
            jobs.submit(settings.jobs_for(len(requests), workers))
            yield jobs

    return start


@contextlib.contextmanager
def _cluster(settings: SlurmSettings, folder: Path, config: str) -> Iterator[SLURMCluster]:
    name = f"workshop-{secrets.token_hex(4)}"
    try:
        with _SlurmCluster(
            job_name=name,
            queue=settings.partition,
            account=settings.account,
            walltime=settings.time,
            cores=settings.workers_per_job,  # one thread each: a process grades one at a time
            processes=settings.workers_per_job,
            job_cpu=settings.cpus,
            memory=f"{settings.bytes_per_job} B",
            job_extra_directives=_directives(settings),
            job_script_prologue=[
                *settings.prologue,
                f"export DASK_INTERNAL_INHERIT_CONFIG={shlex.quote(config)}",
            ],
            worker_extra_args=["--no-dashboard", "--memory-limit", "0"],
            interface=settings.interface,
            security=_keys(folder),
            scheduler_options=NO_PAGES,
            log_directory=str(folder),
            silence_logs=logging.CRITICAL,
        ) as dask_cluster:
            yield dask_cluster
    finally:
        # Also those whose numbers we never learned.
        _asked("scancel", f"--name={name}")


def _directives(settings: SlurmSettings) -> list[str]:
    # A job that Slurm starts again would come with the one that takes its place.
    gpus = [f"--gres=gpu:{settings.gpus}"] if settings.gpus else []
    return ["--no-requeue", *gpus, *settings.directives]


@contextlib.contextmanager
def _private_folder(course: Course, shared: Path | None) -> Iterator[Path]:
    """A folder that its owner alone can read, for the time of a run.

    Raises:
        WorkshopError: it cannot be made, or others could read it.
    """
    for left in course.root.glob(f"{_FOLDER}*"):  # of a run that was killed: this is the only one
        shutil.rmtree(left, ignore_errors=True)
    parent = shared or course.root
    try:
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=parent))
    except OSError as error:
        raise WorkshopError(
            f"no folder for the run can be made: {error.strerror}",
            where=parent,
            remedy=f"name one that all nodes have as shared_folder in {SETTINGS_NAME}",
        ) from error
    try:
        if folder.stat().st_mode & 0o077:
            raise WorkshopError(
                "others can read what is written here, and keys have to be",
                where=parent,
                remedy=f"name a folder of a file system with Unix rights as shared_folder in"
                f" {SETTINGS_NAME}",
            )
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keys(folder: Path) -> Security:
    """Keys for this run alone, in files for the nodes; whoever lacks them is refused."""
    made = Security.temporary()
    pair = {"cert": str(made.tls_worker_cert), "key": str(made.tls_worker_key)}
    files = {}
    for name, text in pair.items():
        path = folder / f"{name}.pem"
        path.touch(0o600)
        path.write_text(text, encoding="ascii")
        files[name] = str(path)
    roles = {
        f"tls_{role}_{name}": path
        for role in ("client", "scheduler", "worker")
        for name, path in files.items()
    }
    return Security(require_encryption=True, tls_ca_file=files["cert"], **roles)


def _asked(*command: str) -> subprocess.CompletedProcess[str] | None:
    """What a command of Slurm says; None if it does not end, or is not there."""
    try:
        return subprocess.run(  # noqa: S603 - no shell
            command, capture_output=True, text=True, timeout=_SECONDS_TO_ANSWER, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
