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
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError, ExchangeFactory
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from nbgrader.utils import ignore_patterns, notebook_hash, parse_utc
from traitlets.config import Config

from workshop.course import Course
from workshop.errors import WorkshopError

TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"
_LONGEST_SECRET = 1024
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
    """Takes the newest submission of each student; what it does not take, it names."""

    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        self.taken: list[str] = []
        self.problems: list[str] = []

    def copy_files(self) -> None:
        """Copy what is newer than what is here."""
        for record in self.src_records:
            if "problem" in record:
                self.problems.append(f"{record['filename']}: {record['problem']}")
                continue
            try:
                if self._take(record):
                    self.taken.append(record["username"])
            except (OSError, RuntimeError) as error:  # shutil.Error is an OSError
                self.problems.append(f"{record['filename']}: not collected: {_reason(error)}")

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:  # noqa: ARG002 - nbgrader's
        """Nbgrader's own, but links stay links: grading rejects them."""
        most = 1000 * self.coursedir.max_dir_size
        size = self.get_size(src)
        if size > most:
            raise RuntimeError(f"{size} bytes are more than c.CourseDirectory.max_dir_size allows")
        ignored = ignore_patterns(
            exclude=self.coursedir.ignore,
            include=self.coursedir.include,
            max_file_size=self.coursedir.max_file_size,
            log=self.log,
        )
        shutil.copytree(src, dest, symlinks=True, ignore=ignored)
        if self.coursedir.groupshared:
            for folder, _, files in os.walk(dest):
                Path(folder).chmod(Path(folder).stat().st_mode | 0o2770)
                for path in (Path(folder, name) for name in files):
                    if not path.is_symlink():
                        path.chmod(path.stat().st_mode | 0o660)

    def _path_to_record(self, path: str) -> dict[str, Any]:
        name = os.path.basename(path)  # noqa: PTH119 - a folder may be called ..+ps1+...
        try:
            record: dict[str, Any] = super()._path_to_record(path)
            problem = self._problem(Path(path), record["username"])
        except (ExchangeError, ValueError, OverflowError, OSError):
            problem = "this is no name that nbgrader gives to a submission"
        if not problem:
            return record
        # Under a name of its own: it must not hide what the student has really handed in.
        return {"username": name, "filename": name, "timestamp": datetime.min, "problem": problem}

    def _problem(self, path: Path, student: str) -> str:
        if not student or student.startswith("."):
            return f"{student!r} is no student's name"
        about = path.lstat()
        if path.is_symlink() or not path.is_dir():
            return "this is no folder"
        if self.check_owner:
            try:
                owner = pwd.getpwuid(about.st_uid).pw_name
            except KeyError:
                owner = str(about.st_uid)
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
        there = _timestamp(target)
        if there is not None and record["timestamp"] <= there:
            return False
        copy, former = (target.with_name(f".{assignment}.{each}") for each in ("new", "former"))
        for each in (copy, former):
            shutil.rmtree(each, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.do_copy(str(Path(self.inbound_path, record["filename"])), str(copy))
        # The folder's name is what nbgrader goes by; what stands inside may be anything.
        stamp = copy / TIMESTAMP
        if stamp.is_symlink() or _timestamp(copy) != record["timestamp"]:
            stamp.unlink(missing_ok=True)
            stamp.write_text(f"{record['timestamp']:%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8")
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
        self._factory = ExchangeFactory(config=config)

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
        collect.update = True
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

    def release(self, student: str) -> bool:
        """Give a student the pages in ``feedback/``; False if what was handed in has no secret.

        Raises:
            WorkshopError: the exchange cannot be written.
        """
        folder = self._course.feedback / student / self._assignment
        secret = _secret(folder / SECRET)
        pages = {path.stem: path for path in sorted(folder.glob("*.html"))}
        return bool(secret) and self._give(self._release(student), secret, pages)

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
        secret = _secret(self._course.submitted / student / self._assignment / SECRET)
        release = self._release(student)
        if not secret or not isinstance(release, ExchangeReleaseFeedback):
            return False
        return self._give(release, secret, dict.fromkeys(notebooks, page))

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
            name = notebook_hash(secret=secret, notebook_id=notebook)
            target = Path(release.dest_path) / f"{name}.html"
            partial = target.with_suffix(".tmp")
            shutil.copyfile(page, partial)
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
        return {each.parent.name: _timestamp(each) for each in folders}


def _timestamp(folder: Path) -> datetime | None:
    """When a submission was handed in; None if that is not known."""
    try:
        moment: datetime = parse_utc((folder / TIMESTAMP).read_text(encoding="utf-8").strip())
    except (OSError, ValueError, OverflowError):
        return None
    return moment


def _secret(path: Path) -> str:
    """The secret of a submission; empty if there is none, or something else in its place."""
    try:
        if path.is_symlink() or path.stat().st_size > _LONGEST_SECRET:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _reason(error: Exception) -> str:
    if isinstance(error, shutil.Error):
        return "; ".join(str(each[-1]) for each in error.args[0])
    return str(error)
