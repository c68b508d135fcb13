"""Look again and again: collect, grade what is new, give feedback, say what happened.

Everything that has to last is in the course: the log and the gradebook say what was graded, and how
often on a day; the submissions lie in ``submitted/``; a file beside each feedback page says which
grading it is about. So a watch may end at any moment, and another one goes on.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from typing import TypeVar

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.failures import explained, patiently
from workshop.grading.grade import Pool, grade
from workshop.grading.gradebook import assignment_names, open_gradebook, require_assignment
from workshop.grading.records import Outcome
from workshop.grading.results import in_one_line
from workshop.grading.writer_lock import single_writer
from workshop.moments import in_utc, zone_of
from workshop.watch.arrivals import Arrivals, Book, Standing, attempts
from workshop.watch.exchange import Exchange
from workshop.watch.notes import Notes
from workshop.watch.passes import Pass, PassLog
from workshop.watch.settings import AT_ONCE, NEVER, watch_settings
from workshop.watch.stopping import Stop

_LONGEST_WAIT = 600.0
# Seconds before the first look: what has not changed in them is graded by it.
_GLANCE = 2.0
# How many are graded before feedback is given and the next look comes.
_AT_A_TIME = 16
_T = TypeVar("_T")
Say = Callable[[str], None]


class Waits:
    """Growing waits after failures, for each thing that can fail."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[int, float]] = {}

    def failed(self, what: str, seconds: float) -> float:
        """Note a failure; returns how long to wait: twice as long each time."""
        tries, _ = self._failed.get(what, (0, 0.0))
        wait = min(seconds * 2.0**tries, max(_LONGEST_WAIT, seconds))
        self._failed[what] = min(tries + 1, 30), time.monotonic() + wait
        return wait

    def worked(self, what: str) -> None:
        """Forget earlier failures."""
        self._failed.pop(what, None)

    def over(self, what: str) -> bool:
        """Whether it may be tried again."""
        return time.monotonic() >= self._failed.get(what, (0, 0.0))[1]


