"""What tests of several folders need: a browser, and signals as a terminal has them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_configure() -> None:
    """Heed the signals that nohup and shells in the background have every process ignore.

    Commands that tests start inherit that, and could not be stopped with Ctrl-C.
    """
    for each, handler in (
        (signal.SIGHUP, signal.SIG_DFL),
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGQUIT, signal.SIG_DFL),
    ):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, handler)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window; one at a time, since Playwright allows no more."""
    from tests.jupyterlab import CHROMIUM, chromium  # noqa: PLC0415 - most tests need none

    if CHROMIUM is None:
        pytest.skip("NOT TESTED in a browser: no chromium here")
    with chromium() as running:
        yield running
