"""nbgrader's converter, made to lose nothing.

``workshop grade`` uses it, and every stock ``Autograde`` that reads our configuration becomes one
(see ``SubmissionExporter``), so that ``nbgrader autograde`` and the formgrader's button write the
same log and the same transactions.
"""

from __future__ import annotations

import shutil
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.preprocessors import AssignLatePenalties

from workshop import __version__
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.execution import KernelStartError
from workshop.grading.failures import NotGraded, explained, patiently
from workshop.grading.fingerprints import hash_of_files
from workshop.grading.gradebook import open_gradebook, require_assignment
from workshop.grading.journal import Entry, LoggedCell, Why
from workshop.grading.late import penalties_of
from workshop.grading.ledger import STAGED, Ledger
from workshop.grading.prechecks import RejectedSubmission
from workshop.grading.records import CellStatus, Outcome, worst
from workshop.grading.results import check_submission, in_one_line
from workshop.grading.timestamps import handed_in
from workshop.grading.transaction import NotebookGrades, write_grades, write_rejected
from workshop.grading.writer_lock import user_name
from workshop.moments import zone_of

# How often a kernel is started before that is given up.
_STARTS = 2
_LONGEST_TRACEBACK = 20_000


@dataclass(frozen=True)
class Work:
    """What came of one submission, before it is written down.

    Attributes:
        entry: for the log; why it was graded and by which version is added by the writer.
        grades: of its notebooks; none if it has no score.
        missing: notebooks that were not handed in.
        submitted_at: when it was handed in, if that is known.
    """

    entry: Entry
    grades: tuple[NotebookGrades, ...] = ()
    missing: tuple[str, ...] = ()
    submitted_at: datetime | None = None


