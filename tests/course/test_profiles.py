"""Every profile fits the notebooks; and the one for clusters is graded, with small stand-ins.

Weights and data of the stand-ins come from a server on this machine, in the published formats. They
are random, so the accuracy thresholds are 0 here: everything else is asked for as it stands. One is
left out, as before calibration: that cell has no score, and nothing else loses any.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets, models
from transformers import BertConfig, BertModel

from tests.workshop.assets.conftest import stand_in  # noqa: F401 - a fixture
from tests.workshop.assets.stand_in import HubRepository, StandIn
from workshop.assets import torchvision_models, tweet_sentiment
from workshop.assets.language import minilm_folder
from workshop.assets.short_texts import CLASS_NAMES
from workshop.authoring.build import build
from workshop.authoring.new_course import new_course
from workshop.authoring.profiles import Profile, changed_files, load_profile, load_profiles
from workshop.authoring.uncalibrated import plans, uncalibrated
from workshop.course import Course
from workshop.grading.grade import grade
from workshop.grading.records import CellStatus
from workshop.grading.results import SubmissionResult
from workshop.grading.trusted import trusted_names
from workshop.submissions import sample_submission

ROOT = Course.at(Path(__file__).resolve().parents[2])
ASSIGNMENT = "module2_implementing"
FLOWERS, LORA = "feature_extraction_and_fine_tuning", "lora"
NOT_CALIBRATED = "test_run_fine_tuning"
# Of each class, which published split a photograph is in.
SPLITS = {"trnid": 4, "valid": 4, "tstid": 4}
CLASSES = 3
BERT, BERT_COMMIT, WIDTH = (
    "google-bert/bert-base-uncased",
    "86b5e0934494bd15c9632b12f734a8a67f723594",
    32,
)


@pytest.mark.parametrize("profile", load_profiles(ROOT), ids=lambda each: each.name)
def test_each_profile_fits_the_notebooks_and_their_solutions(
    profile: Profile, tmp_path: Path
) -> None:
    made = new_course(ROOT, tmp_path / "made", profile)
    assert set(made.changed) == set(changed_files(ROOT, profile))
    for assignment, notebook in made.changed:
        assert made.course.text(assignment, notebook).read_text() != (
            ROOT.text(assignment, notebook).read_text()
        )
        assert not made.course.calibration(assignment, notebook).exists()
    asked = {key for key in made.changed if plans(ROOT, *key)}
    assert {(each.assignment, each.notebook) for each in made.uncalibrated} == asked
    untouched = {
        (assignment, notebook)
        for assignment in ROOT.assignments()
        for notebook in ROOT.notebooks(assignment)
    } - set(made.changed)
    for assignment, notebook in untouched:
        for path in ROOT.instructor_folder(assignment, notebook).iterdir():
            copy = made.course.instructor_folder(assignment, notebook) / path.name
            assert copy.read_bytes() == path.read_bytes()


def _jpeg(number: int, label: int) -> bytes:
    random = np.random.default_rng(number)
    pixels = random.integers(0, 128, (5, 5, 3), dtype=np.uint8)
    pixels[..., label] += 127
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((90, 110)).save(buffer, "JPEG")
    return buffer.getvalue()


def _matrix(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, arrays)
    return buffer.getvalue()


def _give_flowers(server: StandIn) -> dict[str, tuple[str, str]]:
    """Publish a few photographs as those of Oxford are; returns the names and checksums."""
    count = CLASSES * sum(SPLITS.values())
    labels = [number % CLASSES for number in range(count)]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number, label in enumerate(labels, start=1):
            content = _jpeg(number, label)
            info = tarfile.TarInfo(f"jpg/image_{number:05d}.jpg")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    numbers = iter(range(1, count + 1))
    ids = {
        key: np.array([[next(numbers) for _ in range(CLASSES * n)]]) for key, n in SPLITS.items()
    }
    contents = {
        "image": ("102flowers.tgz", buffer.getvalue()),
        "label": ("imagelabels.mat", _matrix(labels=np.array([labels]) + 1)),
        "setid": ("setid.mat", _matrix(**ids)),
    }
    for name, content in contents.values():
        server.give(f"/{name}", content)
    return {
        key: (name, hashlib.md5(content, usedforsecurity=False).hexdigest())
        for key, (name, content) in contents.items()
    }


def _give_weights(server: StandIn, model: str) -> str:
    """Publish random weights of a model as torchvision does; returns the address."""
    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.save(models.get_model(model, weights=None).state_dict(), buffer)
    name = f"{model}-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth"
    server.give(f"/{name}", buffer.getvalue())
    return f"https://nowhere.invalid/{name}"


def _give_bert(server: StandIn, folder: Path) -> None:
    """Publish a tiny BERT with random weights and the real tokenizer, as the Hub does."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    BertModel(BertConfig(vocab_size=30522, hidden_size=WIDTH, **sizes)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(minilm_folder() / name, folder)
    HubRepository(server, folder, BERT, commit=BERT_COMMIT)


def _give_tweets(server: StandIn, folder: Path) -> None:
    folder.mkdir()
    words = (("late", "lost", "rude"), ("flight", "gate", "seat"), ("lovely", "thanks", "great"))
    for split, count in (("train", 1200), ("test", 60)):
        lines = []
        for number in range(count):
            label = number % 3
            text = f"{words[label][number // 3 % 3]} {split} " + " ".join(str(number))
            fields = {"text": text, "label": label, "label_text": CLASS_NAMES[label]}
            lines.append(json.dumps(fields))
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    published = tweet_sentiment.REPOSITORY
    assert published.revision is not None
    HubRepository(server, folder, published.repo_id, kind="dataset", commit=published.revision)


