"""Ways out of the sandbox, each tried from inside."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workshop.grading.sandbox.bubblewrap import MEGABYTE, View
from workshop.grading.sandbox.launch import Bounds, run_confined
from workshop.grading.sandbox.seccomp import denied_calls

REPOSITORY = Path(__file__).parents[4]
Run = Callable[..., Any]


def python(code: str, view: View | None = None) -> str:
    """What the code prints inside."""
    bounds = Bounds(memory=500 * MEGABYTE)
    done = run_confined([sys.executable, "-P", "-c", textwrap.dedent(code)], view, bounds)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_course_homes_and_other_folders_do_not_exist(tmp_path: Path) -> None:
    secret = tmp_path / "gradebook.db"
    secret.write_text("secret")
    places = [str(secret), str(REPOSITORY / "source"), str(REPOSITORY / "workshop" / "grading")]
    places += [f"/proc/1/root{secret}", f"/proc/{os.getpid()}", "/etc/shadow", "/var", "/mnt"]
    printed = python(f"""
        import os
        for place in {places!r}:
            print(os.path.exists(place))
        print(sorted(set(os.listdir("/home")) | set(os.listdir("/tmp"))))
    """)
    assert printed.split("\n")[: len(places)] == ["False"] * len(places)
    # Of all that holds it, only the environment's own path is there, with nothing else in it.
    path_to_it = {name for name in sys.prefix.split("/") if sys.prefix.startswith(f"/home/{name}/")}
    assert set(ast.literal_eval(printed.split("\n")[len(places)])) == {"learner", *path_to_it}


def test_the_environment_of_the_grader_is_not_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_COURSE", "/course-of-mine")
    monkeypatch.setenv("SECRET_TOKEN", "sesame")
    printed = python("""
        import glob, os
        print(dict(os.environ))
        for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
            print(open(path, "rb").read())
    """)
    assert "sesame" not in printed
    assert "course-of-mine" not in printed
    assert str(REPOSITORY) not in printed.replace(sys.prefix, "")


def test_instructors_packages_and_modules_are_not_importable() -> None:
    printed = python("""
        import checks, workshop, workshop.assets
        for name in ("elpv_dataset", "workshop.grading", "workshop.course", "workshop.authoring"):
            try:
                module = __import__(name, fromlist=["x"])
                print(name, getattr(module, "__file__", None))
            except ImportError:
                print(name, None)
        print(checks.__file__, workshop.__file__)
    """)
    assert printed.count("None") == 4
    assert "/opt/learner/checks/__init__.py /opt/learner/workshop/__init__.py" in printed


def test_there_is_no_network() -> None:
    printed = python("""
        import socket
        for family, address in (
            (socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET6, ("2606:4700::1", 53)),
            (socket.AF_UNIX, "/run/dbus/system_bus_socket"), (socket.AF_UNIX, "\\0abstract"),
            (40, (2, 22)), (socket.AF_PACKET, ("lo", 0)), (38, ("hash", "sha256")),
        ):
            try:
                with socket.socket(family) as made:
                    made.settimeout(2)
                    made.connect(address)
                print("connected", family)
            except OSError as error:
                print("refused")
        print(socket.if_nameindex())
    """)
    assert "connected" not in printed
    assert printed.count("refused") == 7
    assert "[(1, 'lo')]" in printed


def test_nothing_of_the_system_can_be_written() -> None:
    printed = python(f"""
        import glob, os
        written = []
        for folder, _, _ in list(os.walk("/etc")) + list(os.walk("/opt")) + [
            ("/usr/bin", 0, 0), ("/", 0, 0), ({sys.prefix!r}, 0, 0), ("/sys", 0, 0), ("/dev", 0, 0),
            ({os.path.dirname(os.__file__)!r}, 0, 0), ("/proc/sys/kernel", 0, 0), ("/run", 0, 0),
        ]:
            try:
                open(folder + "/mine", "w")
                written.append(folder)
            except OSError:
                pass
        for path in ["/opt/learner/checks/__init__.py", "/etc/passwd", "/usr/bin/env",
                     "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                     "/proc/irq/default_smp_affinity", "/proc/self/oom_score_adj"]:
            try:
                open(path, "r+")
                written.append(path)
            except OSError:
                pass
        print(written)
    """)  # noqa: PTH120
    assert printed.strip() == "[]"


def test_no_privileges_are_to_be_gained() -> None:
    printed = python("""
        import ctypes, os, subprocess
        status = open("/proc/self/status").read()
        print([line.split()[1] for line in status.splitlines() if line.startswith("Cap")])
        print([line for line in status.splitlines() if line.startswith(("NoNewPrivs", "Seccomp:"))])
        for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot("/tmp"),
                     lambda: os.setgroups([0]), lambda: os.mknod("/tmp/n", 0o20600, 0x103)):
            try:
                call()
                print("allowed")
            except OSError:
                print("refused")
        os.close(os.open("/tmp/s", os.O_CREAT, 0o4755)); os.chmod("/tmp/s", 0o4755)
        print(os.statvfs("/tmp").f_flag & os.ST_NOSUID != 0, os.statvfs("/usr").f_flag & 2 != 0)
    """)
    assert "allowed" not in printed
    assert printed.count("refused") == 5
    assert "['0000000000000000', '0000000000000000', '0000000000000000'" in printed
    assert "'NoNewPrivs:\\t1'" in printed
    assert "True True" in printed


def test_denied_system_calls_fail() -> None:
    calls = {n: denied_calls()[n] for n in ("ptrace", "mount", "unshare", "bpf", "keyctl", "setns")}
    if not calls:
        pytest.skip("no list of system calls for this processor")
    printed = python(f"""
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        for name, number in {calls!r}.items():
            print(name, libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno())
        print(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0), ctypes.get_errno())
    """)
    lines = [line.split()[-2:] for line in printed.splitlines()]
    assert lines[:-1] == [["-1", "1"]] * len(calls)
    if os.uname().machine == "x86_64":
        assert lines[-1][0] == "-1"  # clone with a new user namespace


def test_a_copy_of_a_setuid_program_gains_nothing() -> None:
    done = run_confined(["/bin/su", "-c", "id", "root"])
    assert done.returncode != 0
    assert "uid=0" not in done.stdout


def test_only_files_that_were_handed_in_are_there_and_read_only(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("data/values.csv", "torch.py", "p1.ipynb", ".bashrc"):
        (tmp_path / name).write_text("text")
    (tmp_path / "link").symlink_to("/etc/shadow")
    printed = python(
        """
        import os
        print(sorted(os.listdir()))
        for name in ("data/values.csv", "data/new", "torch.py"):
            try:
                open(name, "w")
                print("written")
            except OSError:
                pass
        open("mine", "w").write("mine")
        """,
        View(files=tmp_path),
    )
    assert printed.splitlines() == ["['data', 'torch.py']"]
    assert not (tmp_path / "mine").exists()


def test_nothing_in_the_working_folder_hides_a_module(tmp_path: Path, run: Run) -> None:
    (tmp_path / "files").mkdir()
    for name in ("checks.py", "workshop.py", "json.py", "ipykernel_launcher.py", "numbers.py"):
        (tmp_path / "files" / name).write_text("raise SystemExit('mine')")
    ran = run("import sys, checks, workshop, numbers; print(checks.__file__, '' in sys.path)")
    assert ran.printed(0) == "/opt/learner/checks/__init__.py False\n"


def test_a_kernel_runs_and_knows_its_user(run: Run) -> None:
    ran = run("import os, getpass; print(os.getcwd(), getpass.getuser(), os.path.expanduser('~'))")
    assert ran.printed(0) == "/home/learner learner /home/learner\n"


def test_hostile_messages_do_not_stop_the_grader(run: Run) -> None:
    ran = run(
        """
        session, socket = get_ipython().kernel.session, get_ipython().kernel.iopub_socket
        parent = get_ipython().kernel.get_parent()
        for kind, content in [
            ("status", {}), ("status", {"execution_state": []}), ("stream", {"name": 1}),
            ("display_data", {"data": [], "metadata": 3}), ("error", {}), ("comm_open", {}),
            ("display_data", {"data": {"text/plain": 1}, "metadata": {}, "transient": 7}),
            ("update_display_data", {"data": {}, "metadata": {}, "transient": {"display_id": []}}),
            ("clear_output", {"wait": {}}), ("unknown", {"x": 1}), ("", {}),
        ]:
            session.send(socket, kind, content, parent=parent)
        for header, parent_header, content in [
            (b"[]", b"{}", b"{}"), (b'{"msg_id": 1, "msg_type": []}', b"{}", b"{}"),
            (b'{"msg_id": "1", "msg_type": "stream"}', b"[]", b"{}"),
            (b'{"msg_id": "1", "msg_type": "stream"}', session.pack(parent["header"]), b"[]"),
            (b'{"msg_id": "1", "msg_type": "stream"}', b"{}", b"[" * 100_000),
        ]:
            parts = [header, parent_header, b"{}", content]
            socket.send_multipart([b"stream", b"<IDS|MSG>", session.sign(parts), *parts])
        for frames in ([b"x"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"s", b"{", b"{}", b"{}", b"{}"]):
            socket.send_multipart(frames)
        print("after")
        """,
        "2.0",
    )
    assert ran.states() == ["completed", "completed"]
    assert "after" in ran.printed(0)
    assert ran.notebook.cells[1].outputs[0].data["text/plain"] == "2.0"


GRADER = """
import sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workshop.grading.execution import Limits, run_cells
code = "import subprocess, time; subprocess.Popen(['sleep', '{seconds}']); time.sleep(60)"
print("started", flush=True)
run_cells(new_notebook(cells=[new_code_cell(code)]), Path(sys.argv[1]), Limits())
"""


def test_killing_the_grader_leaves_nothing_behind(tmp_path: Path) -> None:
    seconds = f"300.{os.getpid()}"
    code = GRADER.replace("{seconds}", seconds)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)}
    (tmp_path / "cwd").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "cwd"], env=environment
    ) as grader:
        assert _wait_for(lambda: bool(_running(seconds)), 60)
        grader.send_signal(signal.SIGKILL)
    assert _wait_for(lambda: not _running(seconds), 10)
    assert [path.name for path in tmp_path.iterdir()] == ["cwd"]


def _running(mark: str) -> list[Path]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == f"sleep\0{mark}\0".encode():
                found.append(path)
        except OSError:
            continue
    return found


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
