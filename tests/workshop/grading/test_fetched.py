"""Which kernels see downloaded models and data, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop.grading.exercises import code, graded_cell, notebook_of
from workshop.assets import AssetUnavailable
from workshop.grading.fetched import fetch, fetched
from workshop.grading.sandbox.bubblewrap import (
    HUB_CACHE,
    TORCH_HOME,
    Room,
    View,
    bubblewrap_options,
    confined_environment,
)
from workshop.grading.verification import Verification

ONLINE = "from workshop import assets\ndef new_model():\n    return assets.load_source_model({})"


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The folders of the caches, with something that is nobody's business beside them."""
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    found = {
        f"{TORCH_HOME}/hub/checkpoints": tmp_path / "torch" / "hub" / "checkpoints",
        f"{TORCH_HOME}/datasets": tmp_path / "torch" / "datasets",
        HUB_CACHE: tmp_path / "hf" / "hub",
    }
    for folder in (*found.values(), tmp_path / "torch" / "kernels"):
        folder.mkdir(parents=True)
    (tmp_path / "hf" / "token").write_text("secret")
    return found


@pytest.mark.parametrize(
    "name",
    ['"resnet18"', "'efficientnet_b0'", '"torchvision/vgg11"', '"hf/a/b"', '"tweet_sentiment"'],
)
def test_kernels_see_the_caches_that_their_locked_cells_load_from(
    caches: dict[str, Path], name: str
) -> None:
    seen = fetched(notebook_of(setup=ONLINE.format(name)))
    assert {inside: path for path, inside in seen.items()} == caches


@pytest.mark.parametrize(
    "setup",
    [
        ONLINE.format('"efficientnet_lite0"'),
        "assets.load_target_data('solar_cells')",
        "assets.normalisation('torchvision/resnet18')",  # only tells of it
        "print('resnet18')",
    ],
)
@pytest.mark.usefixtures("caches")
def test_other_kernels_see_nothing_of_them(setup: str) -> None:
    assert fetched(notebook_of(setup=setup)) == {}


@pytest.mark.usefixtures("caches")
def test_what_learners_write_opens_nothing() -> None:
    own = code("mine", ONLINE.format('"resnet18"'), solution=True)
    assert fetched(notebook_of(own)) == {}


def test_a_cache_that_is_not_there_is_left_out(caches: dict[str, Path]) -> None:
    caches[HUB_CACHE].rmdir()
    seen = fetched(notebook_of(setup=ONLINE.format('"resnet18"')))
    assert HUB_CACHE not in seen.values()
    assert len(seen) == 2


def test_they_are_read_only_inside_and_named_there(caches: dict[str, Path]) -> None:
    view = View(fetched={path: inside for inside, path in caches.items()})
    options = bubblewrap_options(view, Room(), opened={})
    for inside, path in caches.items():
        at = options.index(inside)
        assert options[at - 2 : at] == ["--ro-bind", str(path)]
    environment = confined_environment(view)
    assert environment["TORCH_HOME"] == TORCH_HOME
    assert environment["HF_HUB_CACHE"] == HUB_CACHE
    assert str(caches[HUB_CACHE].parent) not in str(environment)


def test_models_are_made_once_before_the_kernel_starts(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.touch()
    setup = (
        "from pathlib import Path\nfrom workshop import assets\n"
        f"COUNT = Path({str(count)!r})\n"
        "def new_model():\n    COUNT.write_text(COUNT.read_text() + 'x')\n"
        "def other():\n    return assets.load_source_model('resnet18')"
    )
    for _ in range(2):
        fetch(notebook_of(setup=setup), ["new_model", "new_model"])
    assert count.read_text() == "x"
    fetch(notebook_of(setup=setup.replace("resnet18", "minilm")), ["new_model"])
    assert count.read_text() == "x"


@pytest.mark.usefixtures("caches")
def test_what_is_not_to_be_had_stops_grading_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", "http://127.0.0.1:1")
    hidden = "graded((2, check(learners)), like=new_model)"
    setup = ONLINE.format('"resnet18"') + "\ndef check(x): pass"
    with pytest.raises(AssetUnavailable, match="resnet18"):
        Verification(notebook_of(graded_cell("test_f", hidden), setup=setup), {}, seconds=5)
