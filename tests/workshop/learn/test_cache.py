from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from workshop.learn.cache import cache_folder, cached


class Counter:
    """Computes a number of something, and counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> torch.Tensor:
        self.calls += 1
        return torch.full((3,), float(self.calls))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKSHOP_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_the_same_content_is_computed_once() -> None:
    compute = Counter()
    model, inputs = nn.Linear(2, 2), torch.ones(3, 2)
    first = cached("features", compute, model, inputs, ("a", "b"), 3)
    again = cached("features", compute, model, inputs.clone(), ("a", "b"), 3)
    assert compute.calls == 1
    assert torch.equal(first, again)


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.1))


def _other_weight(model: nn.Module) -> None:
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1e-6


def _other_statistics(model: nn.Module) -> None:
    model.get_buffer("1.running_mean")[0] += 1e-6


def _other_mode(model: nn.Module) -> None:
    model.get_submodule("1").eval()


def _other_setting(model: nn.Module) -> None:
    model.get_submodule("1").eps = 0.1  # type: ignore[assignment]


@pytest.mark.parametrize("change", [_other_weight, _other_statistics, _other_mode, _other_setting])
def test_another_model_is_another_content(change: object) -> None:
    compute, model, other = Counter(), _model(), _model()
    cached("features", compute, model)
    cached("features", compute, other)
    assert compute.calls == 1
    assert callable(change)
    change(other)
    cached("features", compute, other)
    assert compute.calls == 2


@pytest.mark.parametrize(
    "other",
    [torch.zeros(4, 2), torch.zeros(2, 4), torch.zeros(4, 2, dtype=torch.float64)],
    ids=["value", "shape", "dtype"],
)
def test_other_inputs_are_another_content(other: torch.Tensor) -> None:
    compute = Counter()
    inputs = torch.zeros(4, 2)
    inputs[0, 0] = 1e-7
    cached("features", compute, inputs)
    cached("features", compute, other)
    assert compute.calls == 2


def test_names_are_kept_apart() -> None:
    compute = Counter()
    assert not torch.equal(cached("one", compute, 1), cached("two", compute, 1))


class Doubled(nn.Linear):
    """A class of a learner's: its text does not tell what it computes."""


def _hooked() -> nn.Module:
    model = nn.Linear(2, 2)
    model.register_forward_hook(lambda *_: None)
    return model


def _patched() -> nn.Module:
    model = nn.Linear(2, 2)
    model.forward = lambda given: given  # type: ignore[method-assign, assignment]
    return model


@pytest.mark.parametrize("make", [lambda: Doubled(2, 2), _hooked, _patched])
def test_a_model_that_may_compute_anything_is_never_kept(make: object, folder: Path) -> None:
    compute = Counter()
    assert callable(make)
    model = make()
    cached("features", compute, model)
    cached("features", compute, model)
    assert compute.calls == 2
    assert not folder.exists()


@pytest.mark.parametrize("damage", [b"", b"no tensor", None])
def test_a_damaged_file_is_computed_again(damage: bytes | None, folder: Path) -> None:
    compute = Counter()
    cached("features", compute, 1)
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)
    assert cached("features", compute, 1)[0] == 2
    assert cached("features", compute, 1)[0] == 2


def test_where_nothing_can_be_written_it_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WORKSHOP_CACHE", str(tmp_path / "file" / "kept"))
    compute = Counter()
    assert cached("features", compute, 1)[0] == 1
    assert cached("features", compute, 1)[0] == 2


def test_what_was_not_used_for_longest_makes_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_CACHE_MB", "1")
    large = torch.zeros(100_000)  # 0.4 MB
    for name in ("first", "second"):
        cached(name, large.clone)
    for path in folder.iterdir():
        used = 6_000 if path.name.startswith("first") else 2_000
        os.utime(path, (used, used))
    cached("third", large.clone)
    assert {path.name.split("-")[0] for path in folder.iterdir()} == {"first", "third"}


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WORKSHOP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "transfer-learning-workshop"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "transfer-learning-workshop"


@pytest.fixture
def shared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that somebody else has filled, with what ``Counter`` gives for the number 1."""
    cached("features", Counter(), 1)
    folder.rename(folder.with_name("shared"))
    monkeypatch.setenv("WORKSHOP_SHARED_CACHE", str(folder.with_name("shared")))
    return folder.with_name("shared")


def test_a_shared_folder_is_read(shared: Path, folder: Path) -> None:
    compute = Counter()
    assert torch.equal(cached("features", compute, 1), torch.ones(3))
    assert compute.calls == 0
    assert not folder.exists()


def test_a_shared_folder_is_not_written(shared: Path, folder: Path) -> None:
    before = sorted(shared.iterdir())
    cached("features", Counter(), 2)
    assert sorted(shared.iterdir()) == before
    assert len([*folder.iterdir()]) == 1


def test_damage_in_a_shared_folder_is_computed_again(shared: Path) -> None:
    for file in shared.iterdir():
        file.write_bytes(b"damaged")
    compute = Counter()
    assert torch.equal(cached("features", compute, 1), torch.ones(3))
    assert compute.calls == 1
