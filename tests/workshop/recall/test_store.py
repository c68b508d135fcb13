"""Answers that are sealed, and answers in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from workshop.recall.store import MemoryStore, SealedStore

QUESTION, ANOTHER = b"a question", b"another one"
ROOM = 1_000_000


def tensors() -> dict[str, torch.Tensor | None]:
    torch.manual_seed(0)
    return {
        "weights": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "nothing": None,
        "count": torch.tensor(7),
        "halves": torch.randn(5).bfloat16(),
        "empty": torch.zeros(0, 3),
        "every other": torch.arange(10.0)[::2],
    }


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    SealedStore(tmp_path, ROOM).put(QUESTION, tensors())
    found, expected = SealedStore(tmp_path).get(QUESTION), tensors()
    assert found is not None
    assert [*found] == [*expected]
    for name, tensor in expected.items():
        came = found[name]
        if tensor is None:
            assert came is None
        else:
            assert came is not None
            assert came.dtype == tensor.dtype
            assert torch.equal(came, tensor)
    assert found["weights"].stride() == expected["weights"].stride()  # type: ignore[union-attr]


def test_tensors_that_come_back_can_be_changed_one_by_one(tmp_path: Path) -> None:
    SealedStore(tmp_path, ROOM).put(QUESTION, {"a": torch.ones(3), "b": torch.ones(3)})
    found = SealedStore(tmp_path).get(QUESTION)
    assert found is not None
    first, second = found["a"], found["b"]
    assert first is not None
    assert second is not None
    version = second._version
    first.mul_(2)
    assert second.tolist() == [1, 1, 1]
    assert second._version == version


def test_who_asks_something_else_can_read_nothing(tmp_path: Path) -> None:
    SealedStore(tmp_path, ROOM).put(QUESTION, {"secret": torch.full((1000,), 1.5)})
    assert SealedStore(tmp_path).get(ANOTHER) is None
    (file,) = tmp_path.iterdir()
    numbers = torch.full((4,), 1.5).numpy().tobytes()
    assert numbers not in file.read_bytes()
    assert b"secret" not in file.read_bytes()
    # The same answer to another question is another file, with nothing in common.
    SealedStore(tmp_path, ROOM).put(ANOTHER, {"secret": torch.full((1000,), 1.5)})
    (other,) = set(tmp_path.iterdir()) - {file}
    assert other.read_bytes()[64:128] not in file.read_bytes()


@pytest.mark.parametrize("damage", [lambda x: x[:-1], lambda x: x[:5], lambda x: b"\0" + x[1:]])
def test_a_damaged_file_answers_nothing(tmp_path: Path, damage: object) -> None:
    SealedStore(tmp_path, ROOM).put(QUESTION, tensors())
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert SealedStore(tmp_path).get(QUESTION) is None


def test_no_more_is_kept_than_there_is_room_for(tmp_path: Path) -> None:
    store = SealedStore(tmp_path, 6_000)
    for number in range(5):
        store.put(b"%d" % number, {"numbers": torch.zeros(500)})  # 2,000 bytes and some
    assert len([*tmp_path.iterdir()]) == 2
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) <= 6_000


def test_a_folder_that_is_not_there_keeps_nothing(tmp_path: Path) -> None:
    store = SealedStore(tmp_path / "missing", ROOM)
    store.put(QUESTION, tensors())
    assert store.get(QUESTION) is None


def test_answers_in_memory_are_copies_small_and_few() -> None:
    store, given = MemoryStore(room=80, largest=40), torch.ones(10)
    store.put(b"1", {"it": given})
    given.zero_()
    for _ in range(2):
        found = store.get(b"1")
        assert found is not None
        assert found["it"] is not None
        assert found["it"].sum() == 10
        found["it"].zero_()
    store.put(b"large", {"it": torch.ones(11)})
    assert store.get(b"large") is None
    store.put(b"2", {"it": torch.ones(10), "nothing": None})
    store.put(b"1", {"it": torch.ones(10)})  # which is there already
    assert store.get(b"1") is not None
    store.put(b"3", {"it": torch.ones(1)})
    assert store.get(b"1") is None
    assert store.get(b"2") is not None
    assert store.get(b"3") == {"it": torch.ones(1)}
