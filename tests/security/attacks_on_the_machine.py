"""Submissions that would stop, fill or outlive the machine that grades them."""

from __future__ import annotations

from tests.security.lab import Attack

_KEPT = {"groups": "pass", "train": "model = new_model()", "loop": "pass"}


def _attack(name: str, code: str, outcome: str = "COMPLETED", **more: object) -> Attack:
    return Attack(name, "harm", {"freeze": code, **_KEPT}, outcome=outcome, **more)  # type: ignore[arg-type]


def _while_asked(name: str, code: str, outcome: str = "COMPLETED", **more: object) -> Attack:
    return _attack(name, f"def freeze(model):\n    {code}\n    return model", outcome, **more)


ATTACKS = (
    _attack("leaves at once", "import os\nos._exit(0)", "KERNEL_DIED", said="exit code 0"),
    _while_asked("leaves while it is asked", "import os; os._exit(0)", "KERNEL_DIED"),
    _attack("crashes the interpreter", "import ctypes\nctypes.string_at(1)", "KERNEL_DIED"),
    _attack(
        "kills everything",
        # The kernel is its namespace's first process, which no signal from inside can end.
        "import os\nos.kill(-1, 9)\nos.kill(os.getpid(), 9)",
        harmless=False,
    ),
    _attack(
        "hangs at exit",
        "import atexit, time, threading\n"
        "atexit.register(time.sleep, 1000)\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()",
    ),
    _attack("calls itself for ever", "def freeze(model): return freeze(model)\nfreeze(1)"),
    _attack(
        "calls itself below Python",
        "import sys\nsys.setrecursionlimit(10 ** 9)\nmade = []\n"
        "for _ in range(10 ** 6): made = [made]\nrepr(made)",
        "KERNEL_DIED",
    ),
    _attack(
        "takes all memory",
        # What it is refused, it asks for again: else one refusal ends the cell with an error.
        "made = []\nwhile True:\n    try: made.append(b'x' * 50_000_000)\n"
        "    except MemoryError: pass",
        "OUT_OF_MEMORY",
        harmless=False,
    ),
    _attack(
        "starts processes without end",
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError: pass",
        "KERNEL_DIED",
        harmless=False,
    ),
    _attack(
        "prints without end",
        "while True: print('x' * 100_000)",
        "KERNEL_DIED",
        said="stopped: more than",
        harmless=False,
    ),
    _attack(
        "shows a hundred thousand outputs",
        "from IPython.display import display\nfor n in range(100_000): display(n)",
        "KERNEL_DIED",
        said="output",
    ),
    _attack(
        "fills the disk",
        "import os\nfor place in ('.', '/tmp', '/dev/shm', '/var/tmp'):\n    try:\n"
        "        with open(os.path.join(place, 'full'), 'wb') as file:\n"
        "            while True: file.write(bytes(10 ** 6))\n    except OSError: pass",
        harmless=False,
    ),
    _attack(
        "makes files without end",
        "n = 0\ntry:\n    while n < 60_000:\n"
        "        open(f'file{n}', 'w').close()\n        n += 1\nexcept OSError: pass",
        "KERNEL_DIED",
        said="files",
        harmless=False,
    ),
    _attack(
        "leaves a process behind",
        "import subprocess\nsubprocess.Popen(['/bin/sh', '-c', 'while :; do sleep 1; done'],\n"
        "    start_new_session=True)",
    ),
    _attack(
        "leaves a thread that shouts",
        "import threading, time\ndef shout():\n    while True: print('x'); time.sleep(0.01)\n"
        "threading.Thread(target=shout, daemon=True).start()",
    ),
    _attack("waits for an answer", "input('your password?')"),
    _while_asked(
        "sends evidence that is too large",
        "nn.Linear.extra_repr = 0; model[0].weight = nn.Parameter(torch.ones(3000, 3000))",
        "KERNEL_DIED",
        said="stopped: more than",
    ),
    _attack(
        "sends messages without end",
        "kernel = get_ipython().kernel\nfor n in range(10 ** 6):\n"
        "    kernel.session.send(kernel.iopub_socket, 'mine', {'x': 'y' * 10000},\n"
        "        parent=kernel.get_parent())",
        "KERNEL_DIED",
    ),
    _attack(
        "deletes what it can",
        "import shutil, os\nfor place in ('/', '.', '..', '/opt'):\n"
        "    shutil.rmtree(place, ignore_errors=True)",
        harmless=False,
    ),
    _attack(
        "closes what it is asked through",
        "import os\nfor n in range(3, 500):\n    try: os.close(n)\n    except OSError: pass",
        "KERNEL_DIED",
        harmless=False,
    ),
)

# These cost the time that a cell may take, each.
ENDLESS = (
    _attack("runs for ever", "while True: pass", "TIMED_OUT"),
    _attack(
        "runs for ever and does not listen",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "TIMED_OUT",
    ),
    _while_asked("never shows what it did", "while True: pass"),
    _attack("stops itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "TIMED_OUT"),
)
