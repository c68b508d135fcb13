"""What is asked in a notebook: never the key, always the same."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from checks.quiz import check_answer, check_form
from checks.verdict import Status
from tests.workshop.quiz.test_items import BOTH, GOOD, OPTIONS, item, quiz
from workshop.quiz.asked import asked
from workshop.quiz.items import Item, load_quiz


def loaded(tmp_path: Path, text: str) -> Item:
    return load_quiz(quiz(tmp_path, text)).items[0]


@pytest.mark.parametrize("text", GOOD)
def test_its_own_answer_is_right_and_has_the_right_form(tmp_path: Path, text: str) -> None:
    found = asked(loaded(tmp_path, text))
    assert check_form(found.answer, found.form).status is Status.PASSED
    assert check_answer(found.answer, found.form, found.key).status is Status.PASSED


@pytest.mark.parametrize("text", GOOD)
def test_the_same_item_asks_the_same_question(tmp_path: Path, text: str) -> None:
    one, other = asked(loaded(tmp_path, text)), asked(loaded(tmp_path, text))
    assert asdict(one) == asdict(other)


def test_where_an_author_puts_the_key_tells_nothing(tmp_path: Path) -> None:
    """Over many items, the first option of the file stands at each place about equally often."""
    places = {"A": 0, "B": 0}
    for number in range(200):
        found = asked(loaded(tmp_path, item("single_choice", OPTIONS, f"q{number}")))
        places[found.answer] += 1
    assert min(places.values()) > 70  # 100 in the mean, standard deviation 7


@pytest.mark.parametrize(
    "orders",
    [
        [f"key: [{order}], {BOTH}" for order in ("a, b, c", "c, a, b", "b, c, a", "c, b, a")],
        [OPTIONS, OPTIONS.replace("text: a", "text: x").replace("b,", "a,").replace("x,", "b,")],
    ],
    ids=["ordering", "options"],
)
def test_what_is_shown_does_not_tell_the_order_in_the_file(
    tmp_path: Path, orders: list[str]
) -> None:
    """The shuffling is no secret: undoing it must not lead to the key."""
    kind = "ordering" if "options" not in orders[0] else "single_choice"
    for number in range(20):
        made = [asked(loaded(tmp_path, item(kind, order, f"q{number}"))) for order in orders]
        assert len({each.options for each in made}) == 1
        assert len({repr(each.answer) for each in made}) == len(orders)


def test_steps_are_shown_in_many_orders(tmp_path: Path) -> None:
    orders = set()
    for number in range(60):
        found = asked(loaded(tmp_path, item("ordering", f"key: [a, b, c], {BOTH}", f"q{number}")))
        shown = dict(found.options)
        assert [shown[letter] for letter in found.answer] == ["a", "b", "c"]
        orders.add(tuple(found.answer))
    assert len(orders) == 6


PARAMETERISED = (
    "key: r * (d + k), variables: {r: [2, 4, 8], d: [256, 512], k: [256, 1024]},"
    " feedback: {right: 'yes {r}', wrong: w}, mistakes: [{key: r * d * k, feedback: 'no {d}'}]"
)


def test_a_parameterised_key_is_computed_from_what_is_shown(tmp_path: Path) -> None:
    stems = set()
    for seed in range(20):
        text = item("parameterised", f"{PARAMETERISED}, seed: {seed}")
        found = asked(loaded(tmp_path, text.replace("stem: S", "stem: 'of {r} by {d} and {k}'")))
        _, r, _, d, _, k = found.stem.split()
        assert found.answer == int(r) * (int(d) + int(k))
        wrong = check_answer(int(r) * int(d) * int(k), found.form, found.key)
        assert f"no {d}" in wrong.rationale
        stems.add(found.stem)
    assert len(stems) > 5


def test_a_wrong_formula_that_is_right_by_chance_is_right(tmp_path: Path) -> None:
    text = item(
        "parameterised",
        f"key: r * 2, variables: {{r: [2]}}, {BOTH}, mistakes: [{{key: r + 2, feedback: f}}]",
    )
    found = asked(loaded(tmp_path, text))
    assert check_answer(4, found.form, found.key).status is Status.PASSED
