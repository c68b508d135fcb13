from __future__ import annotations

import random

import numpy as np
import pytest

from workshop.authoring.confidential import (
    RUN,
    LeakKind,
    label_secret,
    number_secret,
    public_text,
    secrets_of,
)
from workshop.authoring.skeletons import skeleton
from workshop.course import Course
from workshop.errors import WorkshopError


def test_every_kind_of_secret_of_a_course_is_known(tiny_course: Course) -> None:
    secrets = secrets_of(tiny_course, texts={"key": "b and d: 12345"}, labels={"y": [0, 1] * 30})
    assert {secret.kind for secret in secrets.texts} == {
        LeakKind.MARKER,
        LeakKind.SOLUTION,
        LeakKind.HIDDEN_TEST,
        LeakKind.MARK_SCHEME,
        LeakKind.SECRET,
    }
    assert [number.value for number in secrets.numbers] == [0.8137]
    assert [label.name for label in secrets.labels] == ["y"]
    for secret in secrets.texts:
        # The words of a marker are no secret, only a sign that one is near.
        assert secret.kind is LeakKind.MARKER or secret.skeleton not in skeleton(secret.name)


def test_what_is_public_is_no_secret(tiny_course: Course) -> None:
    path = tiny_course.text("small", "doubling")
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "\n# %% [markdown]\n# Try `twice_the_value = value * 2`.\n")
    secrets = secrets_of(tiny_course)
    needles = [secret.skeleton for secret in secrets.texts]
    assert "twicethevaluevalue2" in needles
    left = secrets.beyond(public_text(tiny_course, "small"), "small")
    assert "twicethevaluevalue2" not in [secret.skeleton for secret in left.texts]
    assert len(left.texts) < len(secrets.texts)


def test_a_secret_that_is_everywhere_is_refused(tiny_course: Course) -> None:
    with pytest.raises(WorkshopError, match="too short") as caught:
        secrets_of(tiny_course, texts={"question 4": "b, d"})
    assert "question 4" in caught.value.what


def test_thresholds_that_cannot_be_read_stop_the_scan(tiny_course: Course) -> None:
    path = tiny_course.calibration("small", "doubling")
    path.write_text('{"thresholds":\n oops}')
    with pytest.raises(WorkshopError, match="not valid JSON") as caught:
        secrets_of(tiny_course)
    assert caught.value.where == f"{path}:2"


def test_only_what_stands_under_threshold_is_a_threshold(tiny_course: Course) -> None:
    tiny_course.calibration("small", "doubling").write_text(
        '{"seeds": 20, "thresholds": {"a": {"threshold": {"cpu": 0.71, "cuda": 0.72}, "n": 164},'
        ' "b": {"threshold": [0.5, true]}}}'
    )
    assert [number.value for number in secrets_of(tiny_course).numbers] == [0.71, 0.72, 0.5]


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        (0.8137, "x = 0.8137", True),
        (0.8137, "x = .8137,", True),
        (0.8137, "81.37 percent", True),
        (0.8137, "about 0.814", True),
        (0.8137, "0.81", False),
        (0.8137, "0.8138", False),
        (0.8137, "20.8137", False),
        (0.8, "lr = 0.8", False),
        (0.8, "accuracy of 0.8", True),
        (0.8, "at least 80 %", True),
        (0.8, "80 images", False),
        (0.8, "the accuracy is good\n80 images", False),
        (3, "reach 3", True),
        (3, "3 cells", False),
        (3, "reach 3.5", False),
    ],
)
def test_numbers(value: float, text: str, found: bool) -> None:
    assert number_secret("t", value).found_in(text) is found


def test_every_long_piece_of_a_vector_holds_a_run() -> None:
    labels = random.Random(1).choices([0, 1], k=300)
    runs = ["".join(run) for run in label_secret("y", labels).runs]
    word = "".join(map(str, labels))
    for start in range(len(word) - RUN - 10 + 1):
        assert any(run in word[start : start + RUN + 10] for run in runs)


def test_a_sorted_vector_has_no_telling_run() -> None:
    assert label_secret("y", [0] * 100 + [1] * 100).runs == ()
    assert label_secret("y", []).runs == ()


def test_names_of_classes_are_labels_too() -> None:
    secret = label_secret("y", random.Random(1).choices(["good", "bad", "worn"], k=60))
    assert secret.runs
    assert secret.numbers == ()
    assert secret.bits == frozenset()


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("shift", range(8))
def test_packed_bits_are_found_at_every_place_in_a_byte(order: str, shift: int) -> None:
    labels = np.array(random.Random(1).choices([0, 1], k=200), np.uint8)
    bits = label_secret("y", labels.tolist()).bits
    moved = np.concatenate([np.ones(shift, np.uint8), labels])
    packed = np.packbits(moved, bitorder="big" if order == "big" else "little").tobytes()
    assert any(each in packed for each in bits)