class DurableAutograde(Autograde):  # type: ignore[misc] # nbgrader ships no types
    """Grades submissions one by one; each is written in one step, or not at all.

    Attributes:
        ledger: log and gradebook; made from the course folder if there is none.
        failure: why the last submission has no score; None if it has one.
        stop: whether somebody has asked to stop; what ended badly since then is not believed.
    """

    ledger: Ledger | None = None
    failure: WorkshopError | None = None
    stop: Callable[[], bool] | None = None
    _graded: list[NotebookGrades]
    _known: tuple[str, ...] = ()
    notebooks: list[str]
    _submission: str = ""
    _began: str = ""

    @property
    def _input_directory(self) -> str:
        return str(self.coursedir.submitted_directory) if self._sanitizing else self._staged

    @property
    def _output_directory(self) -> str:
        return self._staged

    @property
    def _staged(self) -> str:
        return f"{self.coursedir.autograded_directory}/{STAGED}"

    @property
    def _book(self) -> Ledger:
        if self.ledger is None:
            self.ledger = Ledger(Course(Path(self.coursedir.root)), self.coursedir)
        return self.ledger

    def convert_notebooks(self) -> None:
        """Grade what was selected.

        Raises:
            NbGraderException: a submission was not graded, or another process is grading.
        """
        try:
            with self._book.writing(f"nbgrader autograde {self.coursedir.assignment_id}"):
                for note in self._book.notes:
                    self.log.warning(note)
                super().convert_notebooks()
        except WorkshopError as error:
            self.log.error(str(error))
            self.failure = self.failure or error
            raise NbGraderException(str(error)) from error

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether to grade a submission; nothing that is there is removed yet."""
        place = self._book.place_of(assignment_id, student_id)
        if self.coursedir.notebook_id == "*":
            there = place.exists()
        else:
            there = all((place / Path(name).name).exists() for name in self.notebooks)
        if there and not self.force:
            zone, source = zone_of(self.config), self._format_source(assignment_id, student_id)
            new, old = handed_in(Path(source), zone), handed_in(place, zone)
            if new is None or old is None or new <= old:
                self.log.info("Skipping existing assignment: %s", place)
                return False
        return bool(super().init_destination(assignment_id, student_id))

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Look at the submission and copy its further files; the gradebook is only read."""
        self.failure, self._graded, self._sanitizing = None, [], True
        self._began = _now()
        source = Path(self._format_source(assignment_id, student_id))
        self._submission = ""
        try:
            self._submission = hash_of_files(source)
            self._known = patiently(lambda: self._checked(assignment_id, student_id))
            staged = Path(self._format_dest(assignment_id, student_id))
            shutil.rmtree(staged, ignore_errors=True)
            staged.mkdir(parents=True)
            place = self._book.place_of(assignment_id, student_id)
            if self.coursedir.notebook_id != "*" and place.exists():
                done = shutil.ignore_patterns(*(Path(name).name for name in self.notebooks))
                shutil.copytree(place, staged, ignore=done, dirs_exist_ok=True)
            # nbgrader's own goes on to write scores of 0 for notebooks that were not handed in.
            BaseConverter.init_assignment(self, assignment_id, student_id)
            self._copy_masters(assignment_id, staged)
            self.notebooks = [name for name in self.notebooks if Path(name).stem in self._known]
        except Exception as error:
            raise self._failed(error, assignment_id, student_id) from error

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Restore, run and score one notebook; once more if the kernel does not start."""
        whose = Path(notebook_filename).parent
        try:
            for left in reversed(range(_STARTS)):
                try:
                    super().convert_single_notebook(notebook_filename)
                    break
                except KernelStartError:
                    if not left:
                        raise
                    self.log.warning("The kernel did not start; trying again")
        except Exception as error:
            raise self._failed(error, whose.name, whose.parent.name) from error

    def init_single_notebook_resources(self, notebook_filename: str) -> dict[str, Any]:
        """nbgrader's, and a place for the scores, which tells that they will be written."""
        resources: dict[str, Any] = super().init_single_notebook_resources(notebook_filename)
        resources["nbgrader"]["grades"] = None
        return resources

    def write_single_notebook(self, output: str, resources: Any) -> None:
        """Write a notebook into the staged folder, and keep its scores for the transaction."""
        # Half a pair of surrogates is no UTF-8; inside JSON its escape means the same.
        text = output.encode("utf-8", "backslashreplace").decode("utf-8")
        super().write_single_notebook(text, resources)
        grades = resources["nbgrader"]["grades"]
        if grades is not None:
            self._graded.append(grades)

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """Set the files' rights, the last step for a submission; then write the grades for good."""
        try:
            super().set_permissions(assignment_id, student_id)
            self._commit(assignment_id, student_id)
        except Exception as error:
            raise self._failed(error, assignment_id, student_id) from error

    def _init_preprocessors(self) -> None:
        super()._init_preprocessors()
        steps = self.exporter._preprocessors
        # It commits on its own, before the scores are there; ours asks it within the transaction.
        steps[:] = [step for step in steps if not isinstance(step, AssignLatePenalties)]

    def _checked(self, assignment: str, student: str) -> tuple[str, ...]:
        with open_gradebook(self.coursedir) as gradebook:
            known = require_assignment(gradebook, assignment)
            check_submission(self._book.course, gradebook, assignment, student)
        return known

    def _copy_masters(self, assignment: str, staged: Path) -> None:
        """Put the instructor's further files over the student's own, as nbgrader does."""
        source = self.coursedir.format_path(self.coursedir.source_directory, ".", assignment)
        kept = set(self.exclude_overwriting.get(assignment, []))
        for name in utils.find_all_files(source, [*self.coursedir.ignore, "*.ipynb"]):
            relative = Path(name).relative_to(Path(source))
            if str(relative) not in kept:
                target = staged / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                shutil.copy(name, target)

    def _commit(self, assignment: str, student: str) -> None:
        source = Path(self._format_source(assignment, student))
        if hash_of_files(source) != self._submission:
            raise NotGraded(
                "the submission was changed while it was graded", where=source, remedy="grade again"
            )
        if not self._graded:
            raise NotGraded(
                "no step has scored the submission",
                where="nbgrader_config.py",
                remedy="name StrictSaveAutoGrades in c.Autograde.autograde_preprocessors",
            )
        missing = [name for name in self._known if not (source / f"{name}.ipynb").exists()]

        self.hand_over(
            Work(
                self._entry(assignment, student),
                tuple(self._graded),
                tuple(missing),
                handed_in(source, zone_of(self.config)),
            )
        )

    def hand_over(self, work: Work) -> None:
        """What came of a submission: it is written for good. Another process's worker sends it."""
        self.write(work)

    def write(self, work: Work) -> None:
        """Write down what came of a submission, whoever graded it.

        Raises:
            NotGraded: it could not be written.
        """
        book, assignment, student = self._book, work.entry.assignment, work.entry.student
        why, version = book.why(assignment, student, work.entry.submission), ""
        with suppress(WorkshopError):  # an entry about a gradebook that cannot be read, too
            version = book.version(assignment)
        entry = replace(work.entry, why=why, assignment_version=version)
        if self.stop is not None and self.stop() and entry.was_cut_short:
            # Who stops a service may have ended the kernel as well: no fault of the submission.
            raise NotGraded(
                f"grading was stopped while it ran ({entry.message or entry.outcome})",
                remedy="nothing of it counts: it is graded again at the next start",
            )
        if entry.outcome is Outcome.NOT_GRADED:
            # It stands in the log only: the gradebook has nothing to learn from it.
            book.journal.append(entry)
            return

        penalties = penalties_of(book.course, self.config, self.autograde_preprocessors)

        def write(gradebook: Gradebook) -> Entry:
            about = gradebook, assignment, student
            if entry.outcome is Outcome.REJECTED:
                late = write_rejected(*about, submitted_at=work.submitted_at, penalties=penalties)
            else:
                late = write_grades(
                    *(*about, work.grades),
                    missing=work.missing,
                    submitted_at=work.submitted_at,
                    penalties=penalties,
                )
            if late is None:
                return entry
            return replace(entry, late_penalty=late.points, late_reason=late.reason)

        book.commit(entry, write)

    def _failed(self, error: Exception, assignment: str, student: str) -> WorkshopError:
        """Note why a submission has no score, in the log where that can be written."""
        if self.failure is not None:
            return self.failure
        rejected = isinstance(error, RejectedSubmission)
        root = self._book.course.root
        failure = error if rejected else explained(error, root, assignment, student)
        assert isinstance(failure, WorkshopError)  # noqa: S101 - for the type checker
        self.failure = failure
        trace = "" if rejected else "".join(traceback.format_exception(error))
        outcome = Outcome.REJECTED if rejected else Outcome.NOT_GRADED
        self._graded = []
        try:
            at = None
            if rejected:
                shutil.rmtree(self._format_dest(assignment, student), ignore_errors=True)
                source = Path(self._format_source(assignment, student))
                at = handed_in(source, zone_of(self.config))
            entry = self._entry(assignment, student, outcome, failure, trace)
            self.hand_over(Work(entry, submitted_at=at))
        except Exception as second:  # noqa: BLE001 - told instead of a rejection that is not noted
            if rejected:
                self.failure = explained(second, root, assignment, student)
        return self.failure

    def _entry(
        self,
        assignment: str,
        student: str,
        outcome: Outcome | None = None,
        failure: WorkshopError | None = None,
        trace: str = "",
    ) -> Entry:
        said = [each.message for each in self._graded]
        if failure is not None:
            said.append(in_one_line(failure, self._book.course))
        return Entry(
            assignment=assignment,
            student=student,
            why=Why.FIRST,  # that is for the writer to say, and so is the version
            outcome=outcome or worst([each.outcome for each in self._graded]),
            message="; ".join(filter(None, said)),
            user=user_name(),
            host=socket.gethostname(),
            assignment_version="",
            package_version=__version__,
            submission=self._submission,
            notebooks=tuple(Path(name).stem for name in self.notebooks),
            began=self._began,
            ended=_now(),
            cells=self._cells(),
            traceback=trace[-_LONGEST_TRACEBACK:],
        )

    def _cells(self) -> tuple[LoggedCell, ...]:
        cells = []
        for each in self._graded:
            traces = dict(each.tracebacks)
            for result in each.results:
                trace = traces.get(result.grade_id, "")
                cells.append(
                    LoggedCell(
                        *(each.notebook, result.grade_id, result.score, result.max_score),
                        *(CellStatus(result.status), result.message, trace[-_LONGEST_TRACEBACK:]),
                    )
                )
        return tuple(cells)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
