from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.analysis.winnowing import (
    CERTAIN,
    WINDOW,
    Token,
    code_tokens,
    groups,
    winnow,
    word_tokens,
)

PLAIN = """\
def mean_loss(model, batches):
    total = 0.0
    for images, labels in batches:
        total += model(images).sub(labels).item()
    return total / len(batches)
"""
RENAMED = '''\
def mean_loss(
    net, data
):
    """The mean."""
    s = 0   # from zero
    for x, y in data: s += net( x ).sub( y ).item()

    return s/len(data);
'''


def texts(source: str) -> list[str]:
    return [token.text for token in code_tokens(source)]


def test_names_comments_and_layout_make_no_difference() -> None:
    assert texts(PLAIN) == texts(RENAMED)


def test_what_is_done_makes_one() -> None:
    assert texts(PLAIN) != texts(PLAIN.replace(".item()", ".mean()"))
    assert texts(PLAIN) != texts(PLAIN.replace("/", "*"))
    assert texts(PLAIN) != texts(PLAIN.replace("for", "while"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("self.down = x.T", "self.a = x.T"),
        ("print(f'a \\n {a} of')", 'print(f"{b}")'),
        ("x = 'a' \"b\"", "y = '''c'''"),
        ("lr = 0.1", "rate = 1e-3"),
    ],
)
def test_own_attributes_numbers_and_texts_may_differ(one: str, other: str) -> None:
    assert [each for each in texts(one) if each != "<text>"] == [
        each for each in texts(other) if each != "<text>"
    ]


@pytest.mark.parametrize(
    "source", ["def f(:", "'''", "\x00\ud800", "%matplotlib\n!ls", "", "é = ("]
)
def test_any_text_has_tokens_with_their_places(source: str) -> None:
    for token in code_tokens(source):
        assert source[token.start : token.end].strip()


@settings(deadline=None)
@given(st.text(max_size=200))
def test_tokens_lie_in_their_text_in_order(source: str) -> None:
    for tokens in (code_tokens(source), word_tokens(source)):
        places = [place for token in tokens for place in (token.start, token.end)]
        assert places == sorted(places)
        assert not places or places[-1] <= len(source)


TOKENS = st.lists(st.sampled_from("abcd"), max_size=60)


def as_tokens(letters: list[str]) -> list[Token]:
    return [Token(letter, place, place + 1) for place, letter in enumerate(letters)]


@settings(deadline=None)
@given(
    TOKENS, TOKENS, TOKENS, TOKENS, st.lists(st.sampled_from("abcd"), min_size=CERTAIN, max_size=30)
)
def test_what_two_share_for_long_enough_is_found(
    a: list[str], b: list[str], c: list[str], d: list[str], same: list[str]
) -> None:
    """The guarantee of the paper."""
    one, other = (
        {each.hash for each in winnow(groups(as_tokens(letters)))}
        for letters in (a + same + b, c + same + d)
    )
    assert one & other


@settings(deadline=None)
@given(TOKENS)
def test_every_window_keeps_its_least_hash(letters: list[str]) -> None:
    every = groups(as_tokens(letters))
    kept = winnow(every)
    assert [each.start for each in kept] == sorted({each.start for each in kept})
    windows = [every[start : start + WINDOW] for start in range(len(every) - WINDOW + 1)]
    least = {min(each.hash for each in window) for window in windows or [every] if window}
    assert {each.hash for each in kept} == least


def test_hashes_are_the_same_in_every_process() -> None:
    assert [each.hash for each in groups(as_tokens(list("abcdefghij")))] == [6246514227501293953]
