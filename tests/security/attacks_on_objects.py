"""Models, parameters, optimizers and values that are not what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tests.security.attacks_on_cells import AGREES
from tests.security.lab import SETUP, SOLUTIONS

TRAINABLE = "(1, checks.check_trainable(made(new_model()), '2')), like=new_model"
ACCURATE = "(1, checks.check_accuracy(made(new_model()), held_out(), threshold())), like=new_model"
COVERED = "(1, checks.check_coverage(made(whole), whole))"
VALUE = "(1, checks.check_value('It', made(), 0.25, tolerance=0.01))"


@dataclass(frozen=True)
class Lie:
    """A function ``made`` whose result is not what it says, and by what it is checked."""

    name: str
    code: str
    check: str
    due: float | None = 0.0


def _model(name: str, body: str, check: str = ACCURATE, due: float | None = 0.0) -> Lie:
    """A subclass under the name of the real one, in place of the model's class."""
    text = "".join(f"        {line}\n" for line in body.split("\n"))
    code = (
        f"def made(model):\n    class Mine(nn.Sequential):\n{text}"
        "    Mine.__name__ = 'Sequential'\n    model.__class__ = Mine\n    return model"
    )
    return Lie(name, code, check, due)


_TRUTH = "torch.stack([-x[:, 0], x[:, 0]], dim=1)"
LIES = (
    _model("forward answers by itself", f"def forward(self, x): return {_TRUTH}"),
    _model("calling answers by itself", f"def __call__(self, x): return {_TRUTH}"),
    _model("state_dict of another", "def state_dict(self, *a, **k):\n    return {}"),
    _model(
        "named_parameters leaves out what trains",
        "def named_parameters(self, *a, **k):\n"
        "    return [(n, p) for n, p in super().named_parameters(*a, **k) if n[0] == '2']",
        TRAINABLE,
    ),
    _model("parameters is empty", "def parameters(self, *a): return iter(())", TRAINABLE),
    _model(
        "named_modules names itself another",
        "def named_modules(self, *a, **k): return [('', self)]",
        TRAINABLE,
    ),
    _model("copies are another's", "def __deepcopy__(self, memo): return solved", TRAINABLE),
    _model("pickles are another's", "def __reduce_ex__(self, v): return (print, ('x',))"),
    _model(
        "modules are endless",
        "def named_modules(self, *a, **k):\n    n = 0\n    while n < 100000:\n"
        "        yield str(n), self\n        n += 1",
        TRAINABLE,
    ),
    Lie(
        "requires_grad is a property of a class",
        "def made(model):\n    class Mine(nn.Parameter):\n"
        "        requires_grad = property(lambda self: False, lambda self, value: None)\n"
        "    for part in (model[0], model[1]):\n"
        "        part.weight.__class__ = part.bias.__class__ = Mine\n    return model",
        TRAINABLE,
    ),
    Lie(
        "requires_grad answers each time anew",
        "def made(model):\n    class Mine(nn.Parameter):\n"
        "        def __getattribute__(self, name):\n"
        "            return False if name == 'requires_grad' else super().__getattribute__(name)\n"
        "    for part in (model[0], model[1]):\n"
        "        part.weight.__class__ = part.bias.__class__ = Mine\n    return model",
        TRAINABLE,
    ),
    Lie(
        "requires_grad is set on modules only",
        "def made(model):\n    model[0].requires_grad = model[1].requires_grad = False\n"
        "    return model",
        TRAINABLE,
    ),
    Lie(
        "tensors convert themselves",
        "def made(model):\n    class Mine(nn.Parameter):\n"
        "        def detach(self): return torch.zeros(1)\n"
        "        def to(self, *a, **k): return torch.zeros(1)\n"
        "        __torch_function__ = classmethod(lambda *a, **k: torch.zeros(1))\n"
        "    model[0].weight = Mine(model[0].weight.detach())\n    return model",
        ACCURATE,
    ),
    Lie(
        "weights of another form",
        "def made(model):\n    model[0].weight = nn.Parameter(torch.ones(1, 1, 8, 3))\n"
        "    return model",
        ACCURATE,
    ),
    Lie(
        "layers of another width",
        "def made(model):\n    model[2].weight = nn.Parameter(torch.ones(2, 5000))\n"
        "    return model",
        ACCURATE,
    ),
    Lie(
        "a million classes",
        "def made(model):\n    model[2].weight = nn.Parameter(torch.zeros(2 ** 19, 8))\n"
        "    model[2].bias = nn.Parameter(torch.zeros(2 ** 19))\n    return model",
        ACCURATE,
    ),
    Lie(
        "NaN weights",
        "def made(model):\n    nn.init.constant_(model[2].weight, float('nan'))\n    return model",
        ACCURATE,
    ),
    Lie(
        "infinite weights",
        "def made(model):\n    nn.init.constant_(model[0].weight, float('inf'))\n    return model",
        ACCURATE,
    ),
    Lie(
        "a variance below nothing",
        "def made(model):\n    model[1].running_var.fill_(-5)\n    return model",
        ACCURATE,
    ),
    Lie("complex weights", "def made(model): return model.to(torch.complex64)", ACCURATE),
    Lie("weights on the meta device", "def made(model): return model.to('meta')", ACCURATE),
    Lie(
        "integers for weights",
        "def made(model):\n"
        "    model[2].weight = nn.Parameter(torch.ones(2, 8, dtype=torch.int8), False)\n"
        "    return model",
        ACCURATE,
    ),
    Lie(
        "quantised weights",
        "def made(model):\n"
        "    model[2].weight.data = torch.quantize_per_tensor(torch.ones(2, 8), 1., 0, torch.qint8)"
        "\n    return model",
        ACCURATE,
    ),
    Lie(
        "strides that repeat one number a trillion times",
        "def made(model):\n    model[2].weight = nn.Parameter(torch.ones(1).expand(2, 2 ** 38))\n"
        "    return model",
        ACCURATE,
    ),
    Lie(
        "hooks that answer",
        f"def made(model):\n    model.register_forward_hook(lambda m, a, out: (lambda x: {_TRUTH})"
        "(a[0]))\n    return model",
        ACCURATE,
    ),
    Lie(
        "answers learned by heart",
        "def made(model):\n    class Memory(nn.Sequential):\n        def forward(self, x):\n"
        "            near = torch.cdist(x, inputs).argmin(dim=1)\n"
        "            return nn.functional.one_hot(labels[near], 2).float()\n"
        "    Memory.__name__ = 'Sequential'\n    model.__class__ = Memory\n    return model",
        ACCURATE,
    ),
    Lie("a model that agrees", AGREES + "def made(model): return Agrees()", ACCURATE),
    Lie(
        "a function for a model",
        f"def made(model): return lambda x: {_TRUTH}",
        ACCURATE,
    ),
    Lie(
        "an optimizer whose groups are another's",
        "def made(model):\n    class Mine(torch.optim.SGD):\n"
        "        param_groups = property(lambda self: [{'params': Agrees(), 'lr': 1.0}],\n"
        "                                lambda self, value: None)\n"
        "    return Mine(model[2].parameters(), lr=1.0)",
        COVERED,
    ),
    Lie(
        "an optimizer of nothing",
        "def made(model): return object.__new__(torch.optim.SGD)",
        COVERED,
    ),
    Lie("an optimizer that agrees", "def made(model): return Agrees()", COVERED),
    Lie(
        "groups with strange members",
        "def made(model):\n    made = torch.optim.SGD(model.parameters(), lr=1.0)\n"
        "    strange = [None, 'x', model, *made.param_groups]\n"
        "    made.param_groups = [{'params': strange, 'lr': Agrees()}]"
        "\n    return made",
        COVERED,
    ),
    Lie("a number that agrees", "def made(): return Agrees()", VALUE),
    Lie(
        "a float that compares well",
        "class Near(float):\n    def __sub__(self, other): return 0.0\n"
        "    __rsub__ = __sub__\n    def __eq__(self, other): return True\n"
        "    def __float__(self): return self + 0\n    __hash__ = float.__hash__\n"
        "def made(): return Near(7)",
        VALUE,
    ),
    Lie("NaN for a number", "def made(): return float('nan')", VALUE),
    Lie("truth for a number", "def made(): return True", VALUE),
    Lie("a text for a number", "def made(): return '0.25'", VALUE),
    Lie(
        "a text that prints when it is formatted",
        "class Loud(str):\n    def __format__(self, spec): raise SystemExit\n"
        "    def __len__(self): return -1\ndef made(): return Loud('0.25')",
        VALUE,
    ),
    Lie(
        "a set of equal hashes",
        "class Same:\n    def __hash__(self): return 0\n    def __eq__(self, other): return False\n"
        "def made(): return {Same() for _ in range(500)}",
        VALUE,
    ),
    Lie(
        "a list in itself",
        "def made():\n    made = []\n    made.append(made)\n    return made",
        VALUE,
    ),
    Lie("a list of a million", "def made(): return [0.25] * 10 ** 6", VALUE),
)
HONEST = Lie("honest", SOLUTIONS["freeze"].replace("freeze", "made"), TRAINABLE, 1.0)


