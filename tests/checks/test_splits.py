"""Leaks and splits, held against a search that compares every pair of images pixel by pixel."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from checks.guard import LearnerError
from checks.splits import (
    SplitFacts,
    check_disjoint,
    check_drawn,
    check_leaks,
    check_shares,
    contents_of,
    observe_split,
)
from checks.verdict import Status, Verdict

Rows = list[int]


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    """``[count, 1, 5, 4]``, all different and none its own mirror image."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, 5, 4), generator=generator, dtype=torch.uint8)


def brute_force(first: torch.Tensor, second: torch.Tensor, *, mirrored: bool) -> Rows:
    """The leaked rows, by NumPy's own flips."""
    turns = [lambda each: each, np.fliplr, np.flipud, lambda each: np.flipud(np.fliplr(each))]
    return [
        row
        for row, image in enumerate(second.numpy())
        if any(
            np.array_equal(turn(image[0]), other[0])
            for other in first.numpy()
            for turn in (turns if mirrored else turns[:1])
        )
    ]


@pytest.fixture
def sets() -> tuple[torch.Tensor, torch.Tensor]:
    """Two sets with copies, mirror images, a nearly equal image and a transposed one in common."""
    first = pictures(12)
    nearly = first[5:6].clone()
    nearly[0, 0, 0, 0] += 1
    second = torch.cat(
        [
            pictures(4, seed=1),
            first[2:4],
            nearly,
            first[6:7].flip(-1),
            first[7:8].flip(-2),
            first[8:9].flip((-2, -1)),
            first[9:10].roll(1, dims=-1),
            pictures(2, seed=1),
        ]
    )
    return first, second


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in f"{verdict.rationale} {verdict.actual}"


# ------------------------------------------------------------------------------------------- leaks


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_a_search_over_all_pairs_finds_passes(
    sets: tuple[torch.Tensor, torch.Tensor], mirrored: bool
) -> None:
    found = brute_force(*sets, mirrored=mirrored)
    assert found == ([4, 5, 7, 8, 9] if mirrored else [4, 5])
    verdict = check_leaks(found, *sets, mirrored=mirrored)
    assert (verdict.check, verdict.status) == ("data.leaks", Status.PASSED)


@pytest.mark.parametrize("seed", range(5))
def test_random_sets_agree_with_a_search_over_all_pairs(seed: int) -> None:
    # Two grey values in two by two pixels: many coincidences, mirrored or not.
    generator = torch.Generator().manual_seed(seed)
    first, second = (
        torch.randint(0, 2, (count, 1, 2, 3), generator=generator, dtype=torch.uint8)
        for count in (9, 30)
    )
    for mirrored in (False, True):
        found = brute_force(first, second, mirrored=mirrored)
        assert check_leaks(found, first, second, mirrored=mirrored).status is Status.PASSED
        for changed in (found[1:], [*found, next(r for r in range(30) if r not in found)]):
            assert_failed(check_leaks(changed, first, second, mirrored=mirrored))


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        set,
        lambda rows: rows[::-1],
        torch.tensor,
        lambda rows: [torch.tensor(row) for row in rows],
    ],
)
def test_rows_pass_in_any_order_and_form(
    sets: tuple[torch.Tensor, torch.Tensor], form: Any
) -> None:
    assert check_leaks(form([4, 5]), *sets).status is Status.PASSED


