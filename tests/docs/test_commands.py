"""Every command of `workshop` that a page shows can be given as it stands there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.testing import CliRunner

from tests.docs.pages import Block, blocks, pages
from workshop.cli import app

CALL = re.compile(r"^(?:\.venv/bin/|env/bin/)?workshop (?P<arguments>.*)$")


def shown() -> Iterator[tuple[str, list[str]]]:
    """Where a command stands, and its arguments."""
    for page in pages():
        for block in blocks(page, "console"):
            yield from _calls(block)


def _calls(block: Block) -> Iterator[tuple[str, list[str]]]:
    for line in block.text.replace("\\\n", " ").splitlines():
        call = CALL.match(line.strip())
        if call is not None:
            yield block.where, shlex.split(call["arguments"], comments=True)


def parse(arguments: list[str]) -> None:
    """Take the arguments apart as the command line does, without doing anything.

    Raises:
        Exception: an argument is missing or unknown; which exception, is Typer's matter.
    """
    command = typer.main.get_command(app)
    context = typer.Context(command)
    while isinstance(command, TyperGroup) and arguments and not arguments[0].startswith("-"):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_context(command.name, list(arguments), parent=context)


@pytest.mark.parametrize(
    ("where", "arguments"), [pytest.param(*each, id=f"{each[0]} {each[1][:2]}") for each in shown()]
)
def test_a_command_can_be_given_as_it_is_shown(where: str, arguments: list[str]) -> None:
    parse(arguments)


@pytest.mark.parametrize("wrong", [["grad", "ps1"], ["grade"], ["grade", "ps1", "--fource"]])
def test_what_cannot_be_given_is_noticed(wrong: list[str]) -> None:
    assert CliRunner().invoke(app, wrong).exit_code == 2
    with pytest.raises((KeyError, TyperException)):
        parse(wrong)
