"""A clean stop: what runs is finished, nothing new is begun."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SLICE = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether to stop.

    Args:
        say: told once when a signal asks.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._asked = False

    def __call__(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._asked

    def ask(self) -> None:
        """Ask to stop."""
        self._asked = True

    def wait(self, seconds: float) -> None:
        """Wait so long, or until somebody asks."""
        until = time.monotonic() + seconds
        # Not an Event: a signal that comes while it is being waited for could block for good.
        while not self._asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(_SLICE, left))

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM ask; the second Ctrl-C gives up what is being graded.

        Raises:
            KeyboardInterrupt: at the second signal. Nothing that was graded is lost by it.
        """

        def asked(*_: Any) -> None:
            if self._asked:
                raise KeyboardInterrupt
            self._asked = True
            self._say("stopping when the submission in hand is graded; once more gives it up")

        before = {each: signal.signal(each, asked) for each in _SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
