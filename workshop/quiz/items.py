"""Quiz items as authors write them: one YAML file for each quiz, in ``quizzes/``.

::

    title: What transfer learning is
    items:
      - id: low_rate_protects
        type: single_choice
        stem: Why are pretrained layers trained with a low learning rate?
        points: 1
        objective: define
        topic: fine-tuning
        difficulty: easy
        options:
          - text: It protects weights that already hold useful features.
            key: true
            feedback: Right: large steps would overwrite them.
          - text: It makes training faster.
            feedback: Small steps take longer. What they buy is something else.

``docs/author`` shows every type.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from checks.quiz import QuestionType, normalised
from workshop.errors import WorkshopError
from workshop.quiz.formulas import evaluated, names_in
from workshop.yaml_files import load_yaml

_REMEDY = "the keys and their meaning: docs/author, Quizzes"
_MOST_OPTIONS = 10

Text = Annotated[str, Field(pattern=r"\S", max_length=4_000)]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Objective(StrEnum):
    """The learning objectives that an item can measure."""

    DEFINE = "define"
    DISTINGUISH = "distinguish"
    IMPLEMENT = "implement"
    EVALUATE = "evaluate"
    TROUBLESHOOT = "troubleshoot"


class Difficulty(StrEnum):
    """The author's guess, which a class's results can be held against."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Option(_Strict):
    """One option of a choice.

    Attributes:
        text: in Markdown.
        key: whether it is right.
        feedback: what choosing it teaches: why it is right, or why it is tempting.
    """

    text: Text
    feedback: Text
    key: bool = False


class RightOrWrong(_Strict):
    """What to say after an answer that is no option."""

    right: Text
    wrong: Text


class TrueOrFalse(_Strict):
    """What to say after each answer to a true/false question."""

    true: Text
    false: Text


class _Item(_Strict):
    """What all items have.

    Attributes:
        id: names the question's cells, and its answers in all results.
        stem: the question, in Markdown.
        points: what it is worth.
        objective: what it measures.
        topic: what it is about.
        difficulty: a guess.
    """

    id: _Name
    stem: Text
    objective: Objective
    topic: Text
    difficulty: Difficulty
    points: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1


class _Choice(_Item):
    options: Annotated[tuple[Option, ...], Field(min_length=2, max_length=_MOST_OPTIONS)]

    @model_validator(mode="after")
    def _differ(self) -> _Choice:
        texts = [normalised(option.text) for option in self.options]
        if len(set(texts)) < len(texts):
            raise ValueError("two options say the same")
        return self

    @property
    def keys(self) -> tuple[Option, ...]:
        """The right options."""
        return tuple(option for option in self.options if option.key)


class SingleChoice(_Choice):
    """One option is right."""

    type: Literal[QuestionType.SINGLE_CHOICE]

    @model_validator(mode="after")
    def _one_key(self) -> SingleChoice:
        if len(self.keys) != 1:
            raise ValueError(f"{len(self.keys)} options have `key: true`; one must")
        return self


class MultipleResponse(_Choice):
    """Any number of options is right, but not none."""

    type: Literal[QuestionType.MULTIPLE_RESPONSE]

    @model_validator(mode="after")
    def _some_keys(self) -> MultipleResponse:
        if not self.keys:
            raise ValueError("no option has `key: true`")
        return self


class TrueFalse(_Item):
    """A statement."""

    type: Literal[QuestionType.TRUE_FALSE]
    key: Annotated[bool, Field(strict=True)]
    feedback: TrueOrFalse


_Finite = Annotated[float, Field(allow_inf_nan=False)]


class NumericMistake(_Strict):
    """A typical wrong number, and what it shows."""

    value: _Finite
    feedback: Text


class Numeric(_Item):
    """A number.

    Attributes:
        key: the right one.
        tolerance: how far an answer may be off, in the number's own unit.
        unit: told to the learner, who may leave it out.
        mistakes: answers that deserve words of their own.
    """

    type: Literal[QuestionType.NUMERIC]
    key: _Finite
    feedback: RightOrWrong
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    unit: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    mistakes: tuple[NumericMistake, ...] = ()

    @model_validator(mode="after")
    def _mistakes_are_wrong(self) -> Numeric:
        for mistake in self.mistakes:
            if abs(mistake.value - self.key) <= self.tolerance:
                raise ValueError(f"the mistake {mistake.value:g} would be accepted")
        return self


class ShortMistake(_Strict):
    """Typical wrong words, and what they show."""

    forms: Annotated[tuple[Text, ...], Field(min_length=1)]
    feedback: Text


