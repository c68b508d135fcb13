"""A JupyterHub for as long as it is walked through."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.journeys.hub import Hub, hub, install_proxy
from tests.journeys.machine import why_not

_ENDED = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember where a story ended: the rest of it would only wait for what never comes."""
    report = yield
    if report.failed and item.parent is not None:
        item.parent.stash.setdefault(_ENDED, item.name)
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.parent is not None and _ENDED in item.parent.stash:
        pytest.skip(f"the story ended at {item.parent.stash[_ENDED]}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A JupyterHub with one instructor and two students who are users of Linux."""
    folder = tmp_path_factory.mktemp("site")
    problem = why_not() or install_proxy(folder / "opt" / "proxy")
    if problem:
        pytest.skip(f"NOT TESTED on JupyterHub: {problem}")
    with hub(folder) as running:
        yield running
