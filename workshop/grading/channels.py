"""Channels to a kernel that is not to be trusted: messages are counted, bounded and taken apart.

A learner's code shares the kernel's process and key, so every message may be forged.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel

from workshop.grading.sandbox.bubblewrap import MEGABYTE

OUTPUTS = {"stream", "display_data", "execute_result", "error"}
KNOWN = OUTPUTS | {"status", "execute_input", "clear_output", "update_display_data"}
_NOTHING: dict[str, Any] = {
    "header": {},
    "parent_header": {},
    "msg_id": "",
    "msg_type": "",
    "metadata": {},
    "content": {},
    "buffers": [],
}
# Channels that nobody reads, or that carry a few words: unread messages stay in our memory.
_SMALL_MESSAGE, _FEW = MEGABYTE, 8
_REPLY = 16 * MEGABYTE
# A kernel that has just been started is not there yet: look for it more often than ZeroMQ would.
_MILLISECONDS_TO_CONNECT = 10
_SECONDS_TO_ANSWER, _SECONDS_TO_SUBSCRIBE = 1.0, 0.2


@dataclass
class Meter:
    """Counts the bytes that a kernel sends.

    Attributes:
        cell: bytes that one cell may send.
        notebook: bytes that all cells may send together.
        other: bytes of messages that are no outputs, all cells together.
        over: what was exceeded, in words; empty if nothing was.
        monitors: tell of channels that were cut, as ZeroMQ does with one that brings a message that
            is too large.
    """

    cell: int
    notebook: int
    other: int
    over: str = ""
    monitors: list[zmq.Socket[bytes]] = field(default_factory=list)
    _in_cell: int = 0
    _in_notebook: int = 0
    _in_other: int = 0

    @property
    def largest(self) -> int:
        """Bytes that one message may have."""
        return max(self.cell, self.other)

    def next_cell(self) -> None:
        """Begin to count for another cell."""
        self._in_cell = 0

    def was_cut(self) -> bool:
        """Whether a channel has lost its connection since it was asked last."""
        cut = False
        for monitor in self.monitors:
            with contextlib.suppress(zmq.ZMQError):
                while not monitor.closed:
                    monitor.recv_multipart(zmq.NOBLOCK)
                    cut = True
        return cut

    def note_cut(self) -> None:
        """Remember that a channel was cut, since a message was too large."""
        self.over = f"more than {_in_words(self.largest)} sent at once"

    def close(self) -> None:
        """Give back what was held."""
        while self.monitors:
            self.monitors.pop().close(linger=0)

    def count(self, size: int, *, output: bool) -> bool:
        """Add a message; False if it is one too many."""
        if output:
            self._in_cell += size
            self._in_notebook += size
        else:
            self._in_other += size
        if self._in_cell > self.cell:
            self.over = f"more than {_in_words(self.cell)} of output in one cell"
        elif self._in_notebook > self.notebook:
            self.over = f"more than {_in_words(self.notebook)} of output in all cells"
        elif self._in_other > self.other:
            self.over = f"more than {_in_words(self.other)} sent beside output"
        return not self.over


class PromptClient(AsyncKernelClient):
    """Notices at once that a kernel is ready."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """As in the base class, which waits until it has heard nothing for a while."""
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        while not await self._has_answered(self.kernel_info()):
            if not await self._async_is_alive():
                raise RuntimeError("the kernel ended before it answered")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the kernel did not answer in {timeout:g} seconds")

    async def _has_answered(self, asked: str) -> bool:
        """Whether both channels work: the last that comes of a request is that it is done."""
        try:
            self._handle_kernel_info_reply(
                await self.shell_channel.get_msg(timeout=_SECONDS_TO_ANSWER)
            )
            while True:
                message = await self.iopub_channel.get_msg(timeout=_SECONDS_TO_SUBSCRIBE)
                state = message["content"].get("execution_state")
                if state == "idle" and message["parent_header"].get("msg_id") == asked:
                    return True
        except Empty:
            return False


def metered_client(meter: Meter, stop: Callable[[], None]) -> type[AsyncKernelClient]:
    """A class of clients whose channels count what they receive; traitlets wants a class."""

    class Channel(AsyncZMQSocketChannel):
        async def _recv(self, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
            socket: Any = self.socket
            frames = await socket.recv_multipart(**kwargs)
            size = sum(map(len, frames))
            if meter.over:
                return {**_NOTHING}
            message = _parsed(self.session, frames)
            kind = message["msg_type"]
            if not meter.count(size, output=kind in KNOWN or not kind or kind[:4] == "comm"):
                stop()
                return {**_NOTHING}
            return message

    class MeteredClient(PromptClient):
        shell_channel_class: Any = Channel
        iopub_channel_class: Any = Channel
        stdin_channel_class: Any = Channel
        control_channel_class: Any = Channel

        def _context_default(self) -> zmq.asyncio.Context:
            self._created_context = True
            return small_context()

        def stop_channels(self) -> None:
            meter.close()  # first: the context ends only when its last socket is closed
            super().stop_channels()

        def _create_connected_socket(self, channel: str, identity: bytes | None = None) -> Any:
            most = {"iopub": meter.largest, "shell": _REPLY}
            # Sockets take over what is set here when they are made.
            self.context.setsockopt(zmq.MAXMSGSIZE, most.get(channel, _SMALL_MESSAGE))
            self.context.setsockopt(zmq.RCVHWM, 1000 if channel == "iopub" else _FEW)
            made = super()._create_connected_socket(channel, identity)
            if channel in most:
                meter.monitors.append(_monitor(made))
            return made

    return MeteredClient


def small_context() -> zmq.asyncio.Context:
    """A context for channels that carry a few words."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, _SMALL_MESSAGE)
    context.setsockopt(zmq.RCVHWM, _FEW)
    context.setsockopt(zmq.RECONNECT_IVL, _MILLISECONDS_TO_CONNECT)
    return context


def _monitor(watched: Any) -> zmq.Socket[bytes]:
    """A socket on which ZeroMQ tells that the watched one lost its connection."""
    address = f"inproc://cut-{id(watched)}"
    watched.monitor(address, zmq.EVENT_DISCONNECTED)
    monitor: zmq.Socket[bytes] = zmq.Context(watched.context).socket(zmq.PAIR)
    monitor.connect(address)
    return monitor


def _parsed(session: Any, frames: list[bytes]) -> dict[str, Any]:
    """The message in the frames; an empty one if it is not what Jupyter defines."""
    try:
        _, rest = session.feed_identities(frames)
        message: dict[str, Any] = session.deserialize(rest)
        sound = (
            isinstance(message["msg_type"], str)
            and isinstance(message["parent_header"], dict)
            and isinstance(message["header"], dict)
            and isinstance(message["content"], dict)
        )
        if not sound:
            return {**_NOTHING}
        if message["msg_type"] == "execute_reply":
            content = message["content"]
            if content.get("status") not in ("ok", "error", "aborted"):
                content["status"] = "aborted"
        return message
    except Exception:  # noqa: BLE001 - forged bytes may fail anywhere in there
        return {**_NOTHING}


def _in_words(size: int) -> str:
    return f"{size / MEGABYTE:g} MB"
