"""Notebook files, metadata and folders that are not what was released."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.attacks_on_files import ATTACKS
from tests.security.lab import Attack, assert_in_vain, graded_once

pytestmark = pytest.mark.slow
# Two batches, for two workers.
HALVES = (ATTACKS[::2], ATTACKS[1::2])


@pytest.mark.parametrize(
    ("attack", "half"),
    [
        pytest.param(attack, half, id=attack.name, marks=pytest.mark.xdist_group(f"files {half}"))
        for half, attacks in enumerate(HALVES)
        for attack in attacks
    ],
)
def test_attack_is_in_vain(attack: Attack, half: int, shared: Path) -> None:
    assert_in_vain(attack, graded_once(shared, f"files-{half}", HALVES[half]))
