"""Who is who on a learning platform: the file that maps the course's students to its ids.

CSV with a heading, or YAML with a mapping for each student. What is wrong in a line is reported
with its line, and that student is left out: a grade must never reach another student.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from workshop.errors import WorkshopError
from workshop.text_files import read_text

_STUDENT = "student"
_YAML = (".yaml", ".yml")
_DOCS = "docs/instructor/lms.md tells what stands in this file"


@dataclass(frozen=True)
class Person:
    """What a learning platform calls a student; empty where the file does not say.

    Attributes:
        student: the student's id in this course: the folder's name in ``submitted/``.
        line: where the file tells it, counted from 1.
        name: as the platform shows it.
        canvas_id: the number that Canvas calls ``ID``.
        sis_user_id: Canvas' ``SIS User ID``.
        sis_login_id: Canvas' ``SIS Login ID``.
        section: Canvas' ``Section``.
        idnumber: Moodle's ``ID number``.
        email: Moodle's ``Email address``.
    """

    student: str
    line: int
    name: str = ""
    canvas_id: str = ""
    sis_user_id: str = ""
    sis_login_id: str = ""
    section: str = ""
    idnumber: str = ""
    email: str = ""


COLUMNS = tuple(each.name for each in fields(Person) if each.name not in (_STUDENT, "line"))
"""What the file may tell of a student."""
# Two students cannot have the same: else one would get the other's grade.
_UNIQUE = ("canvas_id", "sis_user_id", "sis_login_id", "idnumber", "email")


@dataclass(frozen=True)
class Roster:
    """What could be read of the file.

    Attributes:
        path: the file.
        people: by the course's student id.
        problems: with file and line, in the file's order.
        named: students that the file names, those with problems included.
    """

    path: Path
    people: dict[str, Person]
    problems: tuple[str, ...]
    named: frozenset[str]


@dataclass(frozen=True)
class _Row:
    line: int
    student: str
    told: dict[str, str]


def load_roster(path: Path) -> Roster:
    """Read the file, YAML if its name says so and CSV otherwise.

    Raises:
        WorkshopError: it cannot be read at all, or has no column ``student``.
    """
    text = read_text(path, save_as="CSV UTF-8", encoding="utf-8-sig")
    problems: list[tuple[int, str]] = []
    read = _yaml_rows if path.suffix.lower() in _YAML else _csv_rows
    rows = list(read(path, text, problems))
    times = Counter(row.student for row in rows)
    people = []
    for row in rows:
        if not row.student:
            problems.append((row.line, "no student is named; the line is left out"))
        elif times[row.student] > 1:
            problems.append((row.line, f"{row.student} stands here {times[row.student]} times"))
        else:
            people.append(Person(row.student, row.line, **row.told))
    shared = _shared(people)
    problems += [(person.line, said) for person, said in shared]
    unclear = {person.student for person, _ in shared}
    return Roster(
        path=path,
        people={each.student: each for each in people if each.student not in unclear},
        problems=tuple(f"{path}:{line}: {said}" for line, said in sorted(problems)),
        named=frozenset(times),
    )


def _shared(people: list[Person]) -> list[tuple[Person, str]]:
    """Students who have an id that another one has, too."""
    found = []
    for column in _UNIQUE:
        owners: dict[str, list[Person]] = defaultdict(list)
        for person in people:
            if getattr(person, column):
                owners[getattr(person, column).casefold()].append(person)
        for same in filter(lambda each: len(each) > 1, owners.values()):
            names = ", ".join(each.student for each in same)
            found += [(each, f"the same {column} for {names}; none gets a grade") for each in same]
    return found


def _csv_rows(path: Path, text: str, problems: list[tuple[int, str]]) -> Iterator[_Row]:
    heading = text.partition("\n")[0]
    # Spreadsheets write what the country's own settings say.
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        if _STUDENT not in columns:
            raise WorkshopError(
                f"has no column {_STUDENT!r}",
                where=f"{path}:1",
                remedy=f"the first line names the columns: {_STUDENT}, {', '.join(COLUMNS)}",
            )
        problems += [(1, said) for said in _unknown(columns)]
        for values in reader:
            if any(value.strip() for value in values):
                yield _row(reader.line_num, columns, values, problems)
    except csv.Error as error:
        raise WorkshopError(
            f"not valid CSV: {error}", where=f"{path}:{reader.line_num}", remedy=_DOCS
        ) from error


def _row(line: int, columns: list[str], values: list[str], problems: list[tuple[int, str]]) -> _Row:
    if len(values) > len(columns):
        problems.append((line, f"{len(values)} fields, but the heading has {len(columns)}"))
    told = dict(zip(columns, (value.strip() for value in values), strict=False))
    return _Row(line, told.get(_STUDENT, ""), {key: told[key] for key in COLUMNS if key in told})


def _unknown(columns: list[str]) -> Iterator[str]:
    for name in columns:
        if name and name not in (_STUDENT, *COLUMNS):
            yield f"the column {name!r} is not known, and not used; known: {', '.join(COLUMNS)}"
        elif name and columns.count(name) > 1:
            yield f"the column {name!r} stands here twice; the last counts"


def _yaml_rows(path: Path, text: str, problems: list[tuple[int, str]]) -> Iterator[_Row]:
    try:
        # Nodes rather than values: 0042 is an id, not a number.
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WorkshopError(
            f"not valid YAML: {error.problem}", where=f"{path}:{line}", remedy=_DOCS
        ) from error
    except yaml.YAMLError as error:
        raise WorkshopError(f"not valid YAML: {error}", where=path, remedy=_DOCS) from error
    if not isinstance(tree, yaml.MappingNode):
        raise WorkshopError("is no mapping of students", where=f"{path}:1", remedy=_DOCS)
    for key, value in tree.value:
        line = key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.MappingNode):
            yield _Row(line, key.value.strip(), dict(_fields(value, problems)))
        else:
            problems.append((line, f"expected a student with {', '.join(COLUMNS)}"))


def _fields(node: yaml.MappingNode, problems: list[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(value, yaml.ScalarNode):
            problems.append((line, "expected a text behind the colon"))
        elif key.value not in COLUMNS:
            problems.append((line, f"{key.value!r} is not known; known: {', '.join(COLUMNS)}"))
        elif value.tag != "tag:yaml.org,2002:null":
            yield key.value, value.value.strip()
