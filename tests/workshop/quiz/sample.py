"""A small course with a quiz: one item of each type, the last two in a self-check."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.workshop.quiz.test_items import GOOD, quiz
from workshop.course import Course

CONFIG = Path(__file__).parents[3] / "nbgrader_config.py"
KINDS = ("single", "multiple", "truth", "number", "words", "order", "drawn")
TEXT = """\
# %% locked="setup"
import checks

# %% quiz="one"
# single
# multiple, truth
# number
# words

# %% [markdown]
# In between.

# %% self_check="one"
# order drawn

# %% progress="overview"
"""


def make_course(root: Path) -> Course:
    """A new course in a new folder: the assignment ``ps1`` with the notebook ``p1``."""
    (root / "source" / "ps1").mkdir(parents=True)
    (root / "quizzes").mkdir()
    shutil.copy(CONFIG, root)
    items = [
        text.replace("id: q", f"id: {name}").replace("feedback: f", f"feedback: secret {name}")
        for name, text in zip(KINDS, GOOD, strict=True)
    ]
    quiz(root / "quizzes", *items)
    (root / "source" / "ps1" / "p1.py").write_text(TEXT)
    return Course.at(root)
