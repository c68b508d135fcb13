from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.quiz import Key
from checks.sealing import seal, unseal

TEXTS = st.text(max_size=80)
KEYS = st.builds(
    Key,
    st.lists(TEXTS, min_size=1).map(tuple) | st.booleans() | st.floats(allow_nan=False),
    st.floats(0, 10),
    st.dictionaries(TEXTS, TEXTS),
    st.lists(st.tuples(TEXTS | st.floats(allow_nan=False), TEXTS)).map(tuple),
)


@settings(deadline=None)
@given(name=st.text(), key=KEYS)
def test_what_was_sealed_comes_back(name: str, key: Key) -> None:
    assert unseal(name, seal(name, key)) == key


def test_nothing_of_it_can_be_read() -> None:
    key = Key(("B",), feedback={"A": "Large steps overwrite.", "B": "Small steps protect."})
    sealed = seal("q", key)
    assert "steps" not in sealed
    assert sealed != seal("another", key)
    assert seal("q", key) == sealed


def test_lines_of_a_sealed_key_may_be_cut() -> None:
    sealed = seal("q", Key(True))
    assert unseal("q", f"{sealed[:10]}\n  {sealed[10:]}") == Key(True)


@pytest.mark.parametrize("damage", ["", "x", "§", json.dumps({"right": 1})])
def test_a_damaged_one_is_said_to_be_damaged(damage: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unseal("q", damage)
    with pytest.raises(ValueError, match="damaged"):
        unseal("another", seal("q", Key(True)))
