"""The documentation site: `make docs` builds it into build/site, from README.md and docs/.

The pages are plain Markdown, with the links that a code host understands as well: Sphinx reads the
project's own folder, so a link is the same on the site. Navigation is made of the links: a page
belongs to the README nearest to it, which has to link to it; what no README links to is an error.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import typer
from docutils import nodes
from pygments.lexers.shell import BashLexer  # type: ignore[import-untyped]
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from typer.cli import get_docs_for_click

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)\s#]+\.md)[)#]")
COMMANDS = "docs/reference/commands"
said = logging.getLogger(__name__)

project = "Transfer-learning workshop"
author = "The transfer-learning workshop authors"
copyright = author  # noqa: A001 - Sphinx's name for it
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**"]
# Not walked through at all: there may be a virtual environment in them, or a class's work.
exclude_patterns = [each.name for each in ROOT.iterdir() if each.is_dir() and each.name != "docs"]

# Anchors as code hosts make them of headings.
myst_heading_anchors = 4
# Ours says it in words that tell what to do.
suppress_warnings = ["toc.not_included"]

napoleon_use_ivar = True
autodoc_member_order = "alphabetical"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
add_module_names = False

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sourcelink = False
# It would be fetched, which a browser refuses for files.
html_show_search_summary = False


def nearest_readme(source: Path, page: Path) -> Path | None:
    """The README that has to link to a page: of its folder, else of the nearest one above.

    Args:
        source: the folder that all pages are in.
        page: a page's path in it.
    """
    above = page.parents[1:] if page.name == "README.md" else page.parents
    found = (folder / "README.md" for folder in above)
    return next((each for each in found if (source / each).is_file()), None)


def children(source: Path, readme: Path, text: str) -> list[str]:
    """The pages below a README in the navigation: those that it links to, in its order."""
    linked = []
    for target in LINK.findall(text):
        path = (source / readme.parent / target).resolve()
        if not target.startswith(("/", "http")) and path.is_relative_to(source) and path.is_file():
            linked.append(path.relative_to(source))
    found = [each for each in linked if nearest_readme(source, each) == readme]
    return [each.with_suffix("").as_posix() for each in dict.fromkeys(found)]


def complete(app: Sphinx, name: str, content: list[str]) -> None:
    """Add to a page's text what is made from elsewhere: navigation, the commands' reference."""
    page = Path(app.env.doc2path(name, base=False))
    if page.name == "README.md":
        below = children(Path(app.srcdir), page, content[0])
        lines = "\n".join(f"/{each}" for each in below)
        content[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{lines}\n```\n"
    if name == COMMANDS:
        content[0] += commands()


def commands() -> str:
    """What `workshop --help` and each command's `--help` say, as Markdown."""
    from workshop.cli import app as workshop  # noqa: PLC0415 - only where the page is built

    group = typer.main.get_command(workshop)
    text = get_docs_for_click(obj=group, ctx=typer.Context(group), name="workshop")
    # Its own title gives way to the page's, and lists of commands, which cut what they say short,
    # to the page's contents. A prompt would be copied with the command.
    text = re.sub(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+\n", "", text.split("\n", 1)[1])
    return "\n" + text.replace("```console\n$ ", "```console\n")


def unlink_folders(app: Sphinx, page: nodes.document) -> None:
    """Leave the text of links to folders of the project, which the site does not hold.

    A code host shows them. A link to what is not there stays, and is an error.
    """
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for link in list(page.findall(addnodes.pending_xref)):
        target = link["reftarget"]
        if link["reftype"] == "myst" and link["refdomain"] is None and (folder / target).is_dir():
            link.replace_self(link.children)


def find_orphans(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn, which ends a strict build, of pages that the navigation does not lead to."""
    reached = {root_doc}.union(*env.toctree_includes.values())
    for name in sorted(env.found_docs - reached):
        page = Path(env.doc2path(name, base=False))
        readme = nearest_readme(Path(app.srcdir), page)
        said.warning("nothing leads to this page: link to it from %s", readme, location=name)


def scroll_by_keyboard(
    _app: Sphinx, _name: str, _template: str, context: dict[str, Any], _page: nodes.document | None
) -> None:
    """Let code and tables that are too wide for a screen be scrolled without a mouse."""
    scrolling = re.compile(r'<(?=pre>|div class="table-wrapper)(\w+)')
    context["body"] = scrolling.sub(r'<\1 tabindex="0"', context.get("body", ""))


def add_index(app: Sphinx, error: Exception | None) -> None:
    """A folder's README is also what its address opens."""
    if error is None:
        for page in Path(app.outdir).rglob("README.html"):
            shutil.copy(page, page.with_name("index.html"))


def setup(app: Sphinx) -> None:
    """Connect the steps above with Sphinx."""
    # Blocks of commands have no prompts, without which Pygments takes them for output.
    app.add_lexer("console", BashLexer)
    app.connect("source-read", complete)
    app.connect("doctree-read", unlink_folders)
    app.connect("env-check-consistency", find_orphans)
    app.connect("html-page-context", scroll_by_keyboard)
    app.connect("build-finished", add_index)
