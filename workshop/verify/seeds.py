"""Run a notebook's solution again and again with other seeds, in this process.

For calibration: the code that sets a threshold is the code in the notebook, not a copy of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from torch import nn

from workshop import learn
from workshop.verify.slices import needed_by, reached_from


class SeededReplay:
    """A solved notebook whose definitions are there, and whose named cells can run again.

    Args:
        notebook: the solution, or a wrong solution made from it.
        again: the names of the cells that run once for every seed. The cells that they need run
            once, before; other cells do not run.
        expressions: over the notebook's names, for :meth:`values`; what they use runs as well.

    Raises:
        ValueError: the notebook has no such cell.
    """

    def __init__(
        self, notebook: NotebookNode, again: Sequence[str], expressions: Sequence[str] = ()
    ) -> None:
        self._expressions = tuple(expressions)
        cells = [cell for cell in notebook.cells if _runs(cell)]
        names = [_name(cell) for cell in cells]
        missing = set(again) - set(names)
        if missing:
            raise ValueError(f"Expected `again` to name cells of the notebook, but got {missing}")
        repeated = [names.index(name) for name in again]
        asking = new_code_cell("\n".join(self._expressions))
        needed = needed_by([*cells, asking], [*repeated, len(cells)])[:-1]
        anew = set(repeated).union(*(reached_from(cells, index) for index in repeated))
        self._again = [cells[index].source for index in needed if index in anew]
        self._namespace: dict[str, Any] = {"__name__": "__main__"}
        for index in needed:
            if index not in anew:
                self._run(cells[index].source)

    def models(
        self, variables: Sequence[str], seeds: Sequence[int]
    ) -> Iterator[tuple[nn.Module, ...]]:
        """The models that the cells leave in the variables, for one seed after another."""
        for _ in self._runs_with(seeds):
            yield tuple(self._namespace[each] for each in variables)

    def values(self, seeds: Sequence[int]) -> Iterator[list[float]]:
        """What the expressions come to, for one seed after another."""
        for _ in self._runs_with(seeds):
            yield [float(eval(each, self._namespace)) for each in self._expressions]  # noqa: S307 - the author's own text

    def _runs_with(self, seeds: Sequence[int]) -> Iterator[None]:
        for seed in seeds:
            with mock.patch.object(learn, "seed_everything", _with_offset(seed)):
                self._reseed_new_models(seed)
                for source in self._again:
                    self._run(source)
            yield

    def _run(self, source: str) -> None:
        exec(compile(source, "<notebook>", "exec"), self._namespace)  # noqa: S102 - the author's own cells

    def _reseed_new_models(self, seed: int) -> None:
        """Give ``new_model`` another default seed, so that heads and random weights vary too."""
        new_model = self._namespace.get("new_model")
        if new_model is not None:
            new_model.__defaults__ = (*new_model.__defaults__[:-1], seed)


def _with_offset(seed: int) -> Any:
    original = learn.seed_everything
    return lambda given: original(1000 * seed + given)


def _name(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _runs(cell: NotebookNode) -> bool:
    is_test = cell.metadata.get("nbgrader", {}).get("grade", False)
    return bool(cell.cell_type == "code" and not is_test)
