"""Are training and validation images really different images?

A picture that stands on both sides of a split, as a copy or mirrored, makes the accuracy on the
validation images better than it is (Kaufman et al. 2012, *Leakage in data mining*).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from checks.guard import LearnerError, calling, checked
from checks.models import require_facts
from checks.names import plural
from checks.verdict import Verdict, passed

# split(images, share, generator) -> (rows to train on, rows to validate with)
Split = Callable[[torch.Tensor, float, torch.Generator], object]
Rows = tuple[int, ...]

# Copies stay together, so the share can be met only about.
_SHARE_OFF = 0.1


def contents_of(images: torch.Tensor, *, mirrored: bool = False) -> list[bytes]:
    """One text of bytes for each image, equal for images with the same pixels.

    Args:
        images: ``[N, C, H, W]``, any type.
        mirrored: whether an image and its horizontal and vertical mirror images count as the same.
    """
    return [_content(image, mirrored) for image in images.detach().cpu()]


def _content(image: torch.Tensor, mirrored: bool) -> bytes:
    flips: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1)) if mirrored else ((),)
    return min(image.flip(axes).contiguous().numpy().tobytes() for axes in flips)


@checked("data.leaks")
def check_leaks(
    found: object, first: torch.Tensor, second: torch.Tensor, *, mirrored: bool = False
) -> Verdict:
    """The images that stand in two sets are found: all of them, and no others.

    Args:
        found: the learner's rows of ``second``, in any order.
        first: images ``[N, C, H, W]``.
        second: images ``[M, C, H, W]``.
        mirrored: whether mirror images count as well.
    """
    rows = _as_rows(found)
    if rows is None:
        raise LearnerError(
            "These are no row numbers.",
            expected="a list of whole numbers",
            actual=type(found).__name__,
            hint="Append the row to a list for each leaked image, and return the list.",
        )
    known = set(contents_of(first, mirrored=mirrored))
    leaked = {
        row for row, each in enumerate(contents_of(second, mirrored=mirrored)) if each in known
    }
    missed, wrong = sorted(leaked - set(rows)), sorted(set(rows) - leaked)
    if wrong:
        raise LearnerError(
            f"{plural(len(wrong), 'row')} that you found {_is(wrong)} in the second set only: the"
            f" first is row {wrong[0]}.",
            hint="Two images are the same when all of their pixels are. Copies within one set are"
            " no leak.",
        )
    if missed:
        kind = "copied or mirrored" if mirrored else "copied"
        raise LearnerError(
            f"{len(missed)} of {plural(len(leaked), f'{kind} image')} you did not find: the first"
            f" is row {missed[0]}.",
            hint="Compare each image of the second set with all images of the first, wherever they"
            " stand" + (", and with their mirror images." if mirrored else "."),
        )
    if len(rows) != len(set(rows)):
        raise LearnerError("A row is named more than once.", hint="Name each leaked image once.")
    return passed("data.leaks", f"{plural(len(leaked), 'leaked image')}, all found.")


def _is(rows: Sequence[int]) -> str:
    return "is" if len(rows) == 1 else "are"


def _as_rows(found: object) -> Rows | None:
    """The learner's row numbers as whole numbers; None where there is something else."""
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu().tolist() if found.dim() == 1 else None
    if not isinstance(found, list | tuple | set | frozenset | range):
        return None
    rows = []
    for each in found:
        row = each.item() if isinstance(each, torch.Tensor) and each.numel() == 1 else each
        if not isinstance(row, int) or isinstance(row, bool):
            return None
        rows.append(row)
    return tuple(rows)


# --------------------------------------------------------------------------------- a whole split


