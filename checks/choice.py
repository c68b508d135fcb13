"""Is a setting chosen by validation, and without a look at the test split?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from checks.guard import LearnerError, calling, checked
from checks.models import as_number, require_facts
from checks.verdict import Verdict, passed

Choose = Callable[..., object]
"""``choose(strengths, fit, score, data) -> strength``"""

# What each split says of the strengths, in shares right: the training split favours the weakest,
# and validation and test disagree, so that the choice tells which split was asked.
_TABLES: dict[int, dict[str, tuple[float, ...]]] = {
    0: {
        "train": (1.00, 0.98, 0.96, 0.91, 0.84),
        "validation": (0.70, 0.73, 0.79, 0.76, 0.61),
        "test": (0.71, 0.81, 0.74, 0.72, 0.64),
    },
    1: {
        "train": (0.97, 0.99, 0.95, 0.90, 0.72),
        "validation": (0.66, 0.64, 0.69, 0.78, 0.75),
        "test": (0.64, 0.70, 0.79, 0.71, 0.83),
    },
}
_STRENGTHS = {0: (0.001, 0.01, 0.1, 1.0, 10.0), 1: (3.0, 0.3, 0.03, 0.003, 0.0003)}
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ChoiceFacts:
    """What was seen while a learner's function chose among five strengths.

    Attributes:
        fitted: for each call of ``fit`` the strength and the split that it was given.
        scored: for each call of ``score`` the strength of what was scored, and the split.
        chosen: what was returned; None if that is no number.
        returned: the type of what was returned.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    fitted: tuple[tuple[float, str], ...] = ()
    scored: tuple[tuple[float, str], ...] = ()
    chosen: float | None = None
    returned: str = "NoneType"
    failure: LearnerError | None = None


@dataclass(frozen=True)
class _Split:
    name: str


@dataclass(frozen=True)
class _Fitted:
    strength: float


def observe_choice(choose: Choose, case: int = 0) -> ChoiceFacts:
    """Let ``choose(strengths, fit, score, data)`` choose, and note which splits it asks.

    It does not raise for the learner's mistakes: they are in the facts, for the judge.

    Args:
        choose: the learner's function.
        case: which of two sets of strengths and scores.
    """
    table = {name: dict(zip(_STRENGTHS[case], row, strict=True)) for name, row in _rows(case)}
    fitted: list[tuple[float, str]] = []
    scored: list[tuple[float, str]] = []

    def fit(strength: float, split: object) -> _Fitted:
        if as_number(strength) not in table["train"]:
            raise LearnerError(
                f"fit was called with {strength!r}, which is none of the strengths.",
                hint="The call is fit(strength, data['train']).",
            )
        fitted.append((as_number(strength), _name(split)))
        return _Fitted(as_number(strength))

    def score(model: object, split: object) -> float:
        if not isinstance(model, _Fitted):
            raise LearnerError(
                "score was called with something that fit did not return.",
                hint="The call is score(model, data['validation']), with model = fit(...).",
            )
        scored.append((model.strength, _name(split)))
        return table[_name(split)][model.strength]

    data = {name: _Split(name) for name in _SPLITS}
    try:
        returned = calling(choose, list(_STRENGTHS[case]), fit, score, data)
    except LearnerError as error:
        return ChoiceFacts(tuple(fitted), tuple(scored), failure=error)
    return ChoiceFacts(
        tuple(fitted), tuple(scored), _number(returned), returned=type(returned).__name__
    )


def _rows(case: int) -> list[tuple[str, tuple[float, ...]]]:
    return list(_TABLES[case].items())


def _name(split: object) -> str:
    if isinstance(split, _Split):
        return split.name
    raise LearnerError(
        f"Expected one of the splits, but got {type(split).__name__}.",
        hint="Give fit and score a whole split: data['train'] or data['validation'].",
    )


def _number(returned: object) -> float | None:
    if isinstance(returned, bool):
        return None
    try:
        return as_number(returned)
    except (TypeError, ValueError, RuntimeError):
        return None


def _best(case: int, split: str) -> float:
    scores: Mapping[float, float] = dict(zip(_STRENGTHS[case], _TABLES[case][split], strict=True))
    return max(scores, key=lambda strength: scores[strength])


@checked("choice.splits")
def check_choice_splits(facts: ChoiceFacts) -> Verdict:
    """Every model is fitted on ``train``, and the test split is never asked.

    Args:
        facts: what :func:`observe_choice` saw.
    """
    require_facts(facts, ChoiceFacts)
    asked = {split for _, split in (*facts.fitted, *facts.scored)}
    if "test" in asked:
        raise LearnerError(
            "Your function looked at the test split.",
            expected="no call with data['test']",
            hint="What helps to choose is not a test any more: its result would be too good.",
        )
    other = [split for _, split in facts.fitted if split != "train"]
    if other:
        raise LearnerError(
            f"A model was fitted on the {other[0]} split.",
            expected="every fit on data['train']",
            hint="A model that has seen the validation split cannot be validated on it.",
        )
    if not facts.fitted:
        raise LearnerError("No model was fitted.", hint="Call fit(strength, data['train']).")
    return passed("choice.splits", "Fitted on the training split, and the test split left alone.")


@checked("choice.best")
def check_choice(facts: ChoiceFacts, case: int = 0) -> Verdict:
    """The strength with the best validation score is returned, after all were tried.

    Args:
        facts: what :func:`observe_choice` saw.
        case: the same as there.
    """
    require_facts(facts, ChoiceFacts)
    strengths: Sequence[float] = _STRENGTHS[case]
    if facts.chosen is None or facts.chosen not in strengths:
        raise LearnerError(
            "Your function does not return one of the strengths.",
            expected="the strength itself",
            actual=facts.returned if facts.chosen is None else f"{facts.chosen:g}",
            hint="Return strengths[i], not i and not the score.",
        )
    tried = {strength for strength, split in facts.scored if split == "validation"}
    if len(tried) < len(strengths):
        raise LearnerError(
            f"{len(tried)} of {len(strengths)} strengths were scored on the validation split.",
            expected="all of them",
            hint="One loop over all strengths: fit on train, score on validation.",
        )
    best = _best(case, "validation")
    if facts.chosen != best:
        by_train = facts.chosen == _best(case, "train")
        raise LearnerError(
            f"Of {', '.join(f'{each:g}' for each in strengths)} your function chose"
            f" {facts.chosen:g}.",
            expected=f"{best:g}, the best on the validation split",
            actual=f"{facts.chosen:g}" + (", the best on the training split" if by_train else ""),
            hint="The training split always likes the weakest regularisation best."
            if by_train
            else "Take the strength whose validation score is the highest.",
        )
    return passed("choice.best", "The strength is the best on the validation split.")
