"""Bombs and hangs: each is over soon, and the next submission gets its grade."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.security.attacks_on_the_machine import ATTACKS, ENDLESS
from tests.security.lab import LIMITS, Attack, assert_in_vain, graded_once

pytestmark = pytest.mark.slow
SHORT = replace(LIMITS, cell_seconds=15, notebook_seconds=40)


@pytest.mark.xdist_group("attacks on the machine")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.name)
def test_attack_is_over_soon(attack: Attack, shared: Path) -> None:
    assert_in_vain(attack, graded_once(shared, "machine", ATTACKS))


@pytest.mark.xdist_group("endless attacks")
@pytest.mark.parametrize("attack", ENDLESS, ids=lambda each: each.name)
def test_endless_attack_is_stopped(attack: Attack, shared: Path) -> None:
    assert_in_vain(attack, graded_once(shared, "endless", ENDLESS, SHORT))
