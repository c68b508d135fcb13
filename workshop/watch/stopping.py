"""A clean stop: what runs is finished, nothing new is begun."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SLICE = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# One request to stop may come twice: to the process, and to the group that it is in.
_ONE_REQUEST = 1.0


class Stop:
    """Whether to stop.

    Args:
        say: told once when a signal asks. It is called whatever the program is doing just then, in
            the middle of printing for example.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._asked, self._since = False, 0.0

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
        """Let Ctrl-C, SIGTERM and a closed terminal ask; the second time gives up what is graded.

        What this process was started to ignore (``nohup``) it goes on to ignore.

        Raises:
            KeyboardInterrupt: at a second signal, a second later or more. Nothing that was graded
                is lost by it.
        """

        def asked(*_: Any) -> None:
            if self._asked and time.monotonic() >= self._since + _ONE_REQUEST:
                raise KeyboardInterrupt
            if not self._asked:
                self._asked, self._since = True, time.monotonic()
                self._say("stopping when the submission in hand is graded; once more gives it up")

        heeded = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        before = {each: signal.signal(each, asked) for each in heeded}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
