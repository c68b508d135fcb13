from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from workshop.authoring.profiles import (
    changed_files,
    load_profile,
    load_profiles,
    patches_changed,
    with_note,
    without_variant,
)
from workshop.authoring.text import parse
from workshop.course import Course
from workshop.errors import WorkshopError

NOTEBOOK = "small/doubling"
HEAD = "title: Other words\nnote: Here it is **other**.\n"


def write(course: Course, text: str) -> None:
    course.profiles.mkdir(exist_ok=True)
    (course.profiles / "other.yaml").write_text(HEAD + text, encoding="utf-8")


def of_notebook(text: str) -> str:
    lines = "".join(f"    {line}\n" for line in text.split("\n"))
    return f"notebooks:\n  {NOTEBOOK}:\n{lines}"


def made(course: Course) -> dict[str, str]:
    files = changed_files(course, load_profile(course, "other"))
    return files[("small", "doubling")]


def refused(course: Course) -> WorkshopError:
    with pytest.raises(WorkshopError) as caught:
        changed_files(course, load_profile(course, "other"))
    return caught.value


def test_a_folder_of_profiles_is_no_assignment(tiny_course: Course) -> None:
    write(tiny_course, "")
    (tiny_course.profiles / "helper.py").write_text("")
    assert tiny_course.assignments() == ("small",)
    assert [each.name for each in load_profiles(tiny_course)] == ["other"]


def test_texts_and_patches_are_replaced(tiny_course: Course) -> None:
    write(tiny_course, of_notebook('replace:\n  - {old: value * 2, new: "value * 2.0", times: 1}'))
    files = made(tiny_course)
    before = tiny_course.text("small", "doubling").read_text()
    assert "twice_the_value = value * 2.0\n" in files["doubling.py"]
    assert "value * 2\n" in before
    patches = yaml.safe_load(files["variants.yaml"])
    (patch,) = patches["wrong"]["forgets_the_sign"]["replace"]
    assert patch == {"old": "value * 2.0", "new": "abs(value) * 2"}
    (patch,) = patches["right"]["by_adding"]["replace"]
    assert patch["old"] == "value * 2.0"


def test_a_note_stands_below_the_first_cell(tiny_course: Course) -> None:
    write(tiny_course, "all:\n  - {old: Doubling, new: Twofold}\n")
    text = made(tiny_course)["doubling.py"]
    cells = parse(text).cells
    assert "Twofold" in cells[0].source
    assert "Here it is **other**." in cells[1].source
    assert cells[1].cell_type == "markdown"
    before = parse(tiny_course.text("small", "doubling").read_text()).cells
    assert [cell.name for cell in cells[2:]] == [cell.name for cell in before[1:]]


def test_a_notebook_may_have_a_note_of_its_own(tiny_course: Course) -> None:
    write(tiny_course, "all:\n  - {old: Doubling, new: Twofold}\n" + of_notebook("note: Mine."))
    text = made(tiny_course)["doubling.py"]
    assert "> Mine." in text
    assert "Here it is" not in text


def test_a_note_in_a_notebook_of_one_cell_stands_at_its_end() -> None:
    text = with_note("# %% [markdown]\n# # Alone\n", "Two\nlines")
    assert [cell.source for cell in parse(text).cells] == ["# Alone", "> Two\n> lines"]


def test_own_replacements_come_first_and_one_after_the_other(tiny_course: Course) -> None:
    own = "replace:\n  - {old: double, new: twice}\n  - {old: twice_the, new: again_the}"
    write(tiny_course, "all:\n  - {old: again_the, new: once_more_the}\n" + of_notebook(own))
    assert "once_more_the_value = value * 2" in made(tiny_course)["doubling.py"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("all:\n  - {old: Doubling, new: x}\n  - {old: nowhere at all, new: x}\n", 5, "nowhere"),
        ("all:\n  - {old: Doubling, new: x, times: 2}\n", 4, "2 times"),
        (of_notebook("replace:\n  - {old: Doubling, new: x}\n  - {old: gone, new: y}"), 7, "gone"),
        (of_notebook("replace:\n  - {old: value, new: x, times: 1}"), 6, "stands"),
        (of_notebook("files:\n  variants.yaml:\n    - {old: no patch, new: x}"), 7, NOTEBOOK),
        (of_notebook("replace:\n  - {old: Doubling, new: x}\nwithout: {none: so}"), 7, "none"),
        (of_notebook("replace:\n  - {old: Doubling, new: x}\ngone: [WRITE]"), 7, "WRITE"),
        ("notebooks:\n  small/doublings: {}\n", 4, "did you mean small/doubling?"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    tiny_course: Course, text: str, line: int, said: str
) -> None:
    write(tiny_course, text)
    error = refused(tiny_course)
    assert error.where == f"{tiny_course.profiles / 'other.yaml'}:{line}"
    assert said in str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("text", "line"), [("al: []\n", 3), ("all:\n  - {old: '', new: x}\n", 4), ("note: [\n", 4)]
)
def test_a_file_that_is_no_profile_is_named_with_its_line(
    tiny_course: Course, text: str, line: int
) -> None:
    write(tiny_course, text)
    with pytest.raises(WorkshopError, match=rf"other\.yaml:{line}"):
        load_profiles(tiny_course)


def test_an_unknown_profile_tells_which_there_are(tiny_course: Course) -> None:
    with pytest.raises(WorkshopError, match="none in this folder"):
        load_profile(tiny_course, "other")
    write(tiny_course, "")
    with pytest.raises(WorkshopError, match=r"did you mean other\? there are: other"):
        load_profile(tiny_course, "others")


STYLES = r"""# what it is
wrong:
  first: # of its kind
    exercise: one
    replace:
      - old: "name \"one\"\n"   # escaped
        new: 'name "one"'
      - old: |
          name one
          name two
        new: name
  # about the second
  second:
    exercise: one
    loses: {name: 1}
    replace: [{old: name, new: ""}]
right:
  third:
    exercise: name
    replace:
      - {old: a, new: b}
"""


def test_patches_are_replaced_however_they_are_written() -> None:
    changed = patches_changed(STYLES, lambda text: text.replace("name", 'a "new" name'))
    before, after = yaml.safe_load(STYLES), yaml.safe_load(changed)
    for kind, variants in before.items():
        for name, variant in variants.items():
            for patch in variant["replace"]:
                for key in patch:
                    patch[key] = patch[key].replace("name", 'a "new" name')
            assert after[kind][name] == variant
    for comment in ("# what it is", "# of its kind", "# escaped", "# about the second"):
        assert comment in changed


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_a_solution_is_left_out_and_others_stay(name: str) -> None:
    shorter = without_variant(STYLES, name)
    assert shorter is not None
    expected = yaml.safe_load(STYLES)
    for variants in expected.values():
        variants.pop(name, None)
    assert yaml.safe_load(shorter) == expected
    assert "# about the second" in shorter
    assert without_variant(shorter, name) is None


def test_windows_line_ends_make_no_difference(tiny_course: Course) -> None:
    path: Path = tiny_course.text("small", "doubling")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    write(tiny_course, of_notebook('replace:\n  - {old: "value\\n    ###", new: "v\\n    ###"}'))
    assert "return twice_the_v\n" in made(tiny_course)["doubling.py"]
