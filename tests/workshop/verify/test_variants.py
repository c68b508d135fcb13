from __future__ import annotations

from pathlib import Path

import pytest

from workshop.authoring.build import compile_notebook
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.verify.variants import load_variants, patched, without_markers


def variants_of(course: Course) -> Path:
    return course.instructor_folder("small", "doubling") / "variants.yaml"


def test_variants_are_read(tiny_course: Course) -> None:
    variants = load_variants(variants_of(tiny_course))
    assert list(variants.wrong) == ["forgets_the_sign"]
    assert variants.wrong["forgets_the_sign"].loses == {"test_double": 1.0}
    assert variants.right["by_adding"].replace[0].new == "value + value"


def test_a_notebook_may_have_no_variants(tmp_path: Path) -> None:
    path = tmp_path / "variants.yaml"
    assert not load_variants(path).wrong
    path.write_text("")
    assert not load_variants(path).right


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("catches: double.negative", "catch: double.negative", 4, "catch"),
        ("    exercise: double\n    catches", "    catches", 2, "exercise"),
        ("loses: {test_double: 1}", "loses: {test_double: many}", 5, "loses"),
        ('old: "value * 2"\n        new: "abs', 'old: ""\n        new: "abs', 7, "old"),
        ("    catches: double.negative\n", "", 2, "catches"),
        ("wrong:", "worng:", 1, "worng"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    tiny_course: Course, old: str, new: str, line: int, problem: str
) -> None:
    path = variants_of(tiny_course)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(WorkshopError) as caught:
        load_variants(path)
    assert problem in caught.value.what
    assert caught.value.where == f"{path}:{line}"


def test_what_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "variants.yaml"
    path.write_text("wrong: [")
    with pytest.raises(WorkshopError, match="not valid YAML"):
        load_variants(path)


def test_a_patch_changes_only_its_solution_cell(tiny_course: Course) -> None:
    solved = compile_notebook(tiny_course, "small", "doubling")
    variant = load_variants(variants_of(tiny_course)).wrong["forgets_the_sign"]
    changed = patched(solved, variant)
    different = [new.id for old, new in zip(solved.cells, changed.cells, strict=True) if old != new]
    assert different == ["double"]
    assert "abs(value) * 2" in changed.cells[2].source
    assert "abs" not in solved.cells[2].source


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("value * 2", "value * 3", "stands 0 times"),
        ("value * 2", "value", "times in the solution"),
        ("exercise: double", "exercise: test_double", "no solution cell 'test_double'"),
    ],
)
def test_a_patch_that_is_out_of_date_is_refused(
    tiny_course: Course, old: str, new: str, problem: str
) -> None:
    path = variants_of(tiny_course)
    path.write_text(path.read_text().replace(old, new, 1))
    variant = load_variants(path).wrong["forgets_the_sign"]
    with pytest.raises(WorkshopError, match=problem):
        patched(compile_notebook(tiny_course, "small", "doubling"), variant)


def test_a_solution_without_its_markers() -> None:
    source = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    assert without_markers(source) == "def f():\n    return 1\n"
