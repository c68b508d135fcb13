"""Submissions whose notebook file, metadata or folder is not what was released."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell

from tests.security.lab import NOTEBOOK, Attack, cell_of

GRADED = ("freeze", "groups", "train", "loop")
Edit = Callable[[NotebookNode], None]


def _on_tests(change: Edit) -> Edit:
    """The same change to every test cell of what is not solved."""

    def edit(notebook: NotebookNode) -> None:
        for name in GRADED:
            change(cell_of(notebook, f"test_{name}"))

    return edit


def _copied(cell: NotebookNode) -> NotebookNode:
    copied: NotebookNode = from_dict(cell)
    return from_dict({**copied, "metadata": from_dict(copied.metadata)})


def _tag(*tags: str) -> Edit:
    return _on_tests(lambda cell: cell.metadata.update(tags=list(tags)))


def _meta(**changes: object) -> Edit:
    return _on_tests(lambda cell: cell.metadata.nbgrader.update(changes))


def _source(cell: NotebookNode) -> None:
    cell.source = "2.0"


def _unlock(cell: NotebookNode) -> None:
    _source(cell)
    cell.metadata.nbgrader.update(locked=False, checksum="0")


def _delete(notebook: NotebookNode) -> None:
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") not in {f"test_{n}" for n in GRADED}
    ]


def _double(notebook: NotebookNode) -> None:
    for name in GRADED:
        copy = _copied(cell_of(notebook, f"test_{name}"))
        copy.source, copy.id = "2.0", f"copy-{name}"
        notebook.cells += [copy, from_dict({**copy, "id": f"again-{name}"})]


def _split(notebook: NotebookNode) -> None:
    for name in GRADED:
        cell = cell_of(notebook, f"test_{name}")
        index = notebook.cells.index(cell)
        cell.source = "'''"
        part = _copied(cell)
        part.source, part.id = "'''\n2.0", f"part-{name}"
        notebook.cells.insert(index + 1, part)


def _reorder(notebook: NotebookNode) -> None:
    """The locked setup at the end, the tests first, in reverse."""
    notebook.cells.reverse()


def _answers_after(notebook: NotebookNode) -> None:
    """A cell behind each test that speaks with the test's name."""
    for name in GRADED:
        index = notebook.cells.index(cell_of(notebook, f"test_{name}"))
        meta = {
            "nbgrader": {
                "grade_id": f"test_{name} ",
                "grade": True,
                "points": 100,
                "schema_version": 3,
                "solution": False,
                "locked": False,
            }
        }
        notebook.cells.insert(index + 1, new_code_cell("100.0", metadata=meta, id=f"own-{name}"))


def _as_markdown(notebook: NotebookNode) -> None:
    for name in GRADED:
        index = notebook.cells.index(cell_of(notebook, f"test_{name}"))
        meta = notebook.cells[index].metadata
        notebook.cells[index] = new_markdown_cell("2.0", metadata=meta, id=f"markdown-{name}")


def _swap_names(notebook: NotebookNode) -> None:
    """Every test wants to be the test of what is solved."""
    _on_tests(lambda cell: cell.metadata.nbgrader.update(grade_id="test_count"))(notebook)


def _hand_in_outputs(notebook: NotebookNode) -> None:
    def change(cell: NotebookNode) -> None:
        data = {"text/plain": "2.0"}
        result = {"output_type": "execute_result", "data": data, "metadata": {}}
        cell.outputs = [from_dict({**result, "execution_count": 1})]
        cell.metadata.workshop = {
            "state": "completed",
            "verified": True,
            "score": 2.0,
            "status": "passed",
        }

    _on_tests(change)(notebook)


def _kernelspec(notebook: NotebookNode) -> None:
    notebook.metadata.kernelspec = {
        "name": "../../../tmp/mine",
        "display_name": "x",
        "language": "bash",
        "argv": ["/bin/sh", "-c", "echo"],
    }
    notebook.metadata.language_info = {"name": "bash"}


