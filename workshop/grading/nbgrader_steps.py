"""Our steps in nbgrader's own converters, named in ``nbgrader_config.py``.

Stock ``nbgrader autograde``, the formgrader's button and ``workshop grade`` all run exactly these,
so they cannot come to different scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from nbgrader.utils import compute_checksum
from traitlets import Bool, Enum, Float, Int, Unicode

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.converter import DurableAutograde
from workshop.grading.devices import CPU, PRECISIONS, Device
from workshop.grading.execution import Execution, Limits, scratch_copy
from workshop.grading.failures import patiently
from workshop.grading.feedback_cells import clean_for_student
from workshop.grading.gradebook import gradebook_at, load_master
from workshop.grading.prechecks import check_folder, read_notebook
from workshop.grading.records import Outcome, nbgrader_of, record_of
from workshop.grading.restore import MasterNotebook, restore
from workshop.grading.sandbox.levels import Confinement
from workshop.grading.scoring import crash_traces, score_notebook
from workshop.grading.shared_features import shared_features
from workshop.grading.transaction import NotebookGrades

_Converted = tuple[NotebookNode, dict[str, Any]]


class SubmissionExporter(NotebookExporter):
    """Reads what was handed in, whatever it is.

    nbgrader's own reading ends with a traceback at an empty file or an old format. Here, what can
    be read is brought to the current format; the rest is rejected, and the gradebook says that a
    person has to decide: nbgrader would leave a score that looks like 0.

    The exporter is also the one place where a course's configuration meets the converter itself:
    it turns a stock ``Autograde`` into ours, which loses nothing.
    """

    def __init__(self, config: Any = None, **kw: Any) -> None:
        converter = kw.get("parent")
        if type(converter) is Autograde:
            converter.__class__ = DurableAutograde
        super().__init__(config, **kw)  # type: ignore[no-untyped-call]

    def from_file(
        self, file_stream: Any, resources: dict[str, Any] | None = None, **kw: Any
    ) -> Any:
        """The converted notebook as text, and its resources.

        Raises:
            RejectedSubmission: the submission cannot be graded as it is.
        """
        path, about = Path(file_stream.name), (resources or {})["nbgrader"]
        check_folder(path.parent, [about["notebook"]])
        notebook = read_notebook(path)
        return self.from_notebook_node(notebook, resources, **kw)  # type: ignore[no-untyped-call]


class RestoreSubmission(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader ships no types
    """Puts everything but the learner's own text back as it was released; see ``restore``.

    Takes the place of nbgrader's ClearOutput, DeduplicateIds, OverwriteKernelspec and
    OverwriteCells, which trust tags, ids and the order of a submission's cells.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> _Converted:
        """Restore the notebook in place.

        Raises:
            RejectedSubmission: it holds none of the assignment's cells.
        """
        about = resources["nbgrader"]

        def load() -> MasterNotebook:
            with gradebook_at(about["db_url"]) as gradebook:
                return load_master(gradebook, about["assignment"], about["notebook"])

        restore(nb, patiently(load))
        return nb, resources


