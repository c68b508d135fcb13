from __future__ import annotations

import pickle
from pathlib import Path

from workshop.errors import WorkshopError


class _SpecialError(WorkshopError):
    pass


def test_the_text_says_where_what_and_what_to_do() -> None:
    error = WorkshopError("no such file", where=Path("a/b.py"), remedy="make it")
    assert str(error) == "a/b.py: no such file\n  make it"
    assert (error.what, error.where, error.remedy) == ("no such file", "a/b.py", "make it")


def test_place_and_remedy_may_be_left_out() -> None:
    assert str(WorkshopError("it is late")) == "it is late"
    assert str(WorkshopError("it is late", remedy="sleep")) == "it is late\n  sleep"


def test_an_error_comes_whole_out_of_another_process() -> None:
    error = _SpecialError("what", where="here", remedy="do")
    error.add_note("seen in a worker")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is _SpecialError
    assert str(again) == str(error)
    assert again.__notes__ == ["seen in a worker"]