def test_missed_false_and_doubled_rows_are_told(sets: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert_failed(check_leaks([4], *sets), "1 of 2", "row 5")
    assert_failed(check_leaks([], *sets), "2 of 2", "row 4")
    assert_failed(check_leaks([4, 5, 6], *sets), "row 6")
    assert_failed(check_leaks([4, 5, 5], *sets), "more than once")
    assert_failed(check_leaks([4, 5], *sets, mirrored=True), "3 of 5")


@pytest.mark.parametrize(
    "thing",
    [None, 2, "45", [4.0, 5.0], [True, False], torch.zeros(2, 2), torch.tensor([4.5]), {4: 5}],
)
def test_something_else_than_rows_is_told(
    sets: tuple[torch.Tensor, torch.Tensor], thing: object
) -> None:
    assert_failed(check_leaks(thing, *sets), "no row numbers")


def test_contents_are_equal_exactly_for_equal_pictures() -> None:
    images = pictures(3)
    both = torch.cat([images, images.flip(-1)])
    assert len(set(contents_of(both))) == 6
    assert contents_of(both, mirrored=True)[:3] == contents_of(both, mirrored=True)[3:]
    assert contents_of(images.float())[0] != contents_of(images)[0]


# ----------------------------------------------------------------------------------- a whole split


@pytest.fixture
def images() -> torch.Tensor:
    """40 pictures, ten of them twice and ten mirrored as well."""
    different = pictures(40)
    return torch.cat([different, different[:10], different[20:30].flip(-1)])


def by_content(images: torch.Tensor, share: float, generator: torch.Generator) -> tuple[Rows, Rows]:
    # Pictures 0 to 39 stand in these rows; written down, not computed with the code under test.
    pictures_of = [*range(40), *range(10), *range(20, 30)]
    order = torch.randperm(40, generator=generator)[: round(40 * share)].tolist()
    rows = range(len(images))
    return (
        [row for row in rows if pictures_of[row] not in order],
        [row for row in rows if pictures_of[row] in order],
    )


def by_row(images: torch.Tensor, share: float, generator: torch.Generator) -> tuple[Rows, Rows]:
    rows = torch.randperm(len(images), generator=generator).tolist()
    return rows[15:], rows[:15]


def verdicts(split: Any, images: torch.Tensor, mirrored: bool = True) -> list[bool]:
    """Whether the split is disjoint, has the right shares, and is drawn."""
    seen = observe_split(split, images)
    made = (
        check_disjoint(seen, images, mirrored=mirrored),
        check_shares(seen, images),
        check_drawn(seen, images),
    )
    assert all(each.status in (Status.PASSED, Status.FAILED) for each in made), made
    return [each.status is Status.PASSED for each in made]


def test_split_by_content_passes_and_split_by_row_leaks(images: torch.Tensor) -> None:
    assert verdicts(by_content, images) == [True, True, True]
    assert verdicts(by_row, images) == [False, True, True]


def test_mirror_images_may_be_told_apart(images: torch.Tensor) -> None:
    def exact(images: torch.Tensor, share: float, generator: torch.Generator) -> Any:
        train, validation = by_content(images, share, generator)
        mirrors = [row for row in validation if row >= 50]
        return train + mirrors, [row for row in validation if row < 50]

    assert verdicts(exact, images, mirrored=False)[0]
    assert not verdicts(exact, images, mirrored=True)[0]


def test_rows_left_out_doubled_or_shared_are_told(images: torch.Tensor) -> None:
    def changed(change: Any) -> Any:
        return lambda *given: change(*by_content(*given))

    assert verdicts(changed(lambda t, v: (t[1:], v)), images) == [True, False, True]
    assert verdicts(changed(lambda t, v: ([*t, t[0]], v)), images) == [True, False, True]
    assert verdicts(changed(lambda t, v: (t + v, v)), images) == [False, False, True]
    assert verdicts(changed(lambda t, v: (v, t)), images) == [True, False, True]


@pytest.mark.parametrize("bad", [-1, 60])
def test_rows_that_there_are_not_are_told(images: torch.Tensor, bad: int) -> None:
    def split(*given: Any) -> Any:
        train, validation = by_content(*given)
        return [*train, bad], validation

    assert verdicts(split, images) == [False, False, False]


@pytest.mark.parametrize("sides", [(list(range(60)), []), ([], list(range(60)))])
def test_an_empty_side_does_not_pass_as_disjoint(images: torch.Tensor, sides: Any) -> None:
    assert verdicts(lambda *_: sides, images) == [False, False, False]


def test_only_the_generator_decides(images: torch.Tensor) -> None:
    def never(images: torch.Tensor, share: float, _: torch.Generator) -> Any:
        return by_content(images, share, torch.Generator().manual_seed(7))

    def freely(images: torch.Tensor, share: float, _: torch.Generator) -> Any:
        return by_content(images, share, torch.default_generator)

    assert verdicts(never, images) == [True, True, False]
    assert verdicts(freely, images) == [True, True, False]


@pytest.mark.parametrize(
    "returned", [None, 3, [1, 2, 3], ([0], None), (torch.zeros(2), torch.zeros(2)), "ab"]
)
def test_something_else_than_two_sides_fails(images: torch.Tensor, returned: object) -> None:
    assert verdicts(lambda *_: returned, images) == [False, False, False]


def test_tensors_of_rows_pass(images: torch.Tensor) -> None:
    def split(*given: Any) -> Any:
        return tuple(map(torch.tensor, by_content(*given)))

    assert verdicts(split, images) == [True, True, True]


def test_an_exception_is_the_learners(images: torch.Tensor) -> None:
    def split(*_: Any) -> Any:
        raise ZeroDivisionError

    seen = observe_split(split, images)
    assert isinstance(seen.failure, LearnerError)
    assert_failed(check_disjoint(seen, images), "ZeroDivisionError")


def test_images_and_random_numbers_stay_as_they_were(images: torch.Tensor) -> None:
    def split(images: torch.Tensor, *_: Any) -> Any:
        images.zero_()
        random.random()
        torch.rand(5)
        return [0], [1]

    before, state = images.clone(), torch.get_rng_state()
    observe_split(split, images)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_facts_of_another_kind_fail(images: torch.Tensor) -> None:
    for check in (check_disjoint, check_shares, check_drawn):
        assert_failed(check(None, images))  # type: ignore[arg-type] # that is what is tested
    assert_failed(check_shares(SplitFacts(0.5), images), "two lists")
