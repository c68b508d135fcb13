"""Mistakes in YAML files are named with their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from workshop.errors import WorkshopError
from workshop.yaml_files import load_yaml


class Shelf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = "none"
    books: list[str] = []
    sizes: dict[str, int] = {}


def load(path: Path, text: str | bytes) -> Shelf:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_yaml(path, Shelf, remedy="see the docs")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shelf.yaml"


def test_what_stands_in_the_file(path: Path) -> None:
    shelf = load(path, "name: left\nbooks: [a, b]\nsizes: {a: 1}\n")
    assert (shelf.name, shelf.books, shelf.sizes) == ("left", ["a", "b"], {"a": 1})


def test_an_empty_file_is_an_empty_mapping(path: Path) -> None:
    assert load(path, "") == Shelf()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: left\ncolour: red\n", 2, "colour"),
        ("name: left\n\nbooks:\n  - a\n  - 7\n", 5, "books.1"),
        ("sizes:\n  a: 1\n  b: large\n", 3, "sizes.b"),
        ("name: left\nname: right\n", 2, "twice"),
        ("sizes:\n  a: 1\n  a: 2\n", 3, "twice"),
        ("name: left\nbooks: [a\n", 3, "not valid YAML"),
        ("- a list\n", 1, "dictionary"),
        # The misspelt key explains the error, not what follows from it.
        ("nmae: left\nbooks: none\n", 1, "nmae"),
    ],
)
def test_a_mistake_is_named_with_its_line(path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        load(path, text)
    assert said in caught.value.what
    assert caught.value.where == f"{path}:{line}"


@pytest.mark.parametrize("text", [b"name: \xff\xfe", "[" * 5000, "name: \x00"])
def test_what_is_no_yaml_at_all_is_refused_with_the_file(path: Path, text: str | bytes) -> None:
    with pytest.raises(WorkshopError) as caught:
        load(path, text)
    assert caught.value.where is not None
    assert str(caught.value.where).startswith(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="cannot be read"):
        load_yaml(tmp_path / "none.yaml", Shelf, remedy="see the docs")


def test_as_text_nothing_is_made_of_what_stands_there(path: Path) -> None:
    path.write_text("books: [0123, on, 2030-05-04, null]\nsizes: {007: 3}\n")
    shelf = load_yaml(path, Shelf, remedy="see the docs", as_text=True)
    assert shelf.books == ["0123", "on", "2030-05-04", "null"]
    assert shelf.sizes == {"007": 3}
