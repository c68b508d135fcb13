"""Do batches hold what they should: every image once, with its label, changed only for training?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch

from checks.guard import LearnerError, calling, checked
from checks.models import require_facts
from checks.names import plural
from checks.verdict import Verdict, passed

# batches(images, labels, size, training, change, generator) -> pairs of images and labels
Batches = Callable[..., object]

_MARK = 1000.0


@dataclass(frozen=True)
class BatchFacts:
    """What was seen of a learner's function that makes batches.

    Attributes:
        size: how large a batch was to be.
        sizes: how large each batch is.
        rows: which image each place holds, -1 for none of them.
        labels: the label at each place.
        changes: how many times the image at each place was changed.
        varied: whether another seed gave another order.
        returned: the type of what was returned, or of its first item.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    size: int
    sizes: tuple[int, ...] | None = None
    rows: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    changes: tuple[int, ...] = ()
    varied: bool = False
    returned: str = "NoneType"
    failure: LearnerError | None = None


def observe_batches(
    batches: Batches, labels: torch.Tensor, *, size: int, training: bool, seed: int = 0
) -> BatchFacts:
    """Let ``batches(images, labels, size, training, change, generator)`` make its batches.

    The images are made here: every pixel holds the number of its row, and ``change`` adds 1,000.
    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        batches: the learner's function, or generator.
        labels: ``[N]``, fewer than 1,000.
        size: how many images a batch should have.
        training: what to ask for.
        seed: of the generator.
    """
    count = len(labels)
    images = torch.arange(count, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 2, 2)

    def change(some: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        if isinstance(some, torch.Tensor):
            return some + _MARK
        raise LearnerError(
            "change is called with something else than images.",
            expected="change(images, generator)",
            actual=type(some).__name__,
        )

    def draw(number: int) -> list[object]:
        generator = torch.Generator().manual_seed(number)
        with torch.random.fork_rng(devices=[]):
            made = calling(
                batches, images.clone(), labels.clone(), size, training, change, generator
            )
            if not isinstance(made, Iterable):
                return [made]
            return calling(_taken, made, count + 1)

    try:
        found, other = draw(seed), draw(seed + 1)
    except LearnerError as error:
        return BatchFacts(size, failure=error)
    pairs = _pairs(found)
    if not found or pairs is None:
        return BatchFacts(size, returned=type(found[0]).__name__ if found else "nothing")
    seen = _pairs(other)
    values = torch.cat([each for each, _ in pairs])
    return BatchFacts(
        size,
        sizes=tuple(len(each) for each, _ in pairs),
        rows=tuple(_rows(values, count)),
        labels=tuple(torch.cat([each for _, each in pairs]).tolist()),
        changes=tuple((values // _MARK).int().tolist()),
        varied=seen is None or not torch.equal(torch.cat([each for each, _ in seen]), values),
        returned="tuple",
    )


def _taken(made: Iterable[object], most: int) -> list[object]:
    return list(itertools.islice(made, most))


def _pairs(found: list[object]) -> list[tuple[torch.Tensor, torch.Tensor]] | None:
    """Values and labels of each batch; None unless all of them are such pairs."""
    pairs = []
    for each in found:
        if not isinstance(each, tuple | list) or len(each) != 2:  # noqa: PLR2004 - a pair
            return None
        images, labels = each
        if not isinstance(images, torch.Tensor) or not isinstance(labels, torch.Tensor):
            return None
        if images.shape[1:] != (1, 2, 2) or labels.shape != images.shape[:1]:
            return None
        pairs.append((images.detach().cpu().float()[:, 0, 0, 0], labels.detach().cpu().long()))
    return pairs


def _rows(values: torch.Tensor, count: int) -> list[int]:
    rows = (values % _MARK).round().int().tolist()
    return [row if 0 <= row < count else -1 for row in rows]


def _require_batches(facts: BatchFacts) -> None:
    require_facts(facts, BatchFacts)
    if facts.sizes is None:
        raise LearnerError(
            "Your function does not give pairs of images and labels.",
            expected="for each batch (images, labels), as many labels as images",
            actual=facts.returned,
            hint="Use `yield images_of_the_batch, labels_of_the_batch` inside the loop.",
        )


@checked("data.labels")
def check_labels(facts: BatchFacts, labels: torch.Tensor) -> Verdict:
    """Every image is there once, in batches of the asked size, with its own label.

    Args:
        facts: what :func:`observe_batches` saw.
        labels: the same as there.
    """
    _require_batches(facts)
    count = len(labels)
    missing = sorted(set(range(count)) - set(facts.rows))
    if missing or not len(facts.rows) == len(facts.labels) == count:
        raise LearnerError(
            "The batches together do not hold every image exactly once.",
            expected=plural(count, "image"),
            actual=f"{plural(len(facts.rows), 'image')}, {len(missing)} of {count} missing",
            hint="order.split(size) keeps the last, smaller batch.",
        )
    wrong = [
        row
        for row, label in zip(facts.rows, facts.labels, strict=True)
        if int(labels[row]) != label
    ]
    if wrong:
        raise LearnerError(
            f"{len(wrong)} of {count} images have the label of another image: the first is"
            f" row {wrong[0]}.",
            hint="Take images and labels with the same row numbers: images[rows], labels[rows].",
        )
    if list(facts.sizes or ()) != _sizes(count, facts.size):
        raise LearnerError(
            "The batches have another size than asked for.",
            expected=f"batches of {facts.size}, the last one of what is left",
            actual=plural(len(facts.sizes or ()), "batch"),
        )
    return passed("data.labels", "Every image once, with its own label.")


def _sizes(count: int, size: int) -> list[int]:
    """How large each batch should be."""
    return [min(size, count - start) for start in range(0, count, max(1, size))]


@checked("data.changed_in_training")
def check_changed(facts: BatchFacts, *, training: bool) -> Verdict:
    """Images are changed exactly once for training, and not at all for validation.

    Args:
        facts: what :func:`observe_batches` saw.
        training: what was asked for there.
    """
    _require_batches(facts)
    asked = int(training)
    wrong = [count for count in facts.changes if count != asked]
    if wrong:
        what = "training" if training else "validation"
        raise LearnerError(
            f"{len(wrong)} of {len(facts.changes)} {what} images were changed"
            f" {plural(wrong[0], 'time')}.",
            expected="once" if training else "never",
            hint="Augmentation shows the model more in training. What is measured has to stay as"
            " it is: change the batch only `if training`.",
        )
    return passed(
        "data.changed_in_training",
        "Training images are changed once." if training else "Validation images stay as they are.",
    )


@checked("data.order")
def check_order(training: BatchFacts, validation: BatchFacts) -> Verdict:
    """Training images come in a new order each time, validation images in their own.

    Args:
        training: what :func:`observe_batches` saw with ``training=True``.
        validation: what it saw with ``training=False``.
    """
    _require_batches(training)
    _require_batches(validation)
    if list(training.rows) == sorted(training.rows):
        raise LearnerError(
            "The training images come in their own order, the same every time.",
            hint="torch.randperm(len(images), generator=generator) gives a new one.",
        )
    if not training.varied:
        raise LearnerError(
            "Another seed of the generator gives the training images no other order.",
            hint="Hand the generator on: torch.randperm(len(images), generator=generator).",
        )
    if list(validation.rows) != sorted(validation.rows):
        raise LearnerError(
            "The validation images do not come in their own order.",
            hint="torch.arange(len(images)) keeps it: answers can be matched with images then.",
        )
    return passed("data.order", "Shuffled for training, in order for validation.")