class Watcher:
    """Watches one assignment.

    Args:
        course: the course.
        assignment: the assignment's name.
        pool: grades in other processes; None for this one.
        stop: whether to stop.
        say: told what happens, in words.

    Raises:
        WorkshopError: the gradebook does not know the assignment, or settings have a fault.
    """

    def __init__(
        self, course: Course, assignment: str, *, pool: Pool | None, stop: Stop, say: Say
    ) -> None:
        self._course, self._assignment = course, assignment
        self._pool, self._stop, self._say = pool, stop, say
        config = course.nbgrader_config()
        coursedir = CourseDirectory(config=config)
        self._coursedir = coursedir
        notebooks, names = self._read(
            lambda gradebook: (
                require_assignment(gradebook, assignment),
                assignment_names(gradebook),
            )
        )
        self._settings = watch_settings(course, names)
        self._zone = zone_of(config)
        self._exchange = Exchange(course, config, assignment)
        self._notes = Notes(course, assignment, notebooks)
        self._book = Book(course, coursedir, assignment)
        self._arrivals = Arrivals(course, assignment)
        self._log = PassLog(course.root)
        self._waits = Waits()
        self._told: set[str] = set()
        self._waiting: dict[str, str] = {}
        self._noted: dict[str, str] = {}

    def glance(self) -> None:
        """Remember what lies there: the next look knows what nobody has written meanwhile."""
        self._arrivals.whole()

    def once(self) -> Pass:
        """One look. Whatever fails is named in what it returns, and tried again by a later one."""
        seen = Pass(self._assignment, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._guarded(seen):  # a mistake made while it runs: the settings stay as they were
            self._settings = watch_settings(self._course, self._read(assignment_names))
        hindered = False
        for step in (self._collect, self._grade, self._give_feedback, self._tell_who_waits):
            if self._stop():
                break
            with self._guarded(seen) as worked:
                step(seen)
                worked.append(True)
            hindered = hindered or not worked
        hindered = hindered or self._nothing_works(seen)
        seen.failed = seen.failed or hindered
        seen.next_seconds = self._next(seen, hindered=hindered)
        self._tell(seen)
        return seen

    def _collect(self, seen: Pass) -> None:
        exchange = self._the_exchange()
        if exchange is not None:
            found = exchange.collect()
            seen.collected = found.students
            seen.problems += found.problems

    def _grade(self, seen: Pass) -> None:
        with scripts_on_path():
            standings = self._book.standings()
        whole = self._arrivals.whole(seen.collected)
        new = [
            student
            for student, digest in whole.items()
            if (student not in standings or standings[student].submission != digest)
            and self._waits.over(student)
        ]
        limit = self._settings.rules(self._assignment).attempts_per_day
        today = datetime.now(self._zone).date()
        waiting = [each for each in new if limit and self._used_up(standings, each, limit, today)]
        self._waiting = {student: whole[student] for student in waiting}
        seen.waiting = tuple(sorted(waiting))
        due = [each for each in new if each not in self._waiting]
        # So that who came first has not to wait for feedback until everybody is graded.
        seen.more = len(due[_AT_A_TIME:])
        if due:
            self._grade_these(due[:_AT_A_TIME], seen)

    def _tell_who_waits(self, seen: Pass) -> None:
        # After feedback, which is written anew with all that lies beside it.
        limit = self._settings.rules(self._assignment).attempts_per_day
        for student, digest in self._waiting.items():
            told = self._noted.get(student) == digest and self._notes.is_waiting(student)
            if told or limit is None:
                continue
            with self._guarded(seen) as worked:
                self._notes.wait(student, limit, self._the_exchange())
                self._noted[student] = digest
                worked.append(True)
            seen.failed = seen.failed or not worked

    def _used_up(self, standings: dict[str, Standing], student: str, limit: int, day: date) -> bool:
        standing = standings.get(student)
        return standing is not None and attempts(standing.entries, day, self._zone) >= limit

    def _grade_these(self, students: Sequence[str], seen: Pass) -> None:
        report = grade(
            *(self._course, self._assignment, students),
            progress=lambda done, total, who: self._say(f"{who}: {done} of {total}"),
            pool=self._pool,
            stop=self._stop,
        )
        for result in report.results:
            outcome = result.outcome.value if result.outcome else Outcome.NOT_GRADED.value
            score = "" if result.score is None else f", {result.score:g} of {result.max_score:g}"
            seen.graded[result.student] = f"{outcome}{score}"
            if result.outcome is Outcome.NOT_GRADED:
                self._waits.failed(result.student, self._settings.seconds)
                seen.failed = True
                seen.problems.append(f"{result.student}: {result.message}")
            else:
                self._waits.worked(result.student)
                with self._guarded(seen):
                    self._notes.forget(result.student, self._the_exchange())
        seen.problems += report.notes

    def _give_feedback(self, seen: Pass) -> None:
        when = self._settings.rules(self._assignment).feedback
        if when == NEVER or not (when == AT_ONCE or self._is_over(when)):
            return
        with scripts_on_path():
            standings = self._book.standings()
        for student, standing in sorted(standings.items()):
            what = f"feedback {student}"
            done = self._notes.is_released(student, standing.digest)
            if done or self._stop() or not self._waits.over(what):
                continue
            with self._guarded(seen) as worked:
                self._notes.release(student, standing.digest, self._the_exchange())
                worked.append(True)
            if worked:
                self._waits.worked(what)
                seen.feedback.append(student)
            else:
                self._waits.failed(what, self._settings.seconds)
                seen.failed = True

    def _read(self, action: Callable[[Gradebook], _T]) -> _T:
        def read() -> _T:
            with open_gradebook(self._coursedir) as gradebook:
                return action(gradebook)

        with scripts_on_path():
            return patiently(read)

    def _is_over(self, when: str | date) -> bool:
        return not isinstance(when, str) and in_utc(when, self._zone) <= datetime.now(UTC)

    def _the_exchange(self) -> Exchange | None:
        wanted = self._settings.exchange
        there = self._exchange.is_there() if wanted is None else wanted
        return self._exchange if there else None

    @contextmanager
    def _guarded(self, seen: Pass) -> Iterator[list[bool]]:
        """Note whatever goes wrong, and go on: nobody is there to start it again.

        Gives a list for the block to put something into when it has worked.
        """
        try:
            yield []
        except WorkshopError as error:
            seen.problems.append(in_one_line(error, self._course))
        except OSError as error:
            said = explained(error, self._course.root, self._assignment, "")
            seen.problems.append(in_one_line(said, self._course))
        except Exception:  # noqa: BLE001 - a defect of ours must not end an unattended watch
            seen.problems.append(traceback.format_exc())

    def _nothing_works(self, seen: Pass) -> bool:
        """Whether nothing could be graded for a reason that is nobody's own."""
        outcomes = seen.graded.values()
        return bool(outcomes) and all(each == Outcome.NOT_GRADED.value for each in outcomes)

    def _next(self, seen: Pass, *, hindered: bool) -> float:
        if hindered:
            return self._waits.failed("", self._settings.seconds)
        self._waits.worked("")
        return 0.0 if seen.more else self._settings.seconds

    def _tell(self, seen: Pass) -> None:
        try:
            self._log.write(seen)
        except OSError as error:
            seen.problems.append(f"watch.log: cannot be written: {error.strerror}")
        said = [f"collected: {', '.join(seen.collected)}"] if seen.collected else []
        said += [f"{student}: {ended}" for student, ended in seen.graded.items()]
        said += [f"feedback: {', '.join(seen.feedback)}"] if seen.feedback else []
        for line in said:
            self._say(line)
        # What stays as it is, such as a submission that was not taken, is told once.
        lasting = [f"{student}: more attempts than are graded a day; kept, and graded tomorrow"
                   for student in seen.waiting]  # fmt: skip
        lasting += seen.problems
        for line in lasting:
            if line not in self._told:
                self._say(line)
        self._told = set(lasting)
        if seen.problems and seen.next_seconds > self._settings.seconds:
            self._say(f"trying again in {seen.next_seconds:g} s")


def watch(
    course: Course,
    assignments: Sequence[str],
    *,
    pool: Pool | None = None,
    stop: Stop,
    say: Say,
    once: bool = False,
) -> bool:
    """Watch assignments until somebody asks to stop.

    Args:
        course: the course.
        assignments: their names.
        pool: grades in other processes; None for this one.
        stop: whether to stop.
        say: told what happens, in words.
        once: look at each until all that is there is graded, and end, for a program that looks at
            its own times.

    Returns:
        Whether nothing failed at the last look; with ``once``, at any.

    Raises:
        WorkshopError: the gradebook does not know an assignment, settings have a fault, or another
            process watches one of them.
    """
    names = sorted(set(assignments))
    watchers = [Watcher(course, name, pool=pool, stop=stop, say=say) for name in names]
    with ExitStack() as stack:
        for name in names:
            # Two that collect the same would take each other's half copied folders for whole ones.
            doing, lock = f"workshop watch {name}", f".watch-{name}.lock"
            stack.enter_context(single_writer(course.root, doing, wait=0, name=lock))
        return _watch(watchers, stop, once=once)


def _watch(watchers: Sequence[Watcher], stop: Stop, *, once: bool) -> bool:
    for each in watchers:
        each.glance()
    stop.wait(_GLANCE)
    due, fine = dict.fromkeys(watchers, 0.0), True
    while True:
        seen = []
        for each in watchers:
            if not stop() and time.monotonic() >= due[each]:
                seen.append(each.once())
                due[each] = time.monotonic() + seen[-1].next_seconds
        fine = not any(each.failed for each in seen) and (fine or not once)
        if stop() or (once and all(each.next_seconds for each in seen)):
            return fine
        stop.wait(max(0.0, min(due.values()) - time.monotonic()))
