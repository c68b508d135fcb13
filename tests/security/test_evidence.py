"""Forged evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.attacks_on_evidence import ATTACKS, LIMITED
from tests.security.lab import Attack, assert_in_vain, graded_once

pytestmark = pytest.mark.slow


@pytest.mark.xdist_group("forged evidence")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.name)
def test_forged_evidence_is_in_vain(attack: Attack, shared: Path) -> None:
    assert_in_vain(attack, graded_once(shared, "evidence", ATTACKS))


@pytest.mark.xdist_group("forged facts")
@pytest.mark.parametrize("attack", LIMITED, ids=lambda each: each.name)
def test_forged_facts_gain_no_more_than_is_documented(attack: Attack, shared: Path) -> None:
    assert_in_vain(attack, graded_once(shared, "facts", LIMITED))
