"""Put a submitted notebook back into the shape in which it was released, learner's work excepted.

nbgrader's own step trusts much of a submission's metadata, and its way of putting back deleted
cells fails where the cell before was deleted too. Here everything but the learner's own text comes
from the gradebook's copy of the assignment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from workshop.grading.hiding import visible_part
from workshop.grading.prechecks import RejectedSubmission
from workshop.grading.records import KEY, nbgrader_of, new_cell, record_of


@dataclass(frozen=True)
class MasterCell:
    """A named cell as the instructor wrote it.

    Attributes:
        grade_id: its name.
        cell_type: ``code``, ``markdown`` or ``raw``.
        source: its text, hidden tests included.
        checksum: nbgrader's checksum of it.
        locked: whether learners must not change it.
        grade: whether it earns points.
        solution: whether learners write in it.
        task: whether it is one of nbgrader's task cells.
        points: what it is worth; None if nothing.
    """

    grade_id: str
    cell_type: str
    source: str
    checksum: str | None
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float | None

    @property
    def must_be_there(self) -> bool:
        """Whether it is put back where a learner deleted it."""
        return self.locked or self.grade or self.task

    @property
    def is_answer(self) -> bool:
        """Whether it is an answer that people grade."""
        return self.grade and self.solution

    @property
    def metadata(self) -> NotebookNode:
        """What stands in the metadata of a submission's cell, and nothing else does."""
        meta = NotebookNode(
            schema_version=3,
            grade_id=self.grade_id,
            cell_type=self.cell_type,
            grade=self.grade,
            solution=self.solution,
            locked=self.locked,
            task=self.task,
        )
        if self.checksum is not None:
            meta.checksum = self.checksum
        if self.points is not None:
            meta.points = self.points
        whole = NotebookNode(nbgrader=meta, deletable=False)
        if self.locked:
            whole.editable = False
        return whole


@dataclass(frozen=True)
class MasterNotebook:
    """An assignment's notebook as the instructor wrote it: its named cells in order."""

    name: str
    cells: tuple[MasterCell, ...]
    kernelspec: dict[str, str] | None = None


def restore(notebook: NotebookNode, master: MasterNotebook) -> None:
    """Restore a submitted notebook in place.

    Learners keep the text of all cells that are not locked, and the order of cells. Locked cells
    get their text back, all cells their metadata; tags, outputs and records of their own are gone.
    Of several cells with one name the last counts. Deleted cells that are locked or graded are put
    back behind the cell that precedes them in the assignment.

    Raises:
        RejectedSubmission: none of the assignment's cells is in the notebook.
    """
    known = {cell.grade_id: cell for cell in master.cells}
    names = [_known_name(cell, known) for cell in notebook.cells]
    if known and not any(names):
        raise RejectedSubmission(
            f"none of the cells of {master.name!r} is in the notebook",
            where=f"{master.name}.ipynb",
            remedy="hand in the notebook that was released, with your work in it",
        )
    notebook.metadata = NotebookNode()
    if master.kernelspec:
        notebook.metadata.kernelspec = dict(master.kernelspec)
    counts = Counter(name for name in names if name)
    last = {name: index for index, name in enumerate(names) if name}
    cells = []
    for index, (cell, name) in enumerate(zip(notebook.cells, names, strict=True)):
        if name is None or last[name] != index:
            cell.metadata = NotebookNode()
            cells.append(_without_outputs(cell))
        else:
            cells.append(_restored(cell, known[name], counts[name]))
    notebook.cells = _completed(cells, master.cells)


def _known_name(cell: NotebookNode, known: dict[str, MasterCell]) -> str | None:
    name = nbgrader_of(cell).get("grade_id")
    return name if isinstance(name, str) and name in known else None


def _restored(cell: NotebookNode, master: MasterCell, copies: int) -> NotebookNode:
    source = master.source if master.locked else cell.source
    result = new_cell(master.cell_type, source, cell_id=cell.id, metadata=master.metadata)
    if "attachments" in cell and master.cell_type == "markdown" and not master.locked:
        result.attachments = cell.attachments
    if master.is_answer:
        record_of(result)["unanswered"] = _same_text(source, master) or not source.strip()
    if copies > 1:
        record_of(result)["note"] = f"the notebook holds this cell {copies} times; the last counts"
    return result


def _same_text(source: str, master: MasterCell) -> bool:
    return source.strip() == visible_part(master.source).strip()


def _without_outputs(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def _completed(cells: list[NotebookNode], masters: Sequence[MasterCell]) -> list[NotebookNode]:
    """The cells with those put back that are missing, each behind its predecessor."""
    result = list(cells)
    present = {nbgrader_of(cell).get("grade_id") for cell in cells}
    behind = 0
    for number, master in enumerate(masters):
        if master.grade_id in present:
            behind = 1 + _index_of(result, master.grade_id)
        elif master.must_be_there:
            result.insert(behind, _put_back(master, number))
            behind += 1
    return result


def _index_of(cells: list[NotebookNode], grade_id: str) -> int:
    return next(i for i, cell in enumerate(cells) if nbgrader_of(cell).get("grade_id") == grade_id)


def _put_back(master: MasterCell, number: int) -> NotebookNode:
    source = master.source if master.locked else visible_part(master.source)
    name = f"put-back-{number}"
    cell = new_cell(master.cell_type, source, cell_id=name, metadata=master.metadata)
    cell.metadata[KEY] = NotebookNode(deleted=True, unanswered=master.is_answer)
    return cell
