"""JupyterLab in a browser, as tests need it: what to click, what to wait for, what to keep."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)
from playwright.sync_api import (
    TimeoutError as NotYet,
)

from checks.quiz import QuestionType
from workshop.quiz.asked import Asked

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 300_000  # milliseconds; a first start compiles and loads much, on a busy machine
SCREENSHOTS = Path(__file__).resolve().parents[1] / "build" / "screenshots"
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="NOT TESTED in a browser: no chromium here"
)
expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def jupyterlab(home: Path, folder: Path, **variables: str) -> Iterator[str]:
    """A running JupyterLab of this environment; its address.

    Args:
        home: its home folder, which also holds its settings and its log.
        folder: where its files are.
        variables: of its environment, beside those of the tests.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}"),
                *("--IdentityProvider.token=", "--allow-root", f"--ServerApp.root_dir={folder}"),
                *("--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True"),
            ],
            env={
                **os.environ,
                "HOME": str(home),
                "JUPYTER_CONFIG_DIR": str(home / "config"),
                **variables,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"{address}/api/status", server, home / "log")
            yield address
        finally:
            end(server)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def end(server: subprocess.Popen[bytes]) -> None:
    """End a server with its kernels, or, if the machine is too busy for that, just it."""
    server.terminate()
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(60)


def form_of(page: Page, name: str) -> Locator:
    """The form of a question, scrolled to."""
    return scrolled_to(page, page.locator(f'fieldset[data-question="{name}"]'))


def scrolled_to(page: Page, wanted: Locator) -> Locator:
    """What is wanted in the notebook that is open: JupyterLab draws only what is near."""
    panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    if not wanted.count():
        panel.evaluate("each => each.scrollTo(0, 0)")
    for _ in range(200):
        with suppress(NotYet):
            wanted.first.wait_for(state="attached", timeout=300)
            break
        # A screen further, and from the top again: what computes may push it down meanwhile.
        panel.evaluate(
            "each => each.scrollTop + each.clientHeight < each.scrollHeight"
            " ? each.scrollBy(0, each.clientHeight * 0.6) : each.scrollTo(0, 0)"
        )
    wanted.first.scroll_into_view_if_needed()
    return wanted


def eventually(page: Page, happened: Callable[[], bool], what: str) -> None:
    """Wait for something that is not to be seen on the page, while the page goes on."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not happened():
        assert time.monotonic() < deadline, f"not within {PATIENCE / 1000:.0f} s: {what}"
        page.wait_for_timeout(100)


def answer(form: Locator, question: Asked) -> None:
    """Clicks, and types where there is nothing to click, the right answer."""
    value = question.answer
    if question.form.type is QuestionType.TRUE_FALSE:
        form.get_by_role("radio", name=str(value), exact=True).check()
    elif question.form.type is QuestionType.SINGLE_CHOICE:
        form.locator(f'input[value="{value}"]').check()
    elif question.form.type is QuestionType.MULTIPLE_RESPONSE:
        for letter in value:
            form.locator(f'input[value="{letter}"]').check()
    elif question.form.type is QuestionType.ORDERING:
        _put_in_order(form, value)
    else:
        form.get_by_role("textbox").fill(str(value))


def _put_in_order(form: Locator, letters: list[str]) -> None:
    for place, letter in enumerate(letters):
        up = form.get_by_role("button", name=f"Move step {letter} up")
        shown = form.locator("li")
        while not shown.nth(place).inner_text().count(f"{letter})"):
            up.click()
    # One move and back writes the order where it was right from the start.
    down = form.get_by_role("button", name=f"Move step {letters[0]} down")
    down.click()
    form.get_by_role("button", name=f"Move step {letters[0]} up").click()


class Screen:
    """One person's browser: its page, what went wrong in it, and pictures of what was to be seen.

    Attributes:
        page: the page.
        errors: what the browser's console reported, but for what is known.
    """

    def __init__(self, browser: Browser, story: str, known: dict[str, str]) -> None:
        """Open a page.

        Args:
            browser: where to open it.
            story: what is told; a folder of this name holds its pictures.
            known: expressions for errors that are not ours, each with its reason.
        """
        self._context = browser.new_context(viewport={"width": 1366, "height": 900})
        self._folder, self._known, self._number = SCREENSHOTS / story, [*known], 0
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self.errors: list[str] = []
        self.page = self._context.new_page()
        self.watch(self.page)

    def watch(self, page: Page) -> Page:
        """Keep the errors of a page, also of one that was opened by another."""
        page.set_default_timeout(PATIENCE)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self._keep(str(error)))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._keep(f"{message.text} ({message.location.get('url', '')})")

    def _keep(self, error: str) -> None:
        if not any(re.search(each, error) for each in self._known):
            self.errors.append(error)

    def picture(self, name: str, page: Page | None = None, *, whole: bool = False) -> None:
        """Keep what is to be seen now."""
        self._number += 1
        path = self._folder / f"{self._number:02d}_{name}.png"
        (page or self.page).screenshot(path=path, full_page=whole)

    def menu(self, *names: str) -> None:
        """Choose an entry of JupyterLab's menus."""
        bar, *entries = names
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(bar, exact=True).click()
        for entry in entries:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()

    def run_all(self) -> None:
        """Run all cells of the open notebook, and wait for the last of them."""
        self.menu("Run", "Run All Cells")
        busy = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-InputPrompt")
        last = busy.filter(has_text=re.compile(r"\[\d+\]")).last
        expect(last).to_be_visible()
        expect(busy.filter(has_text="[*]")).to_have_count(0)

    def write(self, cell: Locator, text: str) -> None:
        """Replace the text of a cell of code, as typing it would, and run it."""
        scrolled_to(self.page, cell).locator(".cm-content").first.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Shift+Enter")

    def save(self) -> None:
        """Save the open notebook, and wait until it is."""
        self.page.keyboard.press("Control+s")
        expect(self.page.locator(".jp-mod-current.jp-mod-dirty")).to_have_count(0)

    def close(self) -> None:
        """End it, with a last picture: of what went wrong, if something did."""
        self.picture("last")
        self._context.close()
