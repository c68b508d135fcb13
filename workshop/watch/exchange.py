"""nbgrader's exchange, used by a program that nobody looks at.

nbgrader's own ``collect`` stops at the first submission that it cannot copy, follows links that
students made, only warns of work in another student's name, and loses a submission if it is stopped
between removing the old and copying the new. Whoever types the command sees that; here it has to be
refused, named, and done in an order that loses nothing.
"""

from __future__ import annotations

import logging
import os
import pwd
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError, ExchangeFactory
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from nbgrader.utils import ignore_patterns, notebook_hash
from traitlets.config import Config

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.timestamps import TIMESTAMP, handed_in, parse_stamp
from workshop.moments import zone_of
from workshop.terminal import printable
from workshop.watch.copying import copy_untrusted

_SECRET_NAME = "submission_secret.txt"  # noqa: S105 - a file's name
_LONGEST_SECRET = 1024
# Clocks of several machines may differ by so much.
_AHEAD = timedelta(minutes=10)
_log = logging.Logger("workshop.watch.exchange", logging.CRITICAL)
_log.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Collected:
    """What came out of the exchange.

    Attributes:
        students: whose submissions are new here.
        problems: which were not taken, and why.
    """

    students: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class CarefulCollect(ExchangeCollect):  # type: ignore[misc] # nbgrader ships no types
    """Takes the newest submission of each student; what it does not take, it names.

    Attributes:
        zone: the course's time zone.
        taken: whose submissions were taken.
        problems: which were not, and why.
    """

    zone: tzinfo = UTC
    _owner: int | None = None

    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        self.taken: list[str] = []
        self.problems: list[str] = []

    def copy_files(self) -> None:
        """Copy what is newer than what is here."""
        for record in self.src_records:
            if "problem" in record:
                if record["problem"]:
                    self.problems.append(f"{printable(record['filename'])}: {record['problem']}")
                continue
            try:
                if self._take(record):
                    self.taken.append(record["username"])
            except (OSError, ValueError, RecursionError) as error:
                self.problems.append(f"{printable(record['filename'])}: not collected: {error}")

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:  # noqa: ARG002 - nbgrader's
        """What nbgrader's copies, but links stay links: grading rejects them."""
        ignored = ignore_patterns(
            exclude=self.coursedir.ignore,
            include=self.coursedir.include,
            max_file_size=self.coursedir.max_file_size,
            log=self.log,
        )
        copy_untrusted(
            Path(src),
            Path(dest),
            ignore=ignored,
            most_bytes=1000 * self.coursedir.max_dir_size,
            owner=self._owner,
        )
        if self.coursedir.groupshared:
            for folder, _, files in os.walk(dest):
                Path(folder).chmod(Path(folder).stat().st_mode | 0o2770)
                for path in (Path(folder, name) for name in files):
                    if not path.is_symlink():
                        path.chmod(path.stat().st_mode | 0o660)

    def _path_to_record(self, path: str) -> dict[str, Any]:
        name = os.path.basename(path)  # noqa: PTH119 - a folder may be called ..+ps1+...
        student, *about = name.rsplit("+", 3)  # nbgrader's way: a name may hold a +
        record = {"username": student, "filename": name, "timestamp": datetime.min}
        if about[0] != self.coursedir.assignment_id:
            problem = ""  # another assignment's, of somebody whose name ends as this one's
        else:
            try:
                moment = parse_stamp(about[1] if about[1:] else "", self.zone)
                record["timestamp"] = moment.replace(tzinfo=None)  # as nbgrader compares them
                problem = self._problem(Path(path), student)
                if not problem:
                    return record
            except (ValueError, OSError):
                problem = "this is no name that nbgrader gives to a submission"
        # Under a name of its own: it must not hide what the student has really handed in.
        return {**record, "username": name, "problem": problem}

    def _problem(self, path: Path, student: str) -> str:
        if not student or student.startswith(".") or not student.isprintable():
            return f"{student!r} is no student's name"
        about = path.lstat()
        if path.is_symlink() or not path.is_dir():
            return "this is no folder"
        if self.check_owner:
            owner = _account(about.st_uid)
            if owner != student:
                return (
                    f"it is in the name of {student}, but {owner} made it; not collected (if your"
                    " accounts have other names than your students: c.ExchangeCollect.check_owner"
                    " = False)"
                )
        return ""

    def _take(self, record: dict[str, Any]) -> bool:
        student, assignment = record["username"], self.coursedir.assignment_id
        submitted = self.coursedir.submitted_directory
        target = Path(self.coursedir.format_path(submitted, student, assignment))
        copy, former = (target.with_name(f".{assignment}.{each}") for each in ("new", "former"))
        if former.exists() and not target.exists():
            former.rename(target)  # a watch was killed between the two renames below
        moment, there = record["timestamp"].replace(tzinfo=UTC), handed_in(target, self.zone)
        if moment > datetime.now(UTC) + _AHEAD:
            self.problems.append(
                f"{printable(record['filename'])}: it was handed in at a time that is still to"
                " come; it counts, and nothing of this student is collected until then (rename it"
                " to collect what is newer)"
            )
        if there is not None and moment <= there:
            return False
        for each in (copy, former):
            shutil.rmtree(each, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        path = Path(self.inbound_path, record["filename"])
        self._owner = pwd.getpwnam(student).pw_uid if self.check_owner else None
        self.do_copy(str(path), str(copy))
        # The folder's name is what nbgrader goes by; what stands inside may be anything.
        stamp = copy / TIMESTAMP
        if handed_in(copy, self.zone) != moment:
            _remove(stamp)
            stamp.write_text(f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8")
        if target.exists() or target.is_symlink():
            target.rename(former)
        copy.rename(target)
        shutil.rmtree(former, ignore_errors=True)
        return True


class Exchange:
    """The exchange as ``nbgrader_config.py`` describes it, for one assignment.

    Args:
        course: the course.
        config: that of its ``nbgrader_config.py``.
        assignment: the assignment's name.
    """

    def __init__(self, course: Course, config: Config, assignment: str) -> None:
        self._course, self._config, self._assignment = course, config, assignment
        self._factory, self._zone = ExchangeFactory(config=config), zone_of(config)

    def is_there(self) -> bool:
        """Whether the course can be collected from; True for an exchange that is not nbgrader's."""
        if self._factory.collect is not ExchangeCollect:
            return True
        collect = ExchangeCollect(coursedir=self._coursedir(), config=self._config)
        return Path(collect.root, collect.coursedir.course_id, "inbound").is_dir()

    def collect(self) -> Collected:
        """Take what is newer than what is in ``submitted/``.

        Raises:
            WorkshopError: the exchange cannot be read.
        """
        foreign = self._factory.collect is not ExchangeCollect
        kind = self._factory.collect if foreign else CarefulCollect
        collect = kind(
            coursedir=self._coursedir(),
            authenticator=Authenticator(config=self._config),
            config=self._config,
            log=_log,
        )
        collect.update, collect.zone = True, self._zone
        before = self._times() if foreign else {}
        try:
            collect.start()
        except ExchangeError as error:
            raise WorkshopError(
                f"nothing was collected: {error}",
                where="exchange",
                remedy="run nbgrader collect to see more; exchange: false in watch.yaml leaves it",
            ) from error
        if isinstance(collect, CarefulCollect):
            return Collected(tuple(sorted(collect.taken)), tuple(collect.problems))
        after = self._times()
        return Collected(tuple(sorted(name for name in after if after[name] != before.get(name))))

    def release(self, student: str, pages: Iterable[Path]) -> bool:
        """Give a student pages in ``feedback/``; False if what was handed in has no secret.

        Args:
            student: whose.
            pages: one for each notebook.

        Raises:
            WorkshopError: the exchange cannot be written.
        """
        folder = self._course.feedback / student / self._assignment
        secret = _secret(folder / _SECRET_NAME)
        by_notebook = {page.stem: page for page in pages}
        return bool(secret) and self._give(self._release(student), secret, by_notebook)

    def publish(self, student: str, page: Path, notebooks: Iterable[str]) -> bool:
        """Show a page to a student in place of the feedback on the last submission.

        Args:
            student: whose submission in ``submitted/`` it is about.
            page: the page.
            notebooks: the names of the assignment's notebooks.

        Returns:
            Whether that was possible: not without the submission's secret, nor by an exchange
            that is not nbgrader's.

        Raises:
            WorkshopError: the exchange cannot be written.
        """
        secret = _secret(self._course.submitted / student / self._assignment / _SECRET_NAME)
        release = self._release(student)
        if not secret or not isinstance(release, ExchangeReleaseFeedback):
            return False
        return self._give(release, secret, dict.fromkeys(notebooks, page))

    def withdraw(self, student: str, page: Path, notebooks: Iterable[str]) -> None:
        """Take back what ``publish`` has shown, where nothing else has taken its place.

        Args:
            student: whose submission in ``submitted/`` it was about.
            page: the page.
            notebooks: the names of the assignment's notebooks.
        """
        secret = _secret(self._course.submitted / student / self._assignment / _SECRET_NAME)
        release = self._release(student)
        if not secret or not isinstance(release, ExchangeReleaseFeedback):
            return
        folder, shown = Path(release.root, release.coursedir.course_id, "feedback"), b""
        with suppress(OSError):
            shown = page.read_bytes()
        for notebook in notebooks:
            target = _target(folder, secret, notebook)
            with suppress(OSError):
                if target.read_bytes() == shown:
                    target.unlink()

    def _give(self, release: Any, secret: str, pages: Mapping[str, Path]) -> bool:
        """Put pages where the student who knows the secret finds them, by notebook."""
        try:
            if not isinstance(release, ExchangeReleaseFeedback):
                release.start()
                return True
            if not release.coursedir.groupshared:  # as in nbgrader
                release.ensure_root()
            release.init_dest()
        except ExchangeError as error:
            raise WorkshopError(
                f"feedback was not released: {error}",
                where="exchange",
                remedy="make the exchange writable for you, as nbgrader's documentation tells",
            ) from error
        for notebook, page in pages.items():
            target = _target(Path(release.dest_path), secret, notebook)
            partial = target.with_suffix(".tmp")
            shutil.copyfile(page, partial)
            # Whoever knows its name may read it, whatever this process's umask is.
            partial.chmod(0o664 if release.coursedir.groupshared else 0o644)
            partial.replace(target)
        return True

    def _release(self, student: str) -> Any:
        coursedir = self._coursedir()
        coursedir.student_id = student
        return self._factory.release_feedback(
            coursedir=coursedir,
            authenticator=Authenticator(config=self._config),
            config=self._config,
            log=_log,
        )

    def _coursedir(self) -> CourseDirectory:
        coursedir = CourseDirectory(config=self._config, log=_log)
        coursedir.assignment_id = self._assignment
        return coursedir

    def _times(self) -> dict[str, datetime | None]:
        folders = self._course.submitted.glob(f"*/{self._assignment}")
        return {each.parent.name: handed_in(each, self._zone) for each in folders}


def _account(number: int) -> str:
    """The name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _remove(path: Path) -> None:
    """Remove whatever a student has put there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _target(folder: Path, secret: str, notebook: str) -> Path:
    """Where a student who knows the secret finds the page about a notebook."""
    return folder / f"{notebook_hash(secret=secret, notebook_id=notebook)}.html"


def _secret(path: Path) -> str:
    """The secret of a submission; empty if there is none, or something else in its place."""
    try:
        if path.is_symlink() or path.stat().st_size > _LONGEST_SECRET:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
