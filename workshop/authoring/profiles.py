"""Profiles: the same notebooks with other models and data, as replacements in their text.

A profile is one file, ``source/profiles/<name>.yaml``::

    title: ResNet-18 instead of EfficientNet-Lite0
    needs: [a network, once]
    note: The network here is **ResNet-18**.  # for learners, at the head of each changed notebook
    settings: |                         # added to the new course's nbgrader_config.py
      c.ExecuteSubmission.memory_mb = 16384
    all:                                # in every notebook; it must stand in one of them at least
      - old: efficientnet_lite0
        new: resnet18
    notebooks:
      module2_implementing/feature_extraction_and_fine_tuning:
        note: Here it is another one.   # instead of the profile's own
        replace:
          - old: blocks.5.0.conv_pw.weight
            new: layer4.0.conv1.weight
            times: 1                    # how often it stands there; if not said, at least once
        files:                          # in what belongs to the notebook, as it stands in the file
          calibration.yaml:
            - old: "model: feature_model"
              new: "model: feature_model, source_model: resnet18"
        without:                        # wrong and right solutions that mean nothing here, and why
          name_found_anywhere: no other name holds one of these
        gone: [EfficientNet]            # what the text must not say any more, in capitals or not

A notebook's own replacements come first, one after the other, then those for all. Both are made in
the patches of its ``variants.yaml`` as well, wherever their old text stands there. An old text that
is not there, or not so often, is an error: so a profile cannot fall behind the notebooks.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from workshop.authoring.text import parse
from workshop.course import Course, check_name
from workshop.errors import WorkshopError
from workshop.text_files import read_text
from workshop.yaml_files import load_yaml, place_of

VARIANTS, CALIBRATION, EFFECTS = "variants.yaml", "calibration.yaml", "effects.yaml"
_REMEDY = "the keys and their meaning stand at the top of workshop/authoring/profiles.py"
_NOTE = (
    "\n\nFigures that the text names were measured with the models and data that come with the"
    " workshop, unless it says otherwise: yours will differ."
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Replacement(_Strict):
    """One piece of text, and what stands there instead."""

    old: Annotated[str, Field(min_length=1)]
    new: str
    times: Annotated[int, Field(ge=1)] | None = None


class NotebookChanges(_Strict):
    """What a profile changes in one notebook and in what belongs to it."""

    note: str = ""
    replace: tuple[Replacement, ...] = ()
    files: dict[
        Literal["variants.yaml", "calibration.yaml", "effects.yaml"], tuple[Replacement, ...]
    ] = Field(default_factory=dict)
    without: dict[str, str] = Field(default_factory=dict)
    gone: tuple[str, ...] = ()


class _Content(_Strict):
    title: Annotated[str, Field(min_length=1)]
    needs: tuple[str, ...] = ()
    note: Annotated[str, Field(min_length=1)]
    settings: str = ""
    all: tuple[Replacement, ...] = ()
    notebooks: dict[str, NotebookChanges] = Field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A profile, read from its file.

    Attributes:
        name: what it is called.
        path: its file.
        content: what stands in it.
    """

    name: str
    path: Path
    content: _Content

    @property
    def title(self) -> str:
        """What it is, in a line."""
        return self.content.title

    @property
    def needs(self) -> tuple[str, ...]:
        """What whoever uses it needs."""
        return self.content.needs

    @property
    def settings(self) -> str:
        """Lines for the new course's ``nbgrader_config.py``."""
        return self.content.settings


Files = dict[tuple[str, str], dict[str, str]]
"""For each assignment and notebook that a profile changes: its text, under the name of its file,
and those of its instructors' files that a profile may change."""


def load_profiles(course: Course) -> tuple[Profile, ...]:
    """All profiles of a course, by name.

    Raises:
        WorkshopError: a file is none; names the line.
    """
    return tuple(map(_load, sorted(course.profiles.glob("*.yaml"))))


