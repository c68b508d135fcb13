"""Parts of a model are whole components of a name, and phrases count right."""

from __future__ import annotations

import pytest

from checks.names import (
    any_belongs,
    belongs,
    describe,
    first,
    listing,
    outside,
    parts_of,
    plural,
    share,
)


@pytest.mark.parametrize(
    ("selection", "parts"),
    [
        ("classifier", ("classifier",)),
        ("classifier.", ("classifier",)),
        (["a", "b."], ("a", "b")),
        ((name for name in "ab"), ("a", "b")),
        ("", ("",)),
        ((), ()),
    ],
)
def test_selection_becomes_module_names(selection: object, parts: tuple[str, ...]) -> None:
    assert parts_of(selection) == parts  # type: ignore[arg-type] # one of several types


def test_selection_of_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="3"):
        parts_of(["a", 3])  # type: ignore[list-item] # that is the point


@pytest.mark.parametrize(
    ("name", "parts", "inside"),
    [
        ("blocks.5.0.weight", ["blocks.5"], True),
        ("blocks.5", ["blocks.5"], True),
        ("blocks.55.0.weight", ["blocks.5"], False),
        ("blocks.5.0.weight", ["blocks.55"], False),
        ("my.blocks.5.weight", ["blocks.5"], False),
        ("blocks", ["blocks.5"], False),
        ("classifier_old.weight", ["classifier"], False),
        ("anything", [""], True),
        ("anything", [], False),
        ("b.weight", ["a", "b"], True),
    ],
)
def test_only_whole_components_of_a_name_count(name: str, parts: list[str], inside: bool) -> None:
    assert belongs(name, parts) is inside


def test_shared_tensor_belongs_where_one_of_its_names_does() -> None:
    assert any_belongs(["embedding.weight", "head.weight"], ["head"])
    assert not any_belongs(["embedding.weight", "body.weight"], ["head"])


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, ""),
        (1, "a"),
        (2, "a and b"),
        (3, "a, b and c"),
        (6, "a, b, c, d, e and f"),
        (8, "a, b, c, d, e and 3 more"),
    ],
)
def test_listing_counts_what_it_leaves_out(count: int, text: str) -> None:
    assert listing("abcdefgh"[:count]) == text


def test_parts_are_described() -> None:
    assert describe(["a", "b"]) == "a and b"
    assert describe([""]) == "the model"


@pytest.mark.parametrize(
    ("parts", "word"), [((), ""), (("classifier",), "backbone "), (("a", "b"), "other ")]
)
def test_what_is_outside_has_a_name(parts: tuple[str, ...], word: str) -> None:
    assert outside(parts) == word


def test_share_says_all_when_it_is_all() -> None:
    assert share(["a"], 2) == "1 of 2"
    assert share(["a", "b"], 2) == "all 2"


def test_first_offender_is_named() -> None:
    assert "first: a" in first(["a", "b"])
    assert first(["a"]).endswith(": a")


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "group", "1 group"),
        (0, "group", "0 groups"),
        (2, "batch", "2 batches"),
        (2, "class", "2 classes"),
        (2, "epoch", "2 epochs"),
        (2000, "image", "2,000 images"),
    ],
)
def test_plural(count: int, noun: str, text: str) -> None:
    assert plural(count, noun) == text
