"""Submissions that look for what they may not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.attacks_on_secrets import ATTACKS, SEARCH
from tests.security.lab import CANARIES, Attack, assert_in_vain, graded_once

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("attacks on secrets")]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.name)
def test_secret_stays_one(attack: Attack, shared: Path) -> None:
    graded = graded_once(shared, "secrets", ATTACKS)
    assert_in_vain(attack, graded)
    for word in ("FOUND", "CONNECTED", "WRITTEN", "IMPORTED"):
        assert word not in graded[attack.name].shown


def test_search_would_find_them(capsys: pytest.CaptureFixture[str]) -> None:
    """So that finding nothing means something."""
    names: dict[str, object] = {}
    exec(SEARCH, names)  # noqa: S102 - what runs in the kernel
    names["tell"](list(CANARIES.values()))  # type: ignore[operator]
    assert capsys.readouterr().out.count("FOUND") == len(CANARIES)
