"""A JupyterHub and a browser for as long as they are walked through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.journeys.hub import Hub, hub, install_proxy
from tests.journeys.machine import why_not
from tests.jupyterlab import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A JupyterHub with one instructor and two students who are users of Linux."""
    folder = tmp_path_factory.mktemp("site")
    problem = why_not() or install_proxy(folder / "opt" / "proxy")
    if problem:
        pytest.skip(f"NOT TESTED on JupyterHub: {problem}")
    with hub(folder) as running:
        yield running
