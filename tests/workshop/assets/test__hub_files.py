"""Downloads and their verification are tested in test_hub.py and test_tweet_sentiment.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop.assets import _hub_files


def test_the_folder_may_be_set_late(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "one"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    assert _hub_files.cache_folder() == tmp_path / "one" / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "two"))
    assert _hub_files.cache_folder() == tmp_path / "two"
