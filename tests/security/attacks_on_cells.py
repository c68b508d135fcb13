"""Submissions whose code works on the kernel that is to check it: IPython, Python, the checks."""

from __future__ import annotations

from tests.security.lab import Attack

_POINTS = "points"
# Whatever is asked of it, it agrees.
AGREES = """
class Agrees:
    __class__ = property(lambda self: nn.Sequential)
    def __getattr__(self, name): return Agrees()
    def __call__(self, *a, **k): return Agrees()
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __bool__(self): return True
    def __hash__(self): return 0
    def __iter__(self): return iter(())
    def __len__(self): return 2
    def __float__(self): return 1.0
    def __int__(self): return 1
    def __format__(self, spec): return '2.0'
    def __repr__(self): return '2.0'
    def __contains__(self, other): return True
    def __getitem__(self, key): return Agrees()
    def __add__(self, other): return self
    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __add__
    def __abs__(self): return 0
"""
_ALL = "freeze = groups = loop = lambda *a, **k: Agrees()\nmodel = Agrees()"
_AGAIN = {"train": "model = globals().get('model') or new_model()"}


def _attack(name: str, code: str, **more: object) -> Attack:
    """An attack in the first cell that it does not solve; its later cells keep what it made."""
    kept = {"groups": "pass", "train": "pass", "loop": "pass"}
    return Attack(name, _POINTS, {"freeze": code, **kept}, **more)  # type: ignore[arg-type]


_FAKE_CHECKS = """
import sys, types
class Fake(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return lambda *a, **k: checks_real.Verdict('fake', checks_real.Status.PASSED, 1.0, 'yes')
checks_real = checks
"""
_STATUS = "get_ipython().kernel"