def hidden_text(lie: Lie) -> str:
    """The hidden part that decides outside the kernel."""
    statement = "whole = new_model()\n" if lie.check is COVERED else ""
    return f"{statement}graded({lie.check})"


def notebook_of_lies(hidden_text: Callable[[Lie], str] = hidden_text) -> NotebookNode:
    """One notebook with all of them, the honest one last; each has a test for 1 point."""
    cells = [_cell("setup", SETUP, locked=True)]
    solved = f"{AGREES}\n{SOLUTIONS['freeze']}\nsolved = freeze(new_model())"
    cells.append(_cell("solved", solved, solution=True))
    for number, lie in enumerate((*LIES, HONEST)):
        part = f"### BEGIN HIDDEN TESTS\n{hidden_text(lie)}\n### END HIDDEN TESTS"
        cells += [
            _cell(f"answer_{number}", lie.code, solution=True),
            _cell(f"test_{number}", part, grade=True, locked=True, points=1),
        ]
    kernelspec = {"name": "python3", "display_name": "P", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernelspec})


def _cell(name: str, source: str, **more: object) -> NotebookNode:
    base = {"grade": False, "solution": False, "locked": False, "task": False}
    meta = {**base, "schema_version": 3, "cell_type": "code", "grade_id": name, **more}
    return new_code_cell(source, id=name, metadata={"nbgrader": meta})