def load_profile(course: Course, name: str) -> Profile:
    """The profile of this name.

    Raises:
        WorkshopError: there is none, with those that there are; or its file is wrong.
    """
    paths = {path.stem: path for path in sorted(course.profiles.glob("*.yaml"))}
    if name in paths:
        return _load(paths[name])
    near = difflib.get_close_matches(name, paths, n=1)
    known = f"there are: {', '.join(paths)}" if paths else "there is none in this folder"
    raise WorkshopError(
        f"no profile {name!r}",
        where=course.profiles,
        remedy=f"did you mean {near[0]}? {known}" if near else known,
    )


def _load(path: Path) -> Profile:
    check_name(path.stem, "profile", path)
    return Profile(path.stem, path, load_yaml(path, _Content, remedy=_REMEDY))


def changed_files(course: Course, profile: Profile) -> Files:
    """What the profile makes of the course's notebooks and of what belongs to them.

    Raises:
        WorkshopError: an old text does not stand where it is replaced, or not so often as the
            profile says, or the course has no such notebook or solution; names the line of the
            profile.
    """
    known = {
        f"{assignment}/{notebook}": (assignment, notebook)
        for assignment in course.assignments()
        for notebook in course.notebooks(assignment)
    }
    for name in profile.content.notebooks:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise WorkshopError(
                f"there is no notebook {name}",
                where=place_of(profile.path, ("notebooks", name)),
                remedy=f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}",
            )
    counts = [0] * len(profile.content.all)
    found: Files = {}
    for name, key in known.items():
        changes = profile.content.notebooks.get(name, NotebookChanges())
        files = _Notebook(course, profile, name, *key, changes).files(counts)
        if files:
            found[key] = files
    for number, (replacement, count) in enumerate(zip(profile.content.all, counts, strict=True)):
        _check_count(profile, ("all", number), replacement, count, "the notebooks")
    return found


@dataclass(frozen=True)
class _Notebook:
    """One notebook on its way from the course to the profile's version of it."""

    course: Course
    profile: Profile
    title: str
    assignment: str
    notebook: str
    changes: NotebookChanges

    def files(self, counts: list[int]) -> dict[str, str]:
        """The changed files by name; none if the profile changes nothing here."""
        path = self.course.text(self.assignment, self.notebook)
        before = read_text(path, encoding="utf-8-sig").replace("\r\n", "\n")
        text = self._replaced(before, self.changes.replace, ("replace",), path.name)
        for number, each in enumerate(self.profile.content.all):
            counts[number] += text.count(each.old)
            text = text.replace(each.old, each.new)
        if text == before and not self.changes.files:
            return {}
        self._check_gone(text)
        files = {path.name: with_note(text, self._note())}
        folder = self.course.instructor_folder(self.assignment, self.notebook)
        for name in (VARIANTS, CALIBRATION, EFFECTS):
            files |= self._file(folder / name)
        return files

    def _note(self) -> str:
        return f"{(self.changes.note or self.profile.content.note).strip()}{_NOTE}"

    def _file(self, path: Path) -> dict[str, str]:
        replacements = dict[str, tuple[Replacement, ...]](self.changes.files.items()).get(
            path.name, ()
        )
        if not path.exists() and not replacements:
            return {}
        text = self._replaced(read_text(path), replacements, ("files", path.name), path.name)
        if path.name == VARIANTS:
            text = patches_changed(self._without(text), self._following)
        return {path.name: text}

    def _replaced(
        self, text: str, replacements: Sequence[Replacement], keys: tuple[str, ...], file: str
    ) -> str:
        for number, each in enumerate(replacements):
            where: tuple[int | str, ...] = ("notebooks", self.title, *keys, number)
            in_file = f"{self.title} ({file})"
            _check_count(self.profile, where, each, text.count(each.old), in_file)
            text = text.replace(each.old, each.new)
        return text

    def _following(self, text: str) -> str:
        """A piece of a solution, changed as the notebook's text is."""
        for each in (*self.changes.replace, *self.profile.content.all):
            text = text.replace(each.old, each.new)
        return text

    def _without(self, text: str) -> str:
        for name in self.changes.without:
            shorter = without_variant(text, name)
            if shorter is None:
                raise WorkshopError(
                    f"{self.title} has no wrong or right solution {name!r}",
                    where=place_of(self.profile.path, ("notebooks", self.title, "without", name)),
                    remedy=f"take it out of the profile: it is not in {VARIANTS} any more",
                )
            text = shorter
        return text

    def _check_gone(self, text: str) -> None:
        for number, word in enumerate(self.changes.gone):
            at = text.lower().find(word.lower())
            if at >= 0:
                line = text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0].strip()
                raise WorkshopError(
                    f"{self.title} still says {word!r}: {line[:160]}",
                    where=place_of(self.profile.path, ("notebooks", self.title, "gone", number)),
                    remedy="add a replacement for this line to the profile",
                )


