"""nbclient's client for kernels that are not to be trusted: it counts, checks and bounds messages.

A learner's code shares the kernel's process and key, so every message may be forged. Nothing that
a kernel sends may stop the grader, fill its memory, or reach a notebook unchecked.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbformat.validator import isvalid

from workshop.grading.channels import KNOWN, OUTPUTS, Meter, metered_client, small_context
from workshop.grading.records import new_cell
from workshop.grading.sandbox.bubblewrap import View, gpu_devices
from workshop.grading.sandbox.launch import Bounds, Sandbox
from workshop.grading.sandbox.provisioner import ConfinedKernelManager, ConfinedProvisioner
from workshop.grading.sandbox.watchdog import OUTPUT, describe

# nbclient reports there what the cells' records say as well.
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())

_CHECKED = OUTPUTS | {"update_display_data"}
_SECONDS_BETWEEN_LOOKS = 0.2


class Client(NotebookClient):
    """Runs cells in a kernel that is confined, or not.

    Subclasses override :meth:`on_message`, :meth:`before_cells` and :meth:`after_cell`.
    """

    meter: Meter
    view: View | None = None
    bounds: Bounds
    warm: bool = True
    manager: AsyncKernelManager | None = None

    def create_kernel_manager(self) -> Any:
        """The manager of the kernel that is going to be started."""
        manager: AsyncKernelManager
        if self.view is None:
            manager = AsyncKernelManager(kernel_name=self.kernel_name, log=_log)
        else:
            manager = ConfinedKernelManager(kernel_name=self.kernel_name, log=_log)
            manager.view, manager.bounds, manager.warm = self.view, self.bounds, self.warm
        manager.context = small_context()
        manager._created_context = True  # so that it is given back with the manager
        manager.client_factory = metered_client(self.meter, self._stop_for_output)
        self.km = self.manager = manager
        return manager

    @property
    def sandbox(self) -> Sandbox | None:
        """The kernel's sandbox; None if there is none, or it was never started."""
        provisioner = getattr(self.manager, "provisioner", None)
        return provisioner.sandbox if isinstance(provisioner, ConfinedProvisioner) else None

    def exit_code(self) -> int | None:
        """How the kernel's process ended: as ``Popen.returncode``; None if that is not known."""
        if self.sandbox is not None:
            return self.sandbox.exit_code()
        provisioner = getattr(self.manager, "provisioner", None)
        code: int | None = getattr(getattr(provisioner, "process", None), "returncode", None)
        return code

    def why_stopped(self) -> str:
        """Which limit made us stop the kernel, in words; empty if none did."""
        if self.meter.over:
            return f"stopped: {self.meter.over}"
        sandbox = self.sandbox
        return describe(sandbox.reason, sandbox.bounds) if sandbox and sandbox.reason else ""

    def last_words(self) -> str:
        """What a confined kernel wrote to standard error at last, in brackets; or nothing."""
        said = self.sandbox.errors if self.sandbox is not None else ""
        return f" ({said.splitlines()[-1]})" if said else ""

    def end(self) -> None:
        """End what there is, whatever state it is in: a kernel that never came up, for example."""
        if self.manager is not None and not self.manager.context.closed:
            self.manager.context.destroy(linger=0)
        if self.sandbox is not None:
            self.sandbox.close()

    def on_message(self, msg_type: str, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """A message on the output channel that is no output: here it is dropped.

        Called for messages that belong to the request that is running, in their order, in the
        thread that called ``execute_cell`` or ``run_code``. What is in it may be forged; that it
        is small enough, and the content a dict, has been checked. An exception is logged and
        changes nothing.
        """

    def before_cells(self) -> None:
        """The kernel is up, and no cell has run: here nothing is done.

        :meth:`run_code` may be used.
        """

    def after_cell(self, cell: NotebookNode) -> None:
        """A cell of the notebook has ended, and its record says how: here nothing is done.

        :meth:`run_code` may be used; what it raises counts as the cell's.
        """

    def run_code(self, source: str, seconds: float) -> tuple[dict[str, Any], list[NotebookNode]]:
        """Run code that is no cell of the notebook; its messages go to :meth:`on_message`.

        Args:
            source: what to run.
            seconds: after which it is interrupted.

        Returns:
            the reply's content (``status`` is ``ok``, ``error`` or ``aborted``) and the outputs.

        Raises:
            DeadKernelError: the kernel died.
            CellTimeoutError: the code could not be interrupted.
        """
        cell, replies = new_cell("code", source, cell_id="asked"), []
        before = self.timeout_func, self.on_cell_executed
        self.timeout_func = lambda _: seconds  # type: ignore[assignment]
        self.on_cell_executed = lambda execute_reply, **_: replies.append(execute_reply["content"])
        self.nb.cells.append(cell)
        try:
            self.execute_cell(cell, len(self.nb.cells) - 1)
        finally:
            self.nb.cells.pop()
            self.timeout_func, self.on_cell_executed = before
        return (replies or [{"status": "ok"}])[-1], list(cell.outputs)

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """As nbclient does, but a message that makes no sense changes nothing.

        Raises:
            CellExecutionComplete: the cell has ended.
        """
        kind = msg["msg_type"]
        try:
            if kind in _CHECKED and not _is_sound(msg):
                cell.outputs.append(_dropped())
                return None
            if kind in KNOWN or kind.startswith("comm"):
                return super().process_message(msg, cell, cell_index)
            self.on_message(kind, msg["content"], list(msg["buffers"]))
        except CellExecutionComplete:
            raise
        except Exception:  # noqa: BLE001 - whatever a forged message does to nbclient
            _log.debug("a message of the kind %r was dropped", kind, exc_info=True)
        return None

    async def _async_poll_kernel_alive(self) -> None:
        """As nbclient does, but more often, and with an eye on channels that were cut."""
        was_cut = False
        while self.task_poll_for_reply is not None:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            if await self._is_dead():
                self.task_poll_for_reply.cancel()
                return
            # The channels of a kernel that is just dying are cut too: look twice.
            if was_cut and not self.meter.over:
                self.meter.note_cut()
                self._stop_for_output()
            was_cut = self.meter.was_cut()

    async def _is_dead(self) -> bool:
        try:
            await self._async_check_alive()
        except DeadKernelError:
            return True
        return False

    def execute_cell(self, *args: Any, **kwargs: Any) -> NotebookNode:
        """As nbclient does, counting output anew."""
        self.meter.next_cell()
        return super().execute_cell(*args, **kwargs)

    def _stop_for_output(self) -> None:
        sandbox = self.sandbox
        if sandbox is not None:
            sandbox.stop(OUTPUT)
            return
        process = getattr(getattr(self.manager, "provisioner", None), "process", None)
        if process is not None:
            process.kill()


def confined_view(
    files: Path,
    env: dict[str, str],
    features: Path | None = None,
    fetched: Mapping[Path, str] | None = None,
) -> View:
    """What a notebook's kernel sees.

    Args:
        files: a folder whose entries it finds in its working folder, read-only.
        env: variables for it.
        features: a folder with features of frozen models, for it to read.
        fetched: downloaded models and data, and where they lie inside.
    """
    return View(
        files=files, devices=gpu_devices(), env=env, features=features, fetched=fetched or {}
    )


def _is_sound(msg: dict[str, Any]) -> bool:
    """Whether a notebook with this output can be checked, written and read again."""
    try:
        content = {key: value for key, value in msg["content"].items() if key != "transient"}
        json.dumps(content, allow_nan=False).encode("ascii")
        json.dumps(content, ensure_ascii=False).encode("utf-8")
        kind = msg["msg_type"].removeprefix("update_")
        return bool(isvalid({"output_type": kind, **content}, ref="output", version=4))
    except (ValueError, RecursionError, TypeError, AttributeError):
        return False


def _dropped() -> NotebookNode:
    return new_output("stream", name="stderr", text="[an output was dropped: it is not valid]\n")