def _write(name: str, text: str) -> Callable[[Path], None]:
    def files(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return files


def _link(folder: Path) -> None:
    (folder / "calibration.json").symlink_to(folder.parents[2] / "gradebook.db")


def _linked_folder(folder: Path) -> None:
    (folder / "all").symlink_to(folder.parents[2])


def _linked_notebook(folder: Path) -> None:
    path = folder / f"{NOTEBOOK}.ipynb"
    path.unlink()
    path.symlink_to(folder.parents[1] / "victim" / folder.name / path.name)


def _special_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "timestamp.fifo")


def _hard_link(folder: Path) -> None:
    os.link(folder.parents[2] / "nbgrader_config.py", folder / "settings.txt")


def _odd_names(folder: Path) -> None:
    for name in ("-rf", "a\nb", "=1+1", "<img src=x onerror=alert(1)>", "é\u202e", "$(reboot)"):
        (folder / name).write_text("x")


def _deep(folder: Path) -> None:
    (folder / "/".join(["d"] * 100)).mkdir(parents=True)


def _attack(name: str, edit: Edit | None = None, **more: object) -> Attack:
    return Attack(name, edit=edit, **{"aim": "points", **more})  # type: ignore[arg-type]


ATTACKS = (
    _attack("empties the tests", _on_tests(_source)),
    _attack("tags the tests skip-execution", _tag("skip-execution")),
    _attack("tags the tests raises-exception", _tag("raises-exception", "remove-cell")),
    _attack("deletes the tests", _delete, said="deleted"),
    _attack("doubles the tests", _double, said="3 times"),
    _attack("splits the tests", _split),
    _attack("reverses the notebook", _reorder, earns={"count": 0.0}),
    _attack("adds tests of its own", _answers_after),
    _attack("makes the tests markdown", _as_markdown),
    _attack("gives all tests one name", _swap_names, said="deleted"),
    _attack("hands in outputs and records", _hand_in_outputs),
    _attack("raises the points", _meta(points=1000, max_score=1000)),
    _attack("sets points to nothing", _meta(points=0)),
    _attack("sets points that are no number", _meta(points="nan")),
    _attack("says that tests are no tests", _meta(grade=False, locked=False)),
    _attack("says that tests are answers", _meta(solution=True, locked=False)),
    _attack("says that tests are tasks", _meta(task=True)),
    _attack(
        "unlocks the tests",
        _on_tests(_unlock),
    ),
    _attack("names an old schema", _meta(schema_version=1)),
    _attack("names a schema of the future", _meta(schema_version=99)),
    _attack(
        "has names that are no names",
        _on_tests(lambda cell: cell.metadata.nbgrader.update(grade_id=["test_freeze"])),
        said="deleted",
    ),
    _attack("asks for another kernel", _kernelspec),
    _attack("holds a symbolic link", aim="secrets", files=_link, outcome="REJECTED"),
    _attack("holds a link to the course", aim="secrets", files=_linked_folder, outcome="REJECTED"),
    _attack("is a link to another's", aim="points", files=_linked_notebook, outcome="REJECTED"),
    _attack("holds pipes", aim="blocking", files=_special_files, outcome="REJECTED"),
    _attack("holds a hard link", aim="harm", files=_hard_link),
    _attack("has files with odd names", aim="harm", files=_odd_names),
    _attack("has a hundred folders in each other", aim="blocking", files=_deep),
    _attack(
        "has a calibration of its own",
        files=_write(
            f"{NOTEBOOK}/calibration.json", '{"thresholds": {"test_train": {"threshold": 0}}}'
        ),
    ),
    _attack(
        "has a course of its own",
        files=_write("nbgrader_config.py", "c.ExecuteSubmission.confinement = 'none'"),
    ),
    _attack(
        "comes from the future",
        aim="harm",
        files=_write("timestamp.txt", "9999-99-99 =cmd"),
        outcome="REJECTED",
    ),
)