@dataclass(frozen=True)
class SplitFacts:
    """What was seen of a learner's function that splits images.

    Attributes:
        share: the share of validation images that was asked for.
        train: the rows to train on; None if that is not what was returned.
        validation: the rows to validate with; None as well.
        repeated: whether the same seed gave the same split again.
        varied: whether another seed gave another one.
        returned: the type of what was returned.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    share: float
    train: Rows | None = None
    validation: Rows | None = None
    repeated: bool = False
    varied: bool = False
    returned: str = "NoneType"
    failure: LearnerError | None = None


def observe_split(
    split: Split, images: torch.Tensor, share: float = 0.25, seed: int = 0
) -> SplitFacts:
    """Let ``split(images, share, generator)`` split images three times, with two seeds.

    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        split: the learner's function.
        images: ``[N, C, H, W]``.
        share: of how many of them validation should get.
        seed: of the generator.
    """
    try:
        # The global seed differs from call to call: the generator alone should decide.
        results = [
            _drawn(split, images, share, each, call)
            for call, each in enumerate((seed, seed, seed + 1))
        ]
    except LearnerError as error:
        return SplitFacts(share, failure=error)
    first, again, other = map(_sides, results)
    if first is None:
        return SplitFacts(share, returned=type(results[0]).__name__)
    return SplitFacts(
        share,
        *first,
        repeated=_sorted(again) == _sorted(first),
        varied=_sorted(other) != _sorted(first),
        returned=type(results[0]).__name__,
    )


def _drawn(split: Split, images: torch.Tensor, share: float, seed: int, call: int) -> object:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(call)
        return calling(split, images.clone(), share, torch.Generator().manual_seed(seed))


def _sides(returned: object) -> tuple[Rows, Rows] | None:
    if not isinstance(returned, tuple | list) or len(returned) != 2:  # noqa: PLR2004 - two sides
        return None
    train, validation = map(_as_rows, returned)
    return None if train is None or validation is None else (train, validation)


def _sorted(sides: tuple[Rows, Rows] | None) -> tuple[list[int], ...] | None:
    return None if sides is None else tuple(map(sorted, sides))


def _require_sides(facts: SplitFacts, count: int) -> tuple[Rows, Rows]:
    require_facts(facts, SplitFacts)
    if facts.train is None or facts.validation is None:
        raise LearnerError(
            "Your function does not return two lists of row numbers.",
            expected="(rows to train on, rows to validate with)",
            actual=facts.returned,
            hint="End with `return train_rows, validation_rows`.",
        )
    outside = [row for row in (*facts.train, *facts.validation) if not 0 <= row < count]
    if outside:
        raise LearnerError(
            f"There is no row {outside[0]}.",
            expected=f"rows from 0 to {count - 1}",
            hint="Return rows of `images`, not numbers of groups or contents.",
        )
    if not facts.train or not facts.validation:
        empty = "train on" if not facts.train else "validate with"
        raise LearnerError(f"There are no images to {empty}.", hint="Both sides need images.")
    return facts.train, facts.validation


@checked("data.disjoint")
def check_disjoint(facts: SplitFacts, images: torch.Tensor, *, mirrored: bool = False) -> Verdict:
    """No picture stands on both sides, neither by row nor by content.

    Args:
        facts: what :func:`observe_split` saw.
        images: the same as there, ``[N, C, H, W]``.
        mirrored: whether mirror images count as the same picture.
    """
    train, validation = _require_sides(facts, len(images))
    contents = contents_of(images, mirrored=mirrored)
    if both := set(train) & set(validation):
        raise LearnerError(
            f"{plural(len(both), 'row')} {_is(sorted(both))} on both sides: the first is row"
            f" {min(both)}.",
            hint="What validates must not train.",
        )
    learned = {contents[row] for row in train}
    if leaked := [row for row in validation if contents[row] in learned]:
        raise LearnerError(
            f"{len(leaked)} of {plural(len(validation), 'validation image')} {_is(leaked)} in the"
            f" training images as well{', as a copy or mirrored' if mirrored else ''}: the first is"
            f" row {min(leaked)}.",
            hint="Decide for each picture, not for each row, on which side it goes; all of its"
            " copies follow it.",
        )
    return passed("data.disjoint", "No picture is on both sides.")


@checked("data.shares")
def check_shares(facts: SplitFacts, images: torch.Tensor) -> Verdict:
    """Every row is used exactly once, and about the asked share validates.

    Args:
        facts: what :func:`observe_split` saw.
        images: the same as there, ``[N, C, H, W]``.
    """
    train, validation = _require_sides(facts, len(images))
    times = Counter((*train, *validation))
    if unused := [row for row in range(len(images)) if row not in times]:
        raise LearnerError(
            f"{len(unused)} of {plural(len(images), 'row')} {_is(unused)} on neither side: the"
            f" first is row {unused[0]}.",
            hint="Every image goes to one of the two sides, copies included.",
        )
    if doubled := [row for row, count in times.items() if count > 1]:
        raise LearnerError(
            f"Row {doubled[0]} is there {times[doubled[0]]} times.", hint="Use every row once."
        )
    share = len(validation) / len(images)
    if abs(share - facts.share) > _SHARE_OFF:
        raise LearnerError(
            "Validation gets another share of the images than it should.",
            expected=f"about {facts.share:.0%}",
            actual=f"{share:.0%}",
            hint="`share` is the part that validates; the rest trains.",
        )
    return passed("data.shares", f"Every row once; {share:.0%} of them validate.")


@checked("data.drawn")
def check_drawn(facts: SplitFacts, images: torch.Tensor) -> Verdict:
    """The generator alone decides: the same seed gives the same split, another seed another one.

    Args:
        facts: what :func:`observe_split` saw.
        images: the same as there, ``[N, C, H, W]``.
    """
    _require_sides(facts, len(images))
    hint = "Draw with torch.randperm(..., generator=generator)."
    if not facts.varied:
        raise LearnerError("Another seed gives the same split: nothing is drawn.", hint=hint)
    if not facts.repeated:
        raise LearnerError(
            "The same seed gives another split the second time: nobody could repeat your results.",
            hint=f"{hint} Sets have no fixed order: do not draw from one.",
        )
    return passed("data.drawn", "Drawn at random, and repeatable.")