class ShortAnswer(_Item):
    """A few words; case, blanks and hyphens make no difference.

    Attributes:
        key: the accepted forms.
        mistakes: answers that deserve words of their own.
    """

    type: Literal[QuestionType.SHORT_ANSWER]
    key: Annotated[tuple[Text, ...], Field(min_length=1)]
    feedback: RightOrWrong
    mistakes: tuple[ShortMistake, ...] = ()

    @model_validator(mode="after")
    def _mistakes_are_wrong(self) -> ShortAnswer:
        accepted = {normalised(form) for form in self.key}
        if "" in accepted:
            raise ValueError("an accepted form has no letter or digit")
        for mistake in self.mistakes:
            if accepted & {normalised(form) for form in mistake.forms}:
                raise ValueError(f"the mistake {mistake.forms[0]!r} would be accepted")
        return self


class Ordering(_Item):
    """Steps to put in order.

    Attributes:
        key: the steps in the right order; learners see them shuffled.
    """

    type: Literal[QuestionType.ORDERING]
    key: Annotated[tuple[Text, ...], Field(min_length=3, max_length=_MOST_OPTIONS)]
    feedback: RightOrWrong

    @model_validator(mode="after")
    def _differ(self) -> Ordering:
        if len({normalised(step) for step in self.key}) < len(self.key):
            raise ValueError("two steps say the same")
        return self


class FormulaMistake(_Strict):
    """A typical wrong formula, and what it shows."""

    key: Text
    feedback: Text


class Parameterised(_Item):
    """A number that depends on others, which are drawn with a seed.

    Attributes:
        stem: with ``{name}`` where a drawn number stands; so may the feedback.
        variables: for each name the numbers to draw from.
        key: the formula of the right number.
        seed: another one gives other numbers.
    """

    type: Literal["parameterised"]
    variables: Annotated[
        dict[_Name, Annotated[tuple[int | float, ...], Field(min_length=1)]], Field(min_length=1)
    ]
    key: Text
    feedback: RightOrWrong
    seed: int = 0
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    unit: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    mistakes: tuple[FormulaMistake, ...] = ()

    @model_validator(mode="after")
    def _formulas_work(self) -> Parameterised:
        for formula in (self.key, *(mistake.key for mistake in self.mistakes)):
            unknown = names_in(formula) - set(self.variables)
            if unknown:
                raise ValueError(f"{formula!r} uses {min(unknown)!r}, which is no variable")
            for index in (0, -1):
                drawn = {name: values[index] for name, values in self.variables.items()}
                evaluated(formula, drawn)
        return self

    @model_validator(mode="after")
    def _texts_can_be_filled(self) -> Parameterised:
        drawn = {name: values[0] for name, values in self.variables.items()}
        said = (mistake.feedback for mistake in self.mistakes)
        for text in (self.stem, self.feedback.right, self.feedback.wrong, *said):
            try:
                text.format(**drawn)
            except (LookupError, ValueError, AttributeError) as error:
                raise ValueError(
                    f"{{...}} that is no variable in {text!r} (a brace is written twice)"
                ) from error
        return self


Item = (
    SingleChoice | MultipleResponse | TrueFalse | Numeric | ShortAnswer | Ordering | Parameterised
)


class Quiz(_Strict):
    """The items of one file, in the order in which learners meet them.

    With ``shuffle``, each learner who clicks sees the options in an order of their own, always the
    same. Letters stay with their options.
    """

    title: Text
    shuffle: bool = False
    items: Annotated[tuple[Annotated[Item, Field(discriminator="type")], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Quiz:
        ids = [item.id for item in self.items]
        for number, name in enumerate(ids):
            if name in ids[:number]:
                raise ValueError(f"items.{number}.id: {name!r} stands above already")
        return self


def load_quiz(path: Path) -> Quiz:
    """The quiz in a file.

    Raises:
        WorkshopError: something in it is unknown, missing, doubled or contradicts itself; names
            the line.
    """
    return load_yaml(path, Quiz, remedy=_REMEDY)


def quiz_named(quizzes: Mapping[str, Quiz], name: str, where: str | Path) -> Quiz:
    """The quiz of this name.

    Raises:
        WorkshopError: there is none.
    """
    if name not in quizzes:
        raise WorkshopError(
            f"there is no quiz {name!r}",
            where=where,
            remedy=f"quizzes/ has: {', '.join(quizzes) or 'none'}",
        )
    return quizzes[name]


def load_quizzes(folder: Path) -> dict[str, Quiz]:
    """All quizzes of a course by their files' names; none if there is no such folder.

    Raises:
        WorkshopError: as for :func:`load_quiz`, or two files use one id.
    """
    quizzes = {path.stem: load_quiz(path) for path in sorted(folder.glob("*.yaml"))}
    owners: dict[str, str] = {}
    for name, quiz in quizzes.items():
        for item in quiz.items:
            if item.id in owners:
                raise WorkshopError(
                    f"the item {item.id!r} stands in {owners[item.id]}.yaml already",
                    where=folder / f"{name}.yaml",
                    remedy="give it another id: answers are told apart by it",
                )
            owners[item.id] = name
    return quizzes