def _check_count(
    profile: Profile, keys: tuple[int | str, ...], each: Replacement, count: int, where: str
) -> None:
    if count == each.times or (each.times is None and count):
        return
    wanted = "at least once" if each.times is None else f"{each.times} times"
    found = "does not stand" if not count else f"stands {count} times"
    raise WorkshopError(
        f"the text to replace {found} in {where}, but should {wanted}: {each.old!r}",
        where=place_of(profile.path, keys),
        remedy="the notebook has changed: bring this replacement up to date with its text",
    )


def with_note(text: str, note: str) -> str:
    """A notebook's text with a note for learners below its first cell.

    Args:
        text: the notebook's.
        note: in Markdown.
    """
    cells = parse(text).cells
    lines = ["# %% [markdown]", *(f"# {line}".rstrip() for line in _quoted(note)), ""]
    if len(cells) < 2:  # noqa: PLR2004 - there is none below the first
        return "\n".join([text.rstrip("\n"), "", *lines])
    before = text.split("\n")
    at = cells[1].line - 1
    return "\n".join([*before[:at], *lines, *before[at:]])


def _quoted(note: str) -> Iterator[str]:
    for line in note.split("\n"):
        yield f"> {line}".rstrip()


def patches_changed(text: str, change: Callable[[str], str]) -> str:
    """``variants.yaml`` with every old and new text of its patches changed; the rest as it was."""
    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    for node in sorted(_patches(tree), key=lambda each: -each.start_mark.index):
        changed = change(node.value)
        if changed != node.value:
            start, end = node.start_mark.index, node.end_mark.index
            # A block of lines reaches to the beginning of what follows.
            rest = text[start:end]
            space = rest[len(rest.rstrip()) :] if node.style in ("|", ">") else ""
            written = json.dumps(changed, ensure_ascii=False)
            text = f"{text[:start]}{written}{space}{text[end:]}"
    return text


def _patches(tree: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    for _, variant in _variants(tree):
        for key, patches in _pairs(variant):
            if key.value == "replace" and isinstance(patches, yaml.SequenceNode):
                for patch in patches.value:
                    for part, value in _pairs(patch):
                        if part.value in ("old", "new") and isinstance(value, yaml.ScalarNode):
                            yield value


def _variants(tree: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    for _, named in _pairs(tree):
        yield from _pairs(named)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def without_variant(text: str, name: str) -> str | None:
    """``variants.yaml`` without one solution; None if there is none of this name."""
    for kind, named in _pairs(yaml.compose(text, Loader=yaml.SafeLoader)):
        for key, variant in _pairs(named):
            if key.value == name:
                lines = text.split("\n")
                first, last = key.start_mark.line, _last_line(variant)
                if len(_pairs(named)) == 1:  # YAML would make nothing of what is left
                    lines[kind.start_mark.line] = f"{kind.value}: {{}}"
                return "\n".join([*lines[:first], *lines[last:]])
    return None


def _last_line(node: yaml.Node) -> int:
    """The line after the last one of a value: comments below it are not its own."""
    while isinstance(node, yaml.MappingNode | yaml.SequenceNode) and node.value:
        if node.flow_style:
            break
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark
    return int(end.line + (end.column > 0))