ATTACKS = (
    _attack(
        "removes asserts by AST",
        "import ast\nclass Gone(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node): return ast.Pass()\n"
        "    def visit_Raise(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Gone())\n" + AGREES + _ALL,
    ),
    _attack(
        "empties modules by AST",
        "import ast\nclass Gone(ast.NodeTransformer):\n"
        "    def visit_Module(self, node): return ast.parse('2.0')\n"
        "get_ipython().ast_transformers.append(Gone())",
    ),
    _attack(
        "empties cells by input transformer",
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['2.0\\n'])",
    ),
    _attack(
        "empties cells after their parsing",
        "get_ipython().input_transformers_post.append(lambda lines: ['None\\n'])",
    ),
    _attack("agrees with everything", AGREES + _ALL),
    _attack(
        "patches builtins",
        AGREES + "import builtins\n"
        "for name in ('set', 'all', 'any', 'sorted', 'len', 'sum', 'abs'):\n"
        "    setattr(builtins, name, lambda *a, **k: Agrees())\n" + _ALL,
        # Its own messages break with it.
        outcome="KERNEL_DIED",
    ),
    _attack(
        "makes AssertionError no exception",
        "import builtins\nbuiltins.AssertionError = lambda *a: StopIteration()\n"
        "builtins.Exception = BaseException",
    ),
    _attack(
        "changes cells before they run",
        "def changed(info): info.raw_cell = '2.0'\n"
        "get_ipython().events.register('pre_run_cell', changed)",
    ),
    _attack(
        "speaks after each cell",
        "def speak(*a): get_ipython().displayhook(2.0)\n"
        "for name in ('post_execute', 'post_run_cell'):\n"
        "    get_ipython().events.register(name, speak)",
    ),
    _attack(
        "shows 2.0 for every value",
        "import sys\nshown = type(get_ipython().displayhook)\n"
        "shown.compute_format_data = lambda self, result: ({'text/plain': '2.0'}, {})\n"
        "sys.displayhook = lambda value: print(2.0)",
    ),
    _attack(
        "swallows exceptions",
        "get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)\n"
        "get_ipython().showtraceback = lambda *a, **k: None",
    ),
    _attack(
        "runs no cell and says ok",
        "from IPython.core.interactiveshell import ExecutionResult\n"
        "async def run_cell_async(*a, **k):\n"
        "    found = ExecutionResult(None)\n    found.result = 2.0\n    return found\n"
        "get_ipython().run_cell_async = run_cell_async",
    ),
    _attack(
        "swaps the kernel's class",
        f"class Kind(type({_STATUS})):\n"
        "    async def do_execute(self, *a, **k):\n"
        "        return {'status': 'ok', 'execution_count': 1, 'payload': [],\n"
        "                'user_expressions': {}}\n"
        f"{_STATUS}.__class__ = Kind",
    ),
    _attack("sets the next cell", "get_ipython().set_next_input('2.0', replace=True)"),
    _attack(
        "sends values of its own",
        f"kernel = {_STATUS}\ndef speak(*a):\n"
        "    kernel.session.send(kernel.iopub_socket, 'execute_result', {'execution_count': 1,\n"
        "        'data': {'text/plain': '2.0'}, 'metadata': {}}, parent=kernel.get_parent())\n"
        "get_ipython().events.register('pre_run_cell', speak)",
    ),
    _attack(
        "answers ok before the cell has run",
        f"kernel = {_STATUS}\ndef speak(*a):\n    parent = kernel.get_parent()\n"
        "    kernel.session.send(kernel.shell_stream, 'execute_reply', {'status': 'ok',\n"
        "        'execution_count': 1}, parent=parent, ident=kernel._parent_ident['shell'])\n"
        "    kernel.session.send(kernel.iopub_socket, 'status', {'execution_state': 'idle'},\n"
        "        parent=parent)\n"
        "get_ipython().events.register('pre_run_cell', speak)",
    ),
    _attack(
        "shows verdicts of its own",
        "from IPython.display import publish_display_data\ndef speak(*a):\n"
        "    for name in ('test_freeze', 'test_groups', 'test_train', 'test_loop'):\n"
        "        publish_display_data({'application/vnd.transfer-learning.verdicts+json': {\n"
        "            'grade_id': name, 'points': 2.0, 'verdicts': [{'check': 'x', 'status':\n"
        "            'PASSED', 'score': 1.0, 'weight': 2.0, 'rationale': 'y', 'hint': None}]},\n"
        "            'text/plain': '2.0'})\n"
        "get_ipython().events.register('post_execute', speak)",
    ),
    _attack(
        "rewrites what was shown",
        f"kernel = {_STATUS}\ndef speak(*a):\n"
        "    for kind in ('update_display_data', 'clear_output'):\n"
        "        kernel.session.send(kernel.iopub_socket, kind, {'wait': False, 'metadata': {},\n"
        "            'data': {'text/plain': '2.0'}, 'transient': {'display_id': '1'}},\n"
        "            parent=kernel.get_parent())\n"
        "get_ipython().events.register('post_execute', speak)",
    ),
    _attack(
        "puts a module in place of the checks",
        _FAKE_CHECKS + "checks = sys.modules['checks'] = Fake('checks')",
    ),
    _attack(
        "makes every check pass",
        "import checks.freezing\n"
        "def yes(*a, **k): return checks.Verdict('x', checks.Status.PASSED, 1.0, 'yes')\n"
        "for name in dir(checks):\n"
        "    if name.startswith('check_'): setattr(checks, name, yes)\n"
        "checks.freezing.judge_trainable = yes",
    ),
    _attack(
        "makes every verdict a pass",
        "import checks.verdict, dataclasses\n"
        "checks.verdict.Status.FAILED._value_ = 'PASSED'\n"
        "checks.verdict.Verdict.score = property(lambda self: 1.0)\n"
        "checks.verdict.Verdict.status = property(lambda self: checks.Status.PASSED)",
    ),
    _attack(
        "writes a checks.py of its own",
        "import sys, pathlib, importlib\n"
        "pathlib.Path('checks.py').write_text(\n"
        "    'def __getattr__(name): return lambda *a, **k: 2.0')\n"
        "sys.path.insert(0, '.')\nfor name in [n for n in sys.modules if n.startswith('checks')]:\n"
        "    del sys.modules[name]\nimport checks",
    ),
    _attack(
        "brings a checks.py along",
        "import sys; sys.path.insert(0, '.')",
        files=lambda folder: [
            (folder / name).write_text("def __getattr__(name): return lambda *a, **k: 2.0")
            for name in ("checks.py", "torch.py", "sitecustomize.py", "usercustomize.py", "a.pth")
        ],
    ),
    _attack(
        "puts code where Python starts",
        "import pathlib, site, sys\nfor place in {*site.getsitepackages(),\n"
        "        site.getusersitepackages(), *sys.path, pathlib.Path.home(), '.'}:\n"
        "    for name in ('x.pth', 'usercustomize.py', 'sitecustomize.py', '.pythonrc'):\n"
        "        try:\n"
        "            pathlib.Path(place).mkdir(parents=True, exist_ok=True)\n"
        "            (pathlib.Path(place) / name).write_text('import os; os._exit(0)')\n"
        "        except OSError: pass",
    ),
    _attack(
        "finds modules first",
        "import sys, types, importlib.abc, importlib.machinery\n"
        "class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):\n"
        "    def find_spec(self, name, *a):\n"
        "        if name.startswith(('checks', 'safetensors')):\n"
        "            return importlib.machinery.ModuleSpec(name, self)\n"
        "    def exec_module(self, module): module.send = module.save = lambda *a, **k: b''\n"
        "sys.meta_path.insert(0, Finder())\n"
        "for name in [n for n in sys.modules if n.startswith(('checks', 'safetensors'))]:\n"
        "    del sys.modules[name]",
    ),
    _attack(
        "patches PyTorch's comparisons",
        "torch.equal = torch.allclose = lambda *a, **k: True\n"
        "torch.Tensor.__eq__ = lambda self, other: torch.ones(1, dtype=torch.bool)\n"
        "nn.Module.eval = lambda self: self\ntorch.Tensor.argmax = lambda *a, **k: labels\n"
        "def freeze(model): return model",
    ),
    _attack(
        "traces what runs",
        "import sys\ndef trace(frame, event, value):\n"
        "    if 'verdict' in frame.f_locals: frame.f_locals['verdict'] = None\n"
        "    return trace\nsys.settrace(trace); sys.setprofile(trace)",
    ),
    _attack(
        "deletes what the checks need",
        "import sys\nfor name in list(sys.modules):\n"
        "    if name.startswith(('checks', 'safetensors', 'json')): sys.modules[name] = None\n"
        "del checks, torch, nn, new_model",
    ),
    _attack(
        "leaves while it is looked at",
        "def freeze(model): raise SystemExit(0)\ndef groups(model): raise KeyboardInterrupt\n"
        "def loop(*a): raise GeneratorExit",
    ),
    _attack(
        "lies about its names",
        AGREES
        + """
class Names(dict):
    def __getitem__(self, name):
        if name in ('freeze', 'groups', 'loop', 'model'): return Agrees()
        return super().__getitem__(name)
    def keys(self): return [*super().keys(), 'freeze']
get_ipython().user_ns = Names(get_ipython().user_ns)
""",
    ),
)