class ExecuteSubmission(NbGraderPreprocessor):  # type: ignore[misc]
    """Runs the notebook under our limits, in a scratch copy of the submission's folder.

    nbgrader's own step runs it where the notebook with the hidden tests lies, honours a learner's
    tags, and loses the whole submission when the kernel dies.
    """

    cell_seconds = Float(
        Limits.cell_seconds, help="One cell; it is then interrupted and the next one runs."
    ).tag(config=True)
    notebook_seconds = Float(
        Limits.notebook_seconds, help="All cells together, without starting the kernel."
    ).tag(config=True)
    startup_seconds = Float(Limits.startup_seconds, help="Starting the kernel.").tag(config=True)
    interrupt_seconds = Float(
        Limits.interrupt_seconds,
        help="How long a cell may take to react to the interrupt before the kernel is killed.",
    ).tag(config=True)
    kernel_name = Unicode(
        "python3", help="The kernel to run. What a notebook asks for is ignored."
    ).tag(config=True)
    memory_mb = Int(Limits.memory_mb, help="Memory of all its processes together.").tag(config=True)
    gpu_memory_mb = Int(
        Limits.gpu_memory_mb,
        help="Of a GPU's memory, for the tensors of one submission: as many as fit share the GPU. "
        "0 for all of it.",
    ).tag(config=True)
    precision = Enum(
        PRECISIONS,
        PRECISIONS[0],
        help="How exactly a GPU multiplies: `tf32` is faster, and has thresholds of its own.",
    ).tag(config=True)
    processes = Int(Limits.processes, help="Processes at the same time.").tag(config=True)
    scratch_mb = Int(Limits.scratch_mb, help="Files that it writes; they are memory too.").tag(
        config=True
    )
    output_mb = Float(Limits.output_mb, help="What one cell may send.").tag(config=True)
    notebook_output_mb = Float(
        Limits.notebook_output_mb, help="What all cells together may send."
    ).tag(config=True)
    evidence_mb = Float(
        Limits.evidence_mb, help="Evidence of what was done, all cells together."
    ).tag(config=True)
    confinement = Unicode(
        Confinement.BUBBLEWRAP,
        help="How a kernel is kept from everything else: `bubblewrap`, or `none` for not at all.",
    ).tag(config=True)
    warm_kernels = Bool(
        True,
        help="Whether kernels are forked from a process that has imported the libraries already.",
    ).tag(config=True)

    shared_training_mb = Int(
        2048,
        help="Disk for the steps of training that right submissions of a notebook repeat: they are "
        "computed once, with your solution. 0 for none, then all of them compute everything.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> _Converted:
        """Execute the notebook in place and note in its metadata how that ended.

        Raises:
            KernelStartError: the kernel did not start.
        """
        # A process that only writes down what others graded has no use for PyTorch.
        from workshop.grading.on_device import run_on_device  # noqa: PLC0415
        from workshop.grading.rehearsal import recalled  # noqa: PLC0415
        from workshop.grading.verification import load_thresholds, run_verified  # noqa: PLC0415

        limits = Limits(**{each.name: getattr(self, each.name) for each in fields(Limits)})
        about = resources["nbgrader"]
        # Converters work in the course's root.
        course = Course.at(Path.cwd())
        names = (about["assignment"], about["notebook"])
        calibration = course.calibration(*names)
        steps = recalled(course, *names) if self.shared_training_mb > 0 else None
        confined = self.confinement == Confinement.BUBBLEWRAP

        def run(notebook: NotebookNode, device: Device, env: Mapping[str, str]) -> Execution:
            with scratch_copy(Path(resources["metadata"]["path"])) as scratch:
                return run_verified(
                    notebook,
                    scratch,
                    limits,
                    thresholds=load_thresholds(calibration, device.calibrated_as),
                    env=env,
                    kernel_name=self.kernel_name,
                    confinement=self.confinement,
                    warm=self.warm_kernels,
                    features=shared_features(course),
                    recalled=steps if confined and device.kind == CPU else None,
                    device=device,
                )

        ended, device = run_on_device(
            nb,
            run,
            confinement=self.confinement,
            precision=self.precision,
            share_mb=self.gpu_memory_mb,
        )
        record_of(nb).update(
            outcome=ended.outcome.value,
            seconds=round(ended.seconds, 3),
            message=ended.message,
            device=device.to_dict(),
        )
        return nb, resources


class StrictSaveAutoGrades(NbGraderPreprocessor):  # type: ignore[misc]
    """Scores the executed notebook, failing closed.

    The converter writes the scores to the gradebook, all notebooks of a submission at once.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> _Converted:
        """Score every graded cell; status and message are noted in the notebook too.

        Raises:
            WorkshopError: the converter is one that would lose the scores.
        """
        about = resources["nbgrader"]
        if "grades" not in about:
            raise WorkshopError(
                "StrictSaveAutoGrades does not work without our exporter",
                where="nbgrader_config.py",
                remedy="set c.Autograde.exporter_class as the course's own configuration does",
            )

        def load() -> MasterNotebook:
            with gradebook_at(about["db_url"]) as gradebook:
                return load_master(gradebook, about["assignment"], about["notebook"])

        results, whole = score_notebook(nb), record_of(nb)
        answered = {nbgrader_of(cell).get("grade_id") for cell in nb.cells if _answered(cell)}
        about["grades"] = NotebookGrades(
            notebook=about["notebook"],
            results=tuple(results),
            unanswered=tuple(
                each.grade_id
                for each in patiently(load).cells
                if each.solution and each.grade_id not in answered
            ),
            tracebacks=crash_traces(nb),
            outcome=Outcome(whole.get("outcome", Outcome.COMPLETED)),
            message=str(whole.get("message", "")),
        )
        return nb, resources


class GetStudentGrades(GetGrades):  # type: ignore[misc]
    """nbgrader's step, which also notes where nobody has decided yet: that is no score of 0."""

    def _get_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._get_score(cell, resources)
        grade = self.gradebook.find_grade(
            nbgrader_of(cell)["grade_id"], self.notebook_id, self.assignment_id, self.student_id
        )
        undecided = grade.auto_score is None and grade.manual_score is None
        record_of(cell)["undecided"] = undecided


class StudentView(NbGraderPreprocessor):  # type: ignore[misc]
    """Takes out what only instructors may see and shows verdicts as tables, for feedback."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> _Converted:
        """Clean the notebook in place."""
        clean_for_student(nb)
        return nb, resources


def _answered(cell: NotebookNode) -> bool:
    meta = nbgrader_of(cell)
    if not meta.get("solution"):
        return False
    unanswered = record_of(cell).get("unanswered", meta.get("checksum") == compute_checksum(cell))
    return not unanswered
