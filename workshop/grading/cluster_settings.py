"""What an instructor says about a cluster, in ``cluster.yaml`` in the course's root."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated

from dask.utils import parse_bytes
from pydantic import AfterValidator, BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from workshop.course import Course
from workshop.yaml_files import load_yaml

SETTINGS_NAME = "cluster.yaml"
_REMEDY = "docs/instructor/cluster.md lists what may stand there"
# A kernel may use 6 GB; the process that grades it and the libraries need the rest.
_BYTES_PER_WORKER = 9 * 2**30
_SLURM_TIME = re.compile(r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}")


def _bytes(text: str) -> str:
    try:
        positive = parse_bytes(text) > 0
    except ValueError:
        positive = False
    if not positive:
        raise ValueError(f"{text!r} is no amount of memory: write e.g. 18 GB")
    return text


def _time(text: str) -> str:
    if not _SLURM_TIME.fullmatch(text):
        raise ValueError(f"{text!r} is no time: write e.g. '04:00:00', in quotes")
    return text


def _option(text: str) -> str:
    if not text.startswith("-") or "\n" in text:
        raise ValueError(f"{text!r} is no option of sbatch: write e.g. --constraint=intel")
    return text


def _line(text: str) -> str:
    if "\n" in text:
        raise ValueError("one line of shell each")
    return text


class SlurmSettings(BaseModel):
    """How jobs are asked for; each setting has a value that suits a default partition.

    Attributes:
        partition: where jobs run; None for the cluster's default.
        account: who pays; None for the user's default.
        jobs: at most so many at a time.
        workers_per_job: submissions that a job grades at a time.
        cpus: processors of a job.
        memory: of a job, as in ``18 GB``; None for 9 GB for each worker.
        time: how long a job may run, as Slurm writes it.
        gpus: of a job, shared by its workers.
        interface: the network interface that nodes reach this machine by; None for the usual one.
        shared_folder: for the keys and the jobs' output; None for the course's root.
        directives: further options of sbatch.
        prologue: lines of shell that a job begins with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: str | None = None
    account: str | None = None
    jobs: PositiveInt = 4
    workers_per_job: PositiveInt = 1
    cpus: PositiveInt = 2
    memory: Annotated[str, AfterValidator(_bytes)] | None = None
    time: Annotated[str, AfterValidator(_time)] = "04:00:00"
    gpus: NonNegativeInt = 0
    interface: str | None = None
    shared_folder: Path | None = None
    directives: tuple[Annotated[str, AfterValidator(_option)], ...] = ()
    prologue: tuple[Annotated[str, AfterValidator(_line)], ...] = ()

    @property
    def bytes_per_job(self) -> int:
        """Memory of a job."""
        if self.memory is None:
            return self.workers_per_job * _BYTES_PER_WORKER
        return int(parse_bytes(self.memory))

    @property
    def threads(self) -> int:
        """Processors for each of a job's workers."""
        return max(1, self.cpus // self.workers_per_job)

    def jobs_for(self, submissions: int, workers: int | None = None) -> int:
        """How many jobs to ask for.

        Args:
            submissions: how many there are to grade.
            workers: how many to grade at a time; None for as many as ``jobs`` can.
        """
        wanted = self.jobs * self.workers_per_job if workers is None else workers
        return math.ceil(min(submissions, wanted) / self.workers_per_job)


def slurm_settings(course: Course) -> SlurmSettings:
    """The settings in the course's ``cluster.yaml``, or the usual ones if there is none.

    Raises:
        WorkshopError: the file has a fault; names the line.
    """
    path = course.root / SETTINGS_NAME
    if not path.exists():
        return SlurmSettings()
    return load_yaml(path, SlurmSettings, remedy=_REMEDY)
