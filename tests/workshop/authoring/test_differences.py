from __future__ import annotations

from typing import Any

import nbformat.v4
from nbformat import NotebookNode

from workshop.authoring.differences import difference, exercises_of

_v4: Any = nbformat.v4


def exercise(name: str, points: float = 2, **texts: str) -> list[NotebookNode]:
    """Text, stub and check of an exercise, as released."""

    def about(grade_id: str, **flags: Any) -> dict[str, Any]:
        flags = {"grade": False, "solution": False, "locked": False} | flags
        return {"nbgrader": {"grade_id": grade_id, **flags}}

    return [
        _v4.new_markdown_cell(texts.get("text", f"Write {name}.")),
        _v4.new_code_cell(texts.get("given", "import checks"), metadata=about("x", locked=True)),
        _v4.new_code_cell(
            texts.get("stub", f"def {name}(): ..."),
            metadata=about(name, solution=True)
            | {"workshop": {"objective": texts.get("objective", "define")}},
        ),
        _v4.new_code_cell(
            texts.get("check", f"show({name})"),
            metadata=about(f"test_{name}", grade=True, locked=True, points=points),
        ),
    ]


def notebook(*cells: list[NotebookNode]) -> NotebookNode:
    return _v4.new_notebook(cells=[each for group in cells for each in group])


def changes(old: NotebookNode, new: NotebookNode) -> tuple[str, ...]:
    return difference("small", "doubling", old, new).changes


def test_nothing_differs_between_equal_notebooks() -> None:
    made = notebook(exercise("one"), exercise("two"))
    found = difference("small", "doubling", made, made)
    assert found.changes == ()
    assert (found.exercises, found.points) == found.before == (2, 4.0)


def test_a_notebook_that_is_not_released_has_nothing_to_be_compared_with() -> None:
    found = difference("small", "doubling", None, notebook(exercise("one")))
    assert (found.before, found.changes) == (None, ())


def test_exercises_come_go_and_change_points() -> None:
    old = notebook(exercise("one"), exercise("two"), exercise("three"))
    new = notebook(exercise("two", 1.5), exercise("three"), exercise("four", 1))
    assert changes(old, new) == (
        "changed: two: 1.5 points instead of 2",
        "added: four, 1 point",
        "removed: one, 2 points",
    )


def test_each_part_of_an_exercise_is_compared() -> None:
    old = notebook(exercise("one"), exercise("two"))
    for part, words in (
        ("text", "text"),
        ("given", "given code"),
        ("stub", "starting code"),
        ("objective", "objective, topic or form"),
        ("check", "visible check"),
    ):
        changed: dict[str, Any] = {part: "evaluate"}
        new = notebook(exercise("one"), exercise("two", **changed))
        assert changes(old, new) == (f"changed: two: {words}",)


def test_what_stands_behind_the_last_exercise_is_compared() -> None:
    old, closing = notebook(exercise("one")), [_v4.new_markdown_cell("The end.")]
    new = notebook(exercise("one"), closing)
    assert changes(old, new) == ("changed: after the last exercise: text",)


def test_another_order_is_told() -> None:
    old = notebook(exercise("one"), exercise("two"))
    new = notebook(exercise("two"), exercise("one"))
    assert changes(old, new) == ("the exercises come in another order",)


def test_a_written_answer_is_an_exercise() -> None:
    meta = {"grade_id": "why", "grade": True, "solution": True, "locked": False, "points": 4}
    made = notebook([_v4.new_markdown_cell("Why?", metadata={"nbgrader": meta})])
    assert exercises_of(made)["why"].parts == {"question": ["Why?"]}
