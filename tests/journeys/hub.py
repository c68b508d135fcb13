"""A real JupyterHub, set up as docs/instructor/jupyterhub.md tells, with accounts of its own."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.journeys.environments import student_environment
from tests.journeys.machine import LIBRARIES, ROOT, Machine, machine
from tests.journeys.pages import blocks
from workshop import student_kit

INSTRUCTOR, STUDENTS = "instructor", ("ada", "blaise")
_PROXY = Path(__file__).parent / "proxy"
_SECONDS_TO_START = 90
# What only this run knows: its ports, its proxy, and which checkout it tests.
_ADDED = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = ["node", "/opt/proxy/node_modules/.bin/configurable-http-proxy"]
c.Spawner.env_keep = ["LANG"]


def with_this_checkout(spawner):
    choose_environment(spawner)
    if spawner.user.name in INSTRUCTORS:
        spawner.environment["PYTHONPATH"] = {checkout!r}


c.Spawner.pre_spawn_hook = with_this_checkout
"""


@dataclass(frozen=True)
class Hub:
    """A running hub: its address, its machine, everybody's password."""

    address: str
    machine: Machine
    password: str
    page: dict[str, str]

    def home(self, user: str) -> Path:
        """A user's home as it is seen from outside."""
        return self.machine.homes / user

    def run(self, user: str, script: str, *, check: bool = True) -> str:
        """Run a script as its user would in a terminal of JupyterLab."""
        checkout = f"export PYTHONPATH={ROOT}\n" if user == INSTRUCTOR else ""
        return self.machine.run(user, checkout + script, check=check)

    def documented(self, title: str) -> str:
        """Run a script of the page, as the user whom its title names."""
        return self.run(title.rpartition(" ")[2], self.page[title])


def install_proxy(folder: Path) -> str:
    """Install the hub's proxy from npm; what went wrong, empty if nothing did."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "no node and npm here"
    shutil.copytree(_PROXY, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"npm ci failed: {done.stderr[-500:]}" if done.returncode else ""


@contextmanager
def hub(folder: Path) -> Iterator[Hub]:
    """Set the hub up in a folder and run it. The proxy is installed in ``folder/opt/proxy``."""
    page = blocks("instructor/jupyterhub.md")
    with machine(folder) as here:
        wheel = student_kit.build(folder / "kit")
        place = Path("/opt/students")
        student_environment(
            here.shared / place.name,
            wheel,
            *("nbgrader", "jupyterhub"),
            place=place,
            libraries=LIBRARIES,
        )
        password = secrets.token_urlsafe(16)
        here.run("root", page["accounts, as root"])
        known = "".join(f"{each}:{password}\n" for each in (INSTRUCTOR, *STUDENTS))
        here.write("root", "/root/passwords", known)
        here.run("root", "chpasswd < /root/passwords; rm /root/passwords")
        for title, text in page.items():
            if title.startswith("/"):
                here.write("root", title, text)
        port, hub_port, proxy_port = _free_ports(3)
        added = _ADDED.format(
            port=port, hub_port=hub_port, proxy_port=proxy_port, checkout=str(ROOT)
        )
        config = "/srv/jupyterhub/jupyterhub_config.py"
        here.write("root", config, page[config] + added)
        address = f"http://127.0.0.1:{port}"
        log = folder / "hub.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                here.command("root", f"export PYTHONPATH={ROOT}\n{page['start, as root']}"),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        try:
            _await(f"{address}/hub/health", process, log)
            yield Hub(address, here, password, page)
        finally:
            process.terminate()
            process.wait(30)


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own server
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"JupyterHub did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
