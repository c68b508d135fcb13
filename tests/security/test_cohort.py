"""A whole class in which every second submission is an attack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security import attacks_on_cells, attacks_on_files, attacks_on_the_machine
from tests.security.lab import CANARIES, HONEST, LIMITS, SOLUTIONS, Attack, build, submission

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cohort")]

# One of each kind, the most harmful ones.
CHOSEN = {
    "takes all memory",
    "leaves a process behind",
    "kills everything",
    "fills the disk",
    "puts code where Python starts",
    "is a link to another's",
}
ATTACKS = [
    attack
    for module in (attacks_on_the_machine, attacks_on_cells, attacks_on_files)
    for attack in module.ATTACKS
    if attack.name in CHOSEN
]


def test_every_honest_submission_between_attacks_gets_its_score(tmp_path: Path) -> None:
    lab = build(tmp_path / "course")
    attackers: dict[str, Attack] = {}
    honest = []
    for number, attack in enumerate(ATTACKS):
        attackers[f"{number}-attacker"] = attack
        folder = lab.hand_in(f"{number}-attacker", attack.notebook(lab.release))
        if attack.files is not None:
            attack.files(folder)
        honest.append(f"{number}-honest")
        lab.hand_in(f"{number}-honest", submission(lab.release, SOLUTIONS))
    assert len(attackers) == len(CHOSEN)
    graded = lab.grade([*attackers, *honest], LIMITS)
    assert {name: graded[name].scores for name in honest} == dict.fromkeys(honest, HONEST)
    for name, attack in attackers.items():
        assert graded[name].outcome == attack.outcome, name
        assert graded[name].scores == attack.due, name
        assert not any(canary in graded[name].shown for canary in CANARIES.values())
