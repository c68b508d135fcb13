from __future__ import annotations

from pathlib import Path

import pytest

from workshop.grading import memory


def test_the_count_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vmstat"
    path.write_text("nr_free_pages 12\noom_kill 3\n")
    monkeypatch.setattr(memory, "_VMSTAT", path)
    assert memory.oom_kills() == 3


@pytest.mark.parametrize("text", ["nr_free_pages 12\n", None])
def test_none_where_the_system_does_not_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    path = tmp_path / "vmstat"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(memory, "_VMSTAT", path)
    assert memory.oom_kills() is None
