"""Run the cells of a notebook in a kernel of their own, confined and under limits.

Nothing is scored here and no gradebook is known: a notebook goes in, and comes back with outputs
and, in each code cell's record, what happened. What ran before a kernel died is kept.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

from workshop.errors import WorkshopError
from workshop.grading.channels import Meter
from workshop.grading.client import Client, confined_view
from workshop.grading.memory import FASTER_TRAINING, oom_kills
from workshop.grading.records import CellState, Outcome, nbgrader_of, record_of
from workshop.grading.sandbox.bubblewrap import MEGABYTE, Room
from workshop.grading.sandbox.launch import Bounds, SandboxError
from workshop.grading.sandbox.levels import Confinement, require
from workshop.grading.sandbox.watchdog import GPU_MEMORY, MEMORY

_TIMED_OUT = "CellTimeoutError"
# nbclient skips cells that carry this tag. None can: a tag that a learner sets must not decide
# which cells run.
_NO_TAG = "\0"

# nbclient reports there what the cells' records say as well.
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds, and how much they may use.

    All but the output applies to confined kernels only.

    Attributes:
        cell_seconds: one cell; it is then interrupted and the next one runs.
        notebook_seconds: all cells together, without starting the kernel.
        startup_seconds: starting the kernel.
        interrupt_seconds: how long a cell may take to react to the interrupt before the kernel is
            killed.
        memory_mb: memory of all processes together, without files.
        gpu_memory_mb: memory of a GPU for the tensors of one submission; 0 for all of it.
        processes: at the same time.
        scratch_mb: files that the kernel writes. They are memory too.
        output_mb: what one cell may send.
        notebook_output_mb: what all cells together may send.
        evidence_mb: messages that are no outputs, all cells together.
    """

    cell_seconds: float = 300
    notebook_seconds: float = 1200
    startup_seconds: float = 120
    interrupt_seconds: float = 10
    memory_mb: int = 6144
    gpu_memory_mb: int = 8192
    processes: int = 64
    scratch_mb: int = 1024
    output_mb: float = 16
    notebook_output_mb: float = 64
    evidence_mb: float = 512

    def bounds(self) -> Bounds:
        """The same for the sandbox."""
        cpus = os.cpu_count() or 1
        return Bounds(
            memory=self.memory_mb * MEGABYTE,
            gpu_memory=self.gpu_memory_mb * MEGABYTE,
            processes=self.processes,
            file_bytes=self.scratch_mb * MEGABYTE,
            cpu_seconds=math.ceil((self.notebook_seconds + self.startup_seconds) * cpus) + 60,
            room=Room(home=self.scratch_mb * MEGABYTE),
        )

    def meter(self) -> Meter:
        """The same for what the kernel sends."""
        return Meter(
            cell=int(self.output_mb * MEGABYTE),
            notebook=int(self.notebook_output_mb * MEGABYTE),
            other=int(self.evidence_mb * MEGABYTE),
        )


@dataclass(frozen=True)
class Execution:
    """How a notebook's execution ended.

    Attributes:
        outcome: any but REJECTED.
        seconds: wall time of all cells together.
        message: what cut it short; empty if nothing did.
    """

    outcome: Outcome
    seconds: float
    message: str = ""


class KernelStartError(WorkshopError):
    """The kernel did not start: no fault of the notebook, and nothing may be scored for it."""


def run_cells(
    notebook: NotebookNode,
    cwd: Path,
    limits: Limits,
    *,
    env: Mapping[str, str] | None = None,
    kernel_name: str = "python3",
    confinement: str = Confinement.BUBBLEWRAP,
    warm: bool = True,
    features: Path | None = None,
    make_client: Callable[..., Client] = Client,
) -> Execution:
    """Run all code cells in order; an exception in one does not stop the others.

    Args:
        notebook: changed in place: outputs, and the record of every code cell.
        cwd: the kernel's working folder. A confined one finds its entries, read-only, in a working
            folder of its own; see :class:`~workshop.grading.sandbox.bubblewrap.View`.
        limits: what it may take and use.
        env: set in the kernel. On top of this process's environment if it is not confined.
        kernel_name: the kernelspec to use. Which one the notebook asks for is ignored.
        confinement: the name of a level; see :class:`~workshop.grading.sandbox.levels.Confinement`.
        warm: whether a confined kernel is forked from a process that has imported the libraries
            already, where that can be done; it gives the same grades sooner.
        features: a folder with features of frozen models, for a confined kernel to read.
        make_client: takes the arguments of :class:`~workshop.grading.client.Client`; for a subclass
            that listens to messages or asks for more after a cell.

    Raises:
        ConfinementUnavailable: this machine cannot do what the level asks for.
        KernelStartError: the kernel did not start.
    """
    level = require(confinement)
    notebook.cells = [_blank(cell) for cell in notebook.cells]
    return _Run(
        notebook,
        cwd,
        limits,
        env={**FASTER_TRAINING, **(env or {})},
        kernel_name=kernel_name,
        level=level,
        warm=warm,
        features=features,
        make_client=make_client,
    ).run()


