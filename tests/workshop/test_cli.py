"""The command line as a whole; what its commands do is tested where it is done."""

from __future__ import annotations

import subprocess
import sys


def test_asking_for_help_imports_no_heavy_library() -> None:
    code = (
        "import sys, workshop.cli;"
        "print([each for each in ('torch', 'nbgrader', 'distributed') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