def _changed(text: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        text, count = re.subn(old, new, text)
        assert count, f"{old} stands nowhere"
    return text


@pytest.fixture
def small(
    stand_in: StandIn,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Course]:
    """The course for clusters with its two largest notebooks, made small, and stand-ins."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", stand_in.address)
    address, described = _give_weights(stand_in, "efficientnet_b0"), _give_flowers(stand_in)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", stand_in.address)
    _give_bert(stand_in, tmp_path / "bert")
    _give_tweets(stand_in, tmp_path / "tweets")
    # Kernels check what is published, too: so the notebook says what that is, and so do we.
    weights = SimpleNamespace(url=address)
    monkeypatch.setattr(torchvision_models, "default_weights", lambda _: weights)
    monkeypatch.setattr(datasets.Flowers102, "_file_dict", described)
    monkeypatch.setattr(datasets.Flowers102, "classes", ["rose", "iris", "lily"])
    course = new_course(ROOT, tmp_path / "course", load_profile(ROOT, "cluster")).course
    for path in course.source.glob("*/*.py"):
        if path.stem not in (FLOWERS, LORA):
            path.unlink()
    path = course.text(ASSIGNMENT, FLOWERS)
    published = f"""import types

from torchvision import datasets
from workshop.assets import torchvision_models

torchvision_models.default_weights = lambda _: types.SimpleNamespace(url={address!r})
datasets.Flowers102._file_dict = {described!r}
datasets.Flowers102.classes = ["rose", "iris", "lily"]
learn.seed_everything(0)
device ="""
    changes = {
        r"learn.seed_everything\(0\)\ndevice =": published,
        r"\b102\b": str(CLASSES),
        r"SIZE = 224": "SIZE = 64",
        r"per_class=10\b": "per_class=2",
        r"\[::(27|21)\]": "[::2]",
        r"threshold=0.5": "threshold=0.0",
    }
    path.write_text(_changed(path.read_text(), changes))
    changes = {
        r"\b768\b": str(WIDTH),
        r"per_class=1000\b": "per_class=60",
        r"per_class=100\b": "per_class=30",
        r"per_class=150\b": "per_class=5",
        r"threshold=0.6": "threshold=0.0",
    }
    path = course.text(ASSIGNMENT, LORA)
    path.write_text(_changed(path.read_text(), changes))
    _set_thresholds(course)
    yield course
    trusted_names.cache_clear()


def _set_thresholds(course: Course) -> None:
    for each in uncalibrated(course):
        found = {name: {"threshold": 0.0} for name in each.names if name != NOT_CALIBRATED}
        path = course.calibration(each.assignment, each.notebook)
        path.write_text(json.dumps({"thresholds": found}))


def _graded(course: Course) -> tuple[dict[str, tuple[object, ...]], SubmissionResult]:
    """What the reference solutions lose, by cell, and all that came of them."""
    build(course)
    folder = course.submitted / "ada" / ASSIGNMENT
    folder.mkdir(parents=True)
    for notebook in course.notebooks(ASSIGNMENT):
        text = sample_submission(course, ASSIGNMENT, notebook, "solution")
        (folder / f"{notebook}.ipynb").write_text(text)
    result = grade(course, ASSIGNMENT).results[0]
    assert result.message == ""
    lost: dict[str, tuple[object, ...]] = {
        cell.grade_id: (cell.status, cell.score, cell.message)
        for cell in result.cells
        if cell.status not in (CellStatus.PASSED, CellStatus.NEEDS_MANUAL_GRADE)
    }
    return lost, result


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_reference_solutions_of_the_course_for_clusters_get_full_marks(small: Course) -> None:
    lost, result = _graded(small)
    status, score, _ = lost.pop(NOT_CALIBRATED)
    assert (status, score) == (CellStatus.ERROR, None)
    assert not lost
    assert result.needs_manual_grade


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_reference_solution_with_resnet18_gets_full_marks(
    stand_in: StandIn,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", stand_in.address)
    weights = SimpleNamespace(url=_give_weights(stand_in, "resnet18"))
    monkeypatch.setattr(torchvision_models, "default_weights", lambda _: weights)
    course = new_course(ROOT, tmp_path / "course", load_profile(ROOT, "resnet18")).course
    for path in course.source.glob("*/*.py"):
        if path.stem != FLOWERS:
            path.unlink()
    published = f"""import types

from workshop.assets import torchvision_models

torchvision_models.default_weights = lambda _: types.SimpleNamespace(url={weights.url!r})
learn.seed_everything(0)
device ="""
    changes = {
        r"learn.seed_everything\(0\)\ndevice =": published,
        r"per_class=100": "per_class=12",
        r"per_class=50": "per_class=6",
        r"\[::9\]": "[::2]",
        r"\[::7\]": "[::3]",
        r"threshold=0.75": "threshold=0.0",
    }
    path = course.text(ASSIGNMENT, FLOWERS)
    path.write_text(_changed(path.read_text(), changes))
    _set_thresholds(course)
    lost, _ = _graded(course)
    assert set(lost) == {NOT_CALIBRATED}
    trusted_names.cache_clear()