@contextmanager
def scratch_copy(folder: Path | None) -> Iterator[Path]:
    """A private copy of a folder for a kernel to work in, removed afterwards.

    Notebooks are left out, since they hold the hidden tests, and so is what is no regular file.

    Args:
        folder: what to copy; None for an empty one.
    """
    with tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        if folder is not None:
            shutil.copytree(folder, scratch, ignore=_not_for_kernels, dirs_exist_ok=True)
        yield scratch


def _not_for_kernels(folder: str, names: list[str]) -> list[str]:
    # Sockets and pipes would stop the copying.
    paths = [Path(folder) / name for name in names]
    return [
        path.name
        for path in paths
        if path.suffix == ".ipynb" or path.is_symlink() or not (path.is_file() or path.is_dir())
    ]


def _blank(cell: NotebookNode) -> NotebookNode:
    """The cell without any trace of an earlier run: outputs that were handed in earn nothing."""
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
        record = record_of(cell)
        for key in ("error", "reason", "seconds"):
            record.pop(key, None)
        record["state"] = CellState.NOT_EXECUTED.value
    return cell


class _Run:
    """One execution of one notebook."""

    def __init__(
        self,
        notebook: NotebookNode,
        cwd: Path,
        limits: Limits,
        *,
        env: Mapping[str, str],
        kernel_name: str,
        level: Confinement,
        warm: bool,
        features: Path | None,
        make_client: Callable[..., Client],
    ) -> None:
        self.notebook = notebook
        self.limits = limits
        self.env = {**os.environ, **env}
        self.reply: dict[str, Any] = {}
        self.client = make_client(
            notebook,
            kernel_name=kernel_name,
            resources={"metadata": {"path": str(cwd)}},
            allow_errors=True,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": _TIMED_OUT, "evalue": "", "traceback": []},
            # After the interrupt nbclient waits this long for the cell to end.
            iopub_timeout=math.ceil(limits.interrupt_seconds),
            raise_on_iopub_timeout=True,
            startup_timeout=math.ceil(limits.startup_seconds),
            skip_cells_with_tag=_NO_TAG,
            store_widget_state=False,
            record_timing=False,
            on_cell_executed=self._on_reply,
            log=_log,
        )
        self.client.meter = limits.meter()
        self.client.bounds = limits.bounds()
        if level is Confinement.BUBBLEWRAP:
            # A process that only writes down what others graded has no use for PyTorch.
            from workshop.grading.fetched import fetched  # noqa: PLC0415

            self.client.view = confined_view(cwd, dict(env), features, fetched(notebook))
            self.client.warm = warm
            # Nothing in there is worth a goodbye.
            self.client.shutdown_kernel = "immediate"

    def run(self) -> Execution:
        before = oom_kills()
        with ExitStack() as stack:
            # Also if it never came to answer.
            stack.callback(self.client.end)
            try:
                # What the cells print comes as messages; the rest is chatter of the kernel's own.
                stack.enter_context(
                    self.client.setup_kernel(env=self.env, stdout=DEVNULL, stderr=DEVNULL)
                )
            except (NoSuchKernel, RuntimeError, OSError, SandboxError) as error:
                raise KernelStartError(
                    f"the kernel {self.client.kernel_name!r} did not start: {error}"
                    f"{self.client.last_words()}",
                    remedy="run `jupyter kernelspec list` in the environment that grades",
                ) from error
            with suppress(DeadKernelError, CellTimeoutError):  # it is the first cell that says so
                self.client.before_cells()
            began = time.monotonic()
            outcome, message = self._cells(began)
            seconds = time.monotonic() - began
            if outcome is Outcome.KERNEL_DIED:
                how, out_of_memory = self._cause_of_death(before)
                message = f"{message} ({how})"
                outcome = Outcome.OUT_OF_MEMORY if out_of_memory else outcome
            if outcome is not Outcome.COMPLETED:
                # It may hang, and there is nothing left in it to say goodbye to.
                self.client.shutdown_kernel = "immediate"
                self._explain_unexecuted(message)
        return Execution(outcome, seconds, message)

    def _cells(self, began: float) -> tuple[Outcome, str]:
        outcome, message = Outcome.COMPLETED, ""
        for index, cell in enumerate(self.notebook.cells):
            if cell.cell_type != "code":
                continue
            left = self.limits.notebook_seconds - (time.monotonic() - began)
            if left <= 0:
                return (
                    Outcome.TIMED_OUT,
                    f"the notebook ran longer than {self.limits.notebook_seconds:g} s",
                )
            place = _place(cell, index)
            try:
                state = self._cell(cell, index, min(left, self.limits.cell_seconds))
                self.client.after_cell(cell)
            except DeadKernelError:
                reason = f"the kernel died in {place}"
                record_of(cell).update(state=CellState.DIED.value, reason=reason)
                why = self.client.why_stopped()
                if why:
                    cell.outputs.append(
                        new_output("error", ename="Stopped", evalue=why, traceback=[why])
                    )
                return Outcome.KERNEL_DIED, reason
            except CellTimeoutError:
                reason = self._note_timeout(cell, min(left, self.limits.cell_seconds))
                return Outcome.TIMED_OUT, f"{place}: {reason} and could not be interrupted"
            if state is CellState.TIMED_OUT and outcome is Outcome.COMPLETED:
                outcome, message = Outcome.TIMED_OUT, f"{place}: {record_of(cell)['reason']}"
        return outcome, message

    def _cell(self, cell: NotebookNode, index: int, seconds: float) -> CellState:
        """Run one cell and record how it ended."""
        record, began = record_of(cell), time.monotonic()
        self.reply = {"status": "ok"}  # a blank cell gets no reply
        # Annotated as if only whole seconds could be given; any number of them works.
        self.client.timeout_func = lambda _: seconds  # type: ignore[assignment]
        try:
            self.client.execute_cell(cell, index)
        finally:
            record["seconds"] = round(time.monotonic() - began, 3)
        state = _state_of(self.reply)
        record["state"] = state.value
        if state is CellState.RAISED:
            record["error"] = {key: str(self.reply.get(key, "")) for key in ("ename", "evalue")}
        elif state is CellState.TIMED_OUT:
            self._note_timeout(cell, seconds)
        elif state is CellState.NOT_EXECUTED:
            record["reason"] = "the kernel refused to run the cell"
        return state

    def _on_reply(self, execute_reply: dict[str, Any], **_: Any) -> None:
        self.reply = execute_reply["content"]

    def _note_timeout(self, cell: NotebookNode, seconds: float) -> str:
        reason = f"stopped after {seconds:.3g} s"
        record_of(cell).update(state=CellState.TIMED_OUT.value, reason=reason)
        cell.outputs.append(
            new_output("error", ename=_TIMED_OUT, evalue=reason, traceback=[reason])
        )
        return reason

    def _cause_of_death(self, oom_kills_before: int | None) -> tuple[str, bool]:
        """How the kernel's process ended, in words, and whether memory ran out."""
        why, sandbox = self.client.why_stopped(), self.client.sandbox
        if why:
            return why, sandbox is not None and sandbox.reason in (MEMORY, GPU_MEMORY)
        code = self.client.exit_code()
        if code is None:
            return "it cannot be told how", False
        if code >= 0:
            return f"exit code {code}", False
        name = signal.Signals(-code).name
        now = oom_kills()
        killed = None not in (now, oom_kills_before) and now != oom_kills_before
        if -code == signal.SIGKILL and killed:
            return "the system stopped it because memory ran out", True
        return f"signal {name}", False

    def _explain_unexecuted(self, message: str) -> None:
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                record = record_of(cell)
                if record["state"] == CellState.NOT_EXECUTED.value:
                    record.setdefault("reason", f"not run: {message}")


def _state_of(reply: dict[str, Any]) -> CellState:
    if reply.get("status") == "ok":
        return CellState.COMPLETED
    if reply.get("status") != "error":
        return CellState.NOT_EXECUTED
    # A learner's own exception may have this name too, but not without a traceback.
    if reply.get("ename") == _TIMED_OUT and not reply.get("traceback"):
        return CellState.TIMED_OUT
    return CellState.RAISED


def _place(cell: NotebookNode, index: int) -> str:
    grade_id = nbgrader_of(cell).get("grade_id")
    return f"cell {index + 1}" + (f" ({grade_id})" if grade_id else "")
