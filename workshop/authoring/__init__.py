"""From an author's text to the students' release, and back.

``build`` and ``check`` make and compare the release, ``import_notebook`` turns a notebook edited in
JupyterLab into text again, ``scan_release`` looks for what students must not get.
"""

from workshop.authoring.build import (
    BuildReport,
    BuiltNotebook,
    ReleaseDiff,
    build,
    check,
    compile_notebook,
    load_cells,
    mark_schemes,
    rebuilt_release,
)
from workshop.authoring.cells import Kind, SourceCell
from workshop.authoring.confidential import LeakKind, Secrets, secrets_of
from workshop.authoring.importing import import_notebook
from workshop.authoring.leaks import Leak, scan_folder, scan_release
from workshop.authoring.text import normalise

__all__ = [
    "BuildReport",
    "BuiltNotebook",
    "Kind",
    "Leak",
    "LeakKind",
    "ReleaseDiff",
    "Secrets",
    "SourceCell",
    "build",
    "check",
    "compile_notebook",
    "import_notebook",
    "load_cells",
    "mark_schemes",
    "normalise",
    "rebuilt_release",
    "scan_folder",
    "scan_release",
    "secrets_of",
]
