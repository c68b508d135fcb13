"""The one error that the workshop raises on purpose."""

from __future__ import annotations

from pathlib import Path


class WorkshopError(Exception):
    """Something the reader of the message can put right.

    Anything else that is raised is a defect of the workshop and keeps its traceback.

    Attributes:
        what: what is wrong, without a full stop.
        where: the file, ``file:line``, cell or setting concerned; None if there is none.
        remedy: what to do about it; None if that is plain from ``what``.
    """

    def __init__(
        self, what: str, *, where: str | Path | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\n  {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{advice}"

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments are lost by Exception's own pickling, and errors cross processes.
        return _restore, (type(self), self.what, self.where, self.remedy, self.__dict__)


def _restore(
    kind: type[WorkshopError],
    what: str,
    where: str | None,
    remedy: str | None,
    state: dict[str, object],
) -> WorkshopError:
    error = kind.__new__(kind)
    Exception.__init__(error, what, where, remedy)
    error.__dict__.update(state)
    return error
