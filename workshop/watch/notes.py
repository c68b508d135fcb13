"""What students are shown by a watch: their feedback, or that an attempt has to wait."""

from __future__ import annotations

from pathlib import Path

from workshop.course import Course
from workshop.grading.feedback import generate_feedback
from workshop.watch.exchange import Exchange

WAITING = "waiting.html"
_RELEASED = ".released"


class Notes:
    """The pages of one assignment, in ``feedback/`` and, where there is one, in the exchange.

    Args:
        course: the course.
        assignment: the assignment's name.
        notebooks: the names of its notebooks.
    """

    def __init__(self, course: Course, assignment: str, notebooks: tuple[str, ...]) -> None:
        self._course, self._assignment, self._notebooks = course, assignment, notebooks

    def is_released(self, student: str, digest: str) -> bool:
        """Whether the feedback on what the log says last was given."""
        try:
            return (self._folder(student) / _RELEASED).read_text(encoding="ascii") == digest
        except (OSError, ValueError):
            return False

    def release(self, student: str, digest: str, exchange: Exchange | None) -> None:
        """Make a student's feedback, and give it.

        Args:
            student: whose.
            digest: of the last line of the log about the submission.
            exchange: to give it by; None for the folder ``feedback/`` alone.

        Raises:
            WorkshopError: a page could not be made, or not be released.
            OSError: the folder cannot be written.
        """
        rejected = not (self._course.autograded / student / self._assignment).is_dir()
        made = generate_feedback(self._course, self._assignment, [student])
        pages = [page for page in made if page.name != WAITING]
        if exchange is not None and pages:
            if rejected:
                exchange.publish(student, pages[0], self._notebooks)
            else:
                exchange.release(student, pages)
        # Last: what was not given to the end is given again.
        (self._folder(student) / _RELEASED).write_text(digest, encoding="ascii")

    def wait(self, student: str, limit: int, exchange: Exchange | None) -> None:
        """Tell a student that an attempt has to wait until tomorrow.

        Args:
            student: whose.
            limit: how many attempts are graded a day.
            exchange: to tell it by; None for the folder ``feedback/`` alone.

        Raises:
            WorkshopError: it could not be released.
            OSError: the folder cannot be written.
        """
        folder = self._folder(student)
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / WAITING
        many = "submission" if limit == 1 else "submissions"
        page.write_text(_PAGE.format(limit=limit, many=many), encoding="utf-8")
        if exchange is not None:
            exchange.publish(student, page, self._notebooks)

    def is_waiting(self, student: str) -> bool:
        """Whether the note that an attempt has to wait is there; new feedback removes it."""
        return (self._folder(student) / WAITING).exists()

    def forget(self, student: str, exchange: Exchange | None) -> None:
        """Take the note away that an attempt has to wait.

        Args:
            student: whose.
            exchange: where it was told; None for the folder ``feedback/`` alone.

        Raises:
            OSError: the folder cannot be written.
        """
        if not self.is_waiting(student):
            return
        page = self._folder(student) / WAITING
        if exchange is not None:
            exchange.withdraw(student, page, self._notebooks)
        page.unlink(missing_ok=True)

    def _folder(self, student: str) -> Path:
        return self._course.feedback / student / self._assignment


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Not graded yet</title></head>
<body style="font-family:sans-serif;max-width:45em;margin:2em auto;line-height:1.5">
<h1>Not graded yet</h1>
<p>Your submission has arrived and is kept. {limit} {many} of each student are graded on one day,
and yours of today have been.</p>
<p><b>This one is graded tomorrow, unless you hand in a newer one by then.</b> When you handed it in
counts, not when it is graded. Until then your earlier grade stands.</p>
</body>
</html>
"""
