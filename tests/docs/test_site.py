"""The site: built strictly, complete, without network, readable and searchable as files."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, expect
from typer.core import TyperGroup

import checks
from tests.docs.pages import PICTURE, ROOT, pages
from workshop.cli import app


def sphinx(source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as `make docs` does."""
    options = [*("-b", "html", "-E", "-W", "--keep-going", "-q", "-c", str(ROOT / "docs"))]
    folders = ["-d", f"{output}.doctrees", str(source), str(output)]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("site") / "site"
    done = sphinx(ROOT, output)
    assert done.returncode == 0, done.stderr
    return output


@pytest.mark.slow
def test_every_page_is_there_and_each_folder_opens(site: Path) -> None:
    for page in pages():
        assert (site / page.relative_to(ROOT).with_suffix(".html")).is_file()
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()
    assert (site / "docs/instructor/index.html").is_file()


@pytest.mark.slow
def test_the_reference_has_every_command_and_function(site: Path) -> None:
    said = (site / "docs/reference/commands.html").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        assert f'id="workshop-{name}"' in said
        for option in command.params:
            assert all(each in said for each in option.opts if each.startswith("--"))
    said = (site / "docs/reference/checks.html").read_text(encoding="utf-8")
    assert not [name for name in checks.__all__ if f'id="checks.{name}"' not in said]


class Loaded(HTMLParser):
    """What a browser loads of its own accord for a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "srcset", "data") or (tag == "link" and name == "href"):
                self.found.append(value or "")


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    found = {each for page in site.rglob("*.html") for each in Loaded(page).found}
    assert any(each.endswith(".css?v=" + each.rpartition("=")[2]) for each in found)
    assert not [each for each in found if re.match(r"(?:\w+:)?//", each)]
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", styles)


GOOD = {
    "README.md": "# One\n\n[two](docs/two.md#an-anchor) ![a dot](docs/dot.png) [tests](tests)\n",
    "docs/two.md": "# Two\n\n## An anchor\n\n[one](../README.md)\n",
}
# A page, what is added to it, and what the message names.
MISTAKES = {
    "a page that is not there": ("docs/two.md", "[gone](gone.md)", "gone.md"),
    "an anchor of another page": ("README.md", "[two](docs/two.md#no-anchor)", "no-anchor"),
    "an anchor of the page": ("docs/two.md", "[here](#nowhere)", "nowhere"),
    "a folder that is not there": ("README.md", "[folder](no-folder)", "no-folder"),
    "a picture that is not there": ("docs/two.md", "![a picture](gone.png)", "gone.png"),
    "a page that nothing leads to": ("docs/three.md", "# Three", "link to it from README.md"),
    "a folder that nothing leads to": ("docs/more/README.md", "# More", "link to it from README"),
    "a page that its README leaves out": (
        "docs/more/four.md",
        "# Four",
        "link to it from docs/more/README.md",
    ),
}


def small_site(folder: Path) -> Path:
    (folder / "docs").mkdir(parents=True)
    (folder / "tests").mkdir()
    Image.new("L", (1, 1)).save(folder / "docs/dot.png")
    for name, text in GOOD.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_what_is_right_is_built(tmp_path: Path) -> None:
    done = sphinx(small_site(tmp_path / "source"), tmp_path / "site")
    assert done.returncode == 0, done.stderr
    # What only a code host shows is text here.
    page = (tmp_path / "site/README.html").read_text(encoding="utf-8")
    assert "<p>" in page
    assert 'href="tests"' not in page


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the build says of all mistakes, a line for each."""
    folder = tmp_path_factory.mktemp("mistakes")
    source = small_site(folder / "source")
    for name, added, _ in MISTAKES.values():
        path = source / name
        path.parent.mkdir(exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(f"{before}\n{added}\n", encoding="utf-8")
    done = sphinx(source, folder / "site")
    assert done.returncode != 0
    return done.stderr.splitlines()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_page(mistake: str, complaints: list[str]) -> None:
    page, _, named = MISTAKES[mistake]
    assert [each for each in complaints if "WARNING" in each and page in each and named in each]


def test_every_picture_has_words_for_those_who_do_not_see_it() -> None:
    found = [
        each for page in pages() for each in PICTURE.finditer(page.read_text(encoding="utf-8"))
    ]
    assert found
    assert not [each[0] for each in found if len(each["alternative"]) < 20]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_serious_for_those_who_do_not_see_well_or_at_all(
    site: Path, browser: Browser, theme: str, width: int
) -> None:
    for name in ("README", "docs/instructor/quickstart", "docs/reference/commands"):
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
        )
        page.goto((site / f"{name}.html").as_uri())
        said = Axe().run(page).response
        found = {
            (each["id"], *node["target"])
            for each in said["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        }
        assert not found, name
        assert "color-contrast" in {each["id"] for each in said["passes"]}
        page.close()


@pytest.mark.slow
def test_the_search_finds_in_files(site: Path, browser: Browser) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.get_by_label("Search", exact=True).first.fill("bubblewrap")
    page.keyboard.press("Enter")
    result = page.locator("#search-results a", has_text="For instructors").first
    result.click()
    expect(page).to_have_title(re.compile("For instructors"))
    assert not errors
    page.close()
