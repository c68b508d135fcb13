"""Attacks by what the code in the cells does to the kernel that checks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.attacks_on_cells import ATTACKS
from tests.security.lab import Attack, assert_in_vain, graded_once

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("attacks on cells")]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.name)
def test_attack_is_in_vain(attack: Attack, shared: Path) -> None:
    assert_in_vain(attack, graded_once(shared, "cells", ATTACKS))
