"""Tell a learner's mistake from a crash of ours, and turn either into a verdict."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Literal, ParamSpec, TypeVar

from checks.advice import advice_for
from checks.verdict import Status, Verdict

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)
_OURS = Path(__file__).resolve().parent
_ENGINE = _OURS.parent / "workshop"
# Learners call these two themselves, so an exception in them is about the learner's arguments.
_LEARNERS_TOOLS = (_ENGINE / "assets", _ENGINE / "learn")
_LIBRARIES = tuple(
    Path(path).resolve() for path in {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix}
)
_LONGEST_MESSAGE = 300

CHECK_NAMES: dict[str, str] = {}
"""The name on the verdict for each checking function, for example
``{"check_trainable": "freezing.trainable"}``."""


class CheckCrashed(Exception):
    """A check itself failed. The cell gets no score and the instructor is told."""


class LearnerError(Exception):
    """Something about the learner's work that ends a check, with what the learner should read.

    Args:
        rationale: what was found.
        expected: what was expected.
        actual: what there was instead.
        hint: what to do next.
    """

    def __init__(
        self,
        rationale: str,
        *,
        expected: str | None = None,
        actual: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(rationale)
        self.rationale, self.expected, self.actual, self.hint = rationale, expected, actual, hint

    def verdict(self, check: str) -> Verdict:
        """The FAILED verdict that says this."""
        return Verdict(
            check, Status.FAILED, 0.0, self.rationale, self.expected, self.actual, self.hint
        )


def checked(check: str) -> Callable[[Callable[P, Verdict]], Callable[P, Verdict]]:
    """Name a checking function, and make it always return a verdict.

    A :class:`LearnerError` becomes FAILED. Any other exception is ours and becomes ERROR.
    """

    def decorate(function: Callable[P, Verdict]) -> Callable[P, Verdict]:
        CHECK_NAMES[function.__name__] = check

        @functools.wraps(function)
        def always_a_verdict(*args: P.args, **kwargs: P.kwargs) -> Verdict:
            try:
                return function(*args, **kwargs)
            except LearnerError as error:
                return error.verdict(check)
            except Exception as error:  # noqa: BLE001 - whatever it is, the learner must not pay for it
                return _crash(check, error)

        return always_a_verdict

    return decorate


def calling(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call the learner's function or model.

    Raises:
        LearnerError: it raised; the text names the exception and the line, and gives advice.
        Exception: what a check of ours, such as a hook on the model, raised meanwhile.
    """
    try:
        return function(*args, **kwargs)
    except LearnerError:
        raise
    except (Exception, SystemExit) as error:
        within = error.__traceback__.tb_next if error.__traceback__ else None
        if _blame(within) == "ours":
            raise
        raise explained(error) from error


def guard(check: str, function: Callable[[], Verdict]) -> Verdict:
    """Call a function that checks something, and return a verdict whatever happens.

    Args:
        check: what to call the check where the function does not tell. A lambda that calls
            ``checks.check_trainable`` does: its verdict is named ``freezing.trainable`` also when
            the learner's code stops before the check begins.
        function: returns the verdict; may raise.

    Returns:
        The function's verdict; FAILED with the exception, its line and advice if the learner's code
        raised; ERROR if a check or the engine did. What the function writes to stderr, such as
        progress bars and warnings, goes to stdout: nbgrader gives no points where there is any.
    """
    check = _name_within(function) or check
    try:
        with stderr_on_stdout():
            verdict: object = function()
    except LearnerError as error:
        return error.verdict(check)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the learner's code may raise anything
        within = error.__traceback__.tb_next if error.__traceback__ else None
        blame = _blame(within)
        return _crash(check, error) if blame == "ours" else explained(error).verdict(check)
    if isinstance(verdict, Verdict):
        return verdict
    return _crash(check, TypeError(f"Expected a Verdict, but got {type(verdict).__name__}"))


def explained(error: BaseException) -> LearnerError:
    """The learner's own exception: what it was, where, and what to try."""
    kind = type(error).__name__
    message = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    said = f"{kind}: {message}" if message else kind
    frame = _last_frame_of_learner(error.__traceback__)
    place = ""
    if frame is not None:
        line = f": {frame.line}" if frame.line else ""
        function = "your cell" if frame.name in ("<module>", "<lambda>") else frame.name
        place = f" In {function}, line {frame.lineno}{line}"
    return LearnerError(f"Your code stopped with {said}.{place}", hint=advice_for(error))


def blames_us(error: BaseException) -> bool:
    """Whether an exception is a mistake of this project rather than of the code that it called."""
    return _blame(error.__traceback__.tb_next if error.__traceback__ else None) == "ours"


def _crash(check: str, error: BaseException) -> Verdict:
    _log.debug("check %s crashed", check, exc_info=error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _owner(frame.filename) == "ours"]
    place = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    message = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    return Verdict(
        check,
        Status.ERROR,
        0.0,
        f"The check itself stopped with {type(error).__name__}: {message}{place}."
        " This is not your mistake and costs you no points.",
        hint="Please tell your instructor, and go on with the next exercise.",
    )


def _owner(filename: str) -> Literal["ours", "learner", "library"]:
    """Whose code a file is. A notebook's cells and text that is run are the learner's."""
    if filename.startswith(("<frozen", "<__array")):
        return "library"
    path = Path(filename)
    if not path.is_absolute():
        return "learner"
    if any(path.is_relative_to(folder) for folder in _LEARNERS_TOOLS):
        return "library"
    if path.is_relative_to(_OURS) or path.is_relative_to(_ENGINE):
        return "ours"
    return "library" if any(path.is_relative_to(folder) for folder in _LIBRARIES) else "learner"


def _blame(frames: TracebackType | None) -> Literal["ours", "learner"]:
    """Who called last before the exception, libraries aside."""
    owners = [_owner(frame.filename) for frame in traceback.extract_tb(frames)]
    return (
        "ours" if [owner for owner in owners if owner != "library"][-1:] == ["ours"] else "learner"
    )


def _last_frame_of_learner(frames: TracebackType | None) -> traceback.FrameSummary | None:
    found = [f for f in traceback.extract_tb(frames) if _owner(f.filename) == "learner"]
    return found[-1] if found else None


def _name_within(function: Callable[[], object]) -> str | None:
    """The name of the first check that a small function calls."""
    code = getattr(function, "__code__", None)
    names = code.co_names if isinstance(code, CodeType) else ()
    return next((CHECK_NAMES[name] for name in names if name in CHECK_NAMES), None)


@contextlib.contextmanager
def stderr_on_stdout() -> Iterator[None]:
    """Let what goes to stderr meanwhile appear on stdout, progress bars in their last state."""
    kept = io.StringIO()
    try:
        with contextlib.redirect_stderr(kept):
            yield
    finally:
        # A progress bar rewrites its line; only the last state of each line is worth showing.
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in kept.getvalue().split("\n")]
        text = "\n".join(line for line in lines if line.strip())
        if text:
            sys.stdout.write(f"{text}\n")
