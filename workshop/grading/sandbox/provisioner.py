"""A Jupyter kernel in a sandbox: a provisioner that starts it, and the manager that goes with it.

The kernel's sockets lie in its own file system; the grader reaches them as
``/proc/<pid>/root/run/kernel/...``. So nothing is shared, and nothing is left behind.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, Instance, default

from workshop.grading.sandbox.bubblewrap import RUNTIME, View
from workshop.grading.sandbox.launch import Bounds, Sandbox, launch
from workshop.grading.sandbox.warm import warm_kernel
from workshop.grading.sandbox.watchdog import Watchdog

_CONNECTION_FILE = "/etc/kernel.json"
_PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
_PYTHON = re.compile(r"python[0-9.]*")


class ConfinedProvisioner(KernelProvisionerBase):
    """Starts the kernel in bubblewrap and ends all that it has started."""

    view: View
    bounds: Bounds
    warm: bool = True
    sandbox: Sandbox | None = None
    _watchdog: Watchdog | None = None

    @property
    def has_process(self) -> bool:
        """Whether it was started and has not been cleaned up."""
        return self.sandbox is not None and self.sandbox.process.returncode is None

    async def poll(self) -> int | None:
        """None while the kernel runs, else its exit code."""
        return 0 if self.sandbox is None else self.sandbox.exit_code()

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        while (code := await self.poll()) is None:
            await asyncio.sleep(0.01)
        return code

    async def send_signal(self, signum: int) -> None:
        """Signals do not reach the kernel, except one: interrupts go as messages."""
        if signum not in (0, signal.SIGINT) and self.sandbox is not None:
            self.sandbox.stop()

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002 - as in the base class
        """Kill the kernel and all that it has started."""
        if self.sandbox is not None:
            self.sandbox.stop()

    async def terminate(self, restart: bool = False) -> None:
        """As kill: there is nothing worth saving."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:  # noqa: ARG002
        """Wait until everything is gone."""
        if self.sandbox is not None:
            self.sandbox.stop()  # also what the watchdog may be waiting for
        if self._watchdog is not None:
            self._watchdog.close()
            self._watchdog = None
        if self.sandbox is not None:
            self.sandbox.close()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """The command, with what follows from the kernel being a Python or not."""
        manager: Any = self.parent
        for port, name in enumerate(_PORTS, 1):
            setattr(manager, name, port)
        manager.ip = f"{RUNTIME}/s"
        self.connection_info = manager.get_connection_info()
        # Not the base class's: it hands on the environment of the grader.
        return {"cmd": _command(self.kernel_spec, kwargs.get("extra_arguments", []))}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:  # noqa: ARG002
        """Start it and say where its sockets are, seen from here.

        Raises:
            SandboxError: bubblewrap could not set it up.
        """
        inside = {**self.connection_info, "kernel_name": self.kernel_spec.name}
        inside["key"] = str(self.connection_info["key"], "ascii")  # type: ignore[call-overload]
        view = replace(
            self.view,
            env={**self.kernel_spec.env, **self.view.env},
            contents={_CONNECTION_FILE: json.dumps(inside)},
        )
        warm = warm_kernel(cmd, view, self.bounds) if self.warm else None
        self.sandbox = launch(cmd, view, self.bounds) if warm is None else warm
        self._watchdog = Watchdog(self.sandbox)
        self._watchdog.start()
        self.connection_info["ip"] = f"{self.sandbox.root}{RUNTIME}/s"
        return self.connection_info


class ConfinedKernelManager(AsyncKernelManager):
    """Manages a kernel whose sockets and connection file exist in its sandbox alone."""

    view = Instance(View, ())
    bounds = Instance(Bounds, ())
    warm = Bool(True)

    @default("transport")
    def _transport_default(self) -> str:
        return "ipc"

    @default("shutdown_wait_time")
    def _shutdown_wait_time_default(self) -> float:
        return 2.0

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        spec = self.kernel_spec
        if spec is not None:
            # A signal cannot be sent into another PID namespace's session.
            spec.interrupt_mode = "message"
        provisioner = ConfinedProvisioner(
            kernel_id=self.kernel_id or "", kernel_spec=spec, parent=self
        )
        provisioner.view, provisioner.bounds, provisioner.warm = self.view, self.bounds, self.warm
        self.provisioner = provisioner
        return await super()._async_pre_start_kernel(**kw)

    def write_connection_file(self, **_: Any) -> None:
        """The provisioner has handed it over; outside there is none."""

    def cleanup_connection_file(self) -> None:
        """There is none."""

    def cleanup_ipc_files(self) -> None:
        """They go with the sandbox."""


def _command(spec: KernelSpec, extra_arguments: list[str]) -> list[str]:
    argv = [part.replace("{connection_file}", _CONNECTION_FILE) for part in spec.argv]
    argv = [part.replace("{resource_dir}", spec.resource_dir) for part in argv]
    if not _PYTHON.fullmatch(Path(argv[0]).name):
        return [*argv, *extra_arguments]
    program = argv[0] if Path(argv[0]).is_absolute() else sys.executable
    # Nothing in the working folder may take the place of a module.
    return [program, "-P", *argv[1:], *extra_arguments, "--InteractiveShellApp.ignore_cwd=True"]
