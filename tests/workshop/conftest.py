"""A course small enough to build in a moment: one notebook, two exercises, one written answer."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import pytest

from workshop.course import CONFIG_NAME, Course, scripts_on_path

REPOSITORY = Path(__file__).resolve().parents[2]

TEXT = '''# %% [markdown]
# # Doubling
#
# Write two small functions.

# %% locked="setup"
numbers = [1, 2, 3]

# %% solution="double" objective="implement" topic="arithmetic" hint="Multiply by two."
def double(value):
    """Twice the value."""
    ### BEGIN SOLUTION
    twice_the_value = value * 2
    return twice_the_value
    ### END SOLUTION

# %%
# Try it here.

# %% test="double" points=2
print("double(1) is", double(1))
### BEGIN HIDDEN TESTS
from IPython.display import publish_display_data

scores = {"double.small": double(2) == 4, "double.negative": double(-7) == -14}
verdicts = [
    {
        "check": check,
        "status": "PASSED" if right else "FAILED",
        "score": float(right),
        "rationale": "the value is compared",
        "weight": 1.0,
    }
    for check, right in scores.items()
]
publish_display_data(
    {
        "application/vnd.transfer-learning.verdicts+json": {
            "grade_id": "test_double",
            "points": 2.0,
            "verdicts": verdicts,
        },
        "text/plain": "",
    }
)
float(sum(scores.values()))
### END HIDDEN TESTS

# %% solution="total"
def total(values):
    ### BEGIN SOLUTION
    return sum(double(value) for value in values)
    ### END SOLUTION

# %% test="total" points=1
### BEGIN HIDDEN TESTS
float(total(numbers) == sum(range(1, 4)) * 2)
### END HIDDEN TESTS

# %% [markdown] reflection="why_double" points=4
# **Explain** why doubling twice is not the same as squaring.
#
# ### BEGIN SOLUTION
# Because four times a number equals its square only for nought and four.
# ### END SOLUTION
#
# === BEGIN MARK SCHEME ===
# Two points for the counterexample with the number five.
# === END MARK SCHEME ===
'''

VARIANTS = """wrong:
  forgets_the_sign:
    exercise: double
    catches: double.negative
    loses: {test_double: 1}
    replace:
      - old: "value * 2"
        new: "abs(value) * 2"
right:
  by_adding:
    exercise: double
    replace:
      - old: "value * 2"
        new: "value + value"
"""

CALIBRATION = """{"thresholds": {"test_double": {"threshold": 0.8137, "error_rate": 0.001}}}
"""


@pytest.fixture
def empty_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course folder with this repository's nbgrader configuration and nothing else."""
    monkeypatch.delenv("WORKSHOP_COURSE", raising=False)
    root = tmp_path / "course"
    root.mkdir()
    shutil.copyfile(REPOSITORY / CONFIG_NAME, root / CONFIG_NAME)
    return Course.at(root)


@pytest.fixture
def tiny_course(empty_course: Course) -> Course:
    """The tiny course: assignment ``small`` with the notebook ``doubling``; not built."""
    path = empty_course.text("small", "doubling")
    path.parent.mkdir(parents=True)
    path.write_text(TEXT, encoding="utf-8")
    folder = empty_course.instructor_folder("small", "doubling")
    folder.mkdir()
    (folder / "variants.yaml").write_text(VARIANTS, encoding="utf-8")
    empty_course.calibration("small", "doubling").write_text(CALIBRATION, encoding="utf-8")
    return empty_course


@functools.cache
def _alembic_version() -> str:
    from nbgrader.api import get_alembic_version  # noqa: PLC0415 - slow to import

    with scripts_on_path():
        return str(get_alembic_version())


@pytest.fixture
def quick_gradebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask alembic for its version once a session: nbgrader starts it for every new gradebook."""
    version = _alembic_version()
    monkeypatch.setattr("nbgrader.api.get_alembic_version", lambda: version)
