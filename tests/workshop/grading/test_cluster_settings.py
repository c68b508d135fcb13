"""What may stand in cluster.yaml, and how its mistakes are named."""

from __future__ import annotations

import pytest

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.cluster_settings import SETTINGS_NAME, SlurmSettings, slurm_settings


@pytest.mark.parametrize("text", [None, "", "# nothing but a comment\n"])
def test_an_absent_or_empty_file_suits_a_default_partition(
    empty_course: Course, text: str | None
) -> None:
    if text is not None:
        (empty_course.root / SETTINGS_NAME).write_text(text)
    assert slurm_settings(empty_course) == SlurmSettings()
    assert slurm_settings(empty_course).partition is None


def test_everything_can_be_said(empty_course: Course) -> None:
    (empty_course.root / SETTINGS_NAME).write_text(
        "partition: gpu\naccount: teaching\njobs: 8\nworkers_per_job: 3\ncpus: 8\n"
        "memory: 30 GB\ntime: '1-00:00:00'\ngpus: 1\ninterface: ib0\nshared_folder: /scratch\n"
        "directives: [--constraint=a100, --qos=short]\nprologue: [module load cuda]\n"
    )
    settings = slurm_settings(empty_course)
    assert settings.bytes_per_job == 30 * 10**9
    assert settings.threads == 2
    assert settings.prologue == ("module load cuda",)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("jobs: 2\npartitoin: long\n", 2, "partitoin"),
        ("partition: long\njobs: many\n", 2, "jobs"),
        ("jobs: 0\n", 1, "jobs"),
        ("\n\nmemory: plenty\n", 3, "no amount of memory"),
        ("memory: -1 GB\n", 1, "no amount of memory"),
        ("account: a\ntime: soon\n", 2, "no time"),
        ("directives:\n  - --qos=a\n  - qos=b\n", 3, "no option of sbatch"),
        ('directives: ["--qos=a\\nrm -r x"]\n', 1, "no option of sbatch"),
        ("gpus: -1\n", 1, "gpus"),
        ("jobs: 2\njobs: 3\n", 2, "twice"),
        ("- jobs\n", 1, ""),
    ],
)
def test_a_mistake_is_named_with_its_line(
    empty_course: Course, text: str, line: int, said: str
) -> None:
    (empty_course.root / SETTINGS_NAME).write_text(text)
    with pytest.raises(WorkshopError) as caught:
        slurm_settings(empty_course)
    assert str(caught.value.where).endswith(f"{SETTINGS_NAME}:{line}")
    assert said in caught.value.what
    assert caught.value.remedy


def test_no_more_jobs_are_asked_for_than_there_is_work() -> None:
    settings = SlurmSettings(jobs=10, workers_per_job=4)
    assert settings.jobs_for(1000) == 10
    assert settings.jobs_for(9) == 3
    assert settings.jobs_for(1000, workers=5) == 2
    assert settings.bytes_per_job == 4 * SlurmSettings().bytes_per_job
