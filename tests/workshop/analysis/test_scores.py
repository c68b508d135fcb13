from __future__ import annotations

import math

import numpy as np
import pytest

from workshop.analysis.scores import ScoreMatrix, Statistic, basis_of, is_constant, undefined


def matrix(*rows: tuple[float | None, ...], max_scores: tuple[float, ...] = ()) -> ScoreMatrix:
    width = len(rows[0]) if rows else len(max_scores)
    return ScoreMatrix(
        students=tuple(f"s{number}" for number in range(len(rows))),
        items=tuple(f"i{number}" for number in range(width)),
        max_scores=max_scores or (1.0,) * width,
        scores=rows,
    )


def test_a_statistic_has_a_value_or_a_reason_but_not_both() -> None:
    assert undefined("why").value is None
    for wrong in ((None, ""), (1.0, "why"), (math.nan, ""), (math.inf, "")):
        with pytest.raises(ValueError, match="statistic"):
            Statistic(*wrong)


def test_a_table_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="for each item"):
        matrix((1, 0), (1,))
    with pytest.raises(ValueError, match="finite"):
        matrix((math.nan,))
    with pytest.raises(ValueError, match="once"):
        ScoreMatrix(("a", "a"), ("i",), (1.0,), ((1,), (0,)))
    with pytest.raises(ValueError, match="a row for each"):
        ScoreMatrix(("a",), ("i",), (1.0,), ())


def test_what_is_not_decided_is_in_no_total() -> None:
    table = matrix((1, None), (None, None), (1, 1))
    assert table.totals == (1.0, None, 2.0)
    assert np.isnan(table.values).tolist() == [[False, True], [True, True], [False, False]]


def test_an_item_that_most_wait_for_is_set_aside_and_others_lose_nobody() -> None:
    basis = basis_of(matrix((1, 0, None), (0, 1, None), (1, 1, 1), (0, 0, None)))
    assert basis.items == (0, 1)
    assert basis.students == (0, 1, 2, 3)
    assert basis.totals.tolist() == [1, 1, 2, 0]


def test_a_student_with_a_gap_in_what_remains_is_left_out() -> None:
    basis = basis_of(matrix((1, 0), (0, 1), (1, None), (None, None)))
    # The last one has no score at all, and so counts for nothing, also not for the half.
    assert basis.items == (0, 1)
    assert basis.students == (0, 1)


def test_items_without_points_are_in_no_total() -> None:
    assert basis_of(matrix((1, 5), (0, 5), max_scores=(1, 0))).items == (0,)


def test_nothing_at_all_gives_an_empty_basis() -> None:
    for table in (matrix(), matrix((None,)), matrix(max_scores=(1.0, 2.0))):
        basis = basis_of(table)
        assert basis.students == ()
        assert len(basis.totals) == 0


def test_sums_in_another_order_are_the_same() -> None:
    assert is_constant(np.array([0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1]))
    assert not is_constant(np.array([0.6, 0.6001]))
