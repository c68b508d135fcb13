"""Submissions that forge what the kernel shows of their work."""

from __future__ import annotations

from tests.security.lab import SOLUTIONS, Attack

KEEP = {"groups": "pass", "train": "model = globals().get('model') or new_model()", "loop": "pass"}
# The forger's own `send`: it knows the question, and hence the nonce, once it is asked.
FORGES = """
import sys, json, checks.evidence
from safetensors.torch import save
kernel = get_ipython().kernel
def speak(nonce, portraits, tensors=None, buffers=None, **more):
    buffers = [save(tensors or {})] if buffers is None else buffers
    kernel.session.send(kernel.iopub_socket, 'workshop_evidence',
        {'nonce': nonce, 'portraits': portraits, **more},
        parent=kernel.get_parent(), buffers=buffers)
honest = checks.evidence.send
"""
YES = "{'kind': 'value', 'value': True}"
PASSED = (
    "{'kind': 'facts', 'type': 'Verdict', 'fields': {"
    "name: {'kind': 'value', 'value': 1.0} for name in ('check', 'status', 'score', 'rationale',"
    " 'expected', 'actual', 'hint')}}"
)


def _forger(name: str, code: str, **more: object) -> Attack:
    answers = {**KEEP, "freeze": FORGES + code}
    return Attack(name, "points", answers, **more)  # type: ignore[arg-type]


def _forges(name: str, portrait: str, said: str = "", tensors: str = "{}") -> Attack:
    """Sends the same portrait for whatever is asked."""
    code = (
        "def send(nonce, preparation, expressions, models):\n"
        f"    speak(nonce, {{each: {portrait} for each in expressions}}, {tensors})\n"
        "checks.evidence.send = send"
    )
    return _forger(name, code, said=said)


ATTACKS = (
    _forges("sends a truth value for everything", YES),
    _forges("sends a verdict as a fact", PASSED, "there are no facts"),
    _forges("sends a number for a model", "{'kind': 'value', 'value': 2.0}"),
    _forges("sends NaN", "{'kind': 'number', 'value': 'nan'}"),
    _forger(
        "sends JSON's NaN",
        # Jupyter's own writer refuses it.
        "kernel.session.pack = lambda thing: json.dumps(thing, default=str).encode()\n"
        "def send(nonce, *question):\n"
        "    nan = {'kind': 'value', 'value': float('nan')}\n"
        "    speak(nonce, {each: nan for each in question[1]})\n"
        "checks.evidence.send = send",
        said="malformed",
    ),
    _forges(
        "sends a portrait of no known kind", "{'kind': 'pickle', 'value': 'gASV'}", "malformed"
    ),
    _forges("sends a field too many", "{'kind': 'value', 'value': 1, 'score': 2}", "malformed"),
    _forges("sends huge integers", "{'kind': 'value', 'value': 10 ** 4000}", "malformed"),
    _forges("names a type of the grader's", "{'kind': 'object', 'type': 'Verdict'}"),
    _forges(
        "nests a portrait deeply",
        "__import__('functools').reduce(lambda inner, _: {'kind': 'sequence', 'type': 'list',"
        " 'items': [inner]}, range(300), {'kind': 'value', 'value': 1})",
    ),
    _forges(
        "names a tensor that is not there",
        "{'kind': 'tensor', 'tensor': '/etc/passwd', 'requires_grad': True}",
        "a tensor is missing",
    ),
    _forges(
        "sends a model of nothing",
        "{'kind': 'module', 'modules': {}, 'parameters': {}, 'buffers': {}}",
        "layers of the source model are gone",
    ),
    _forger(
        "sends before it is asked",
        "for nonce in ('', '0' * 32):\n"
        f"    speak(nonce, {{'freeze(new_model())': {YES}}})\n"
        "get_ipython().events.register('post_execute',\n"
        f"    lambda: speak('', {{'freeze(new_model())': {YES}}}))",
    ),
    _forger(
        "sends twice",
        "def send(nonce, *question):\n    for _ in range(5):\n"
        f"        speak(nonce, {{each: {YES} for each in question[1]}})\n"
        "checks.evidence.send = send",
        said="more than once",
    ),
    _forger(
        "adds a second answer to an honest one",
        "def send(nonce, *question):\n    honest(nonce, *question)\n"
        f"    speak(nonce, {{each: {YES} for each in question[1]}})\n"
        "checks.evidence.send = send",
        said="more than once",
    ),
    _forger(
        "answers another question",
        "def send(nonce, *question):\n    honest('0' * 32, *question)\nchecks.evidence.send = send",
        said="answers another question",
    ),
    _forger("does not answer", "checks.evidence.send = lambda *a: None", said="did not show"),
    _forger(
        "answers late",
        "import threading, time\nasked = []\ndef send(*question): asked.append(question)\n"
        "def later():\n    while len(asked) < 2: time.sleep(0.05)\n"
        f"    speak(asked[0][0], {{each: {YES} for each in asked[0][2]}})\n"
        "threading.Thread(target=later, daemon=True).start()\nchecks.evidence.send = send",
        said="did not show",
    ),
    _forger(
        "sends no tensors, many, or none that can be read",
        "sent = iter([[], [b'', b''], [b'\\xff' * 8 + b'{'],\n"
        "    [b'\\x02' + bytes(7) + b'{}' + b'x']])\n"
        "def send(nonce, *question):\n"
        f"    speak(nonce, {{each: {YES} for each in question[1]}}, buffers=next(sent))\n"
        "checks.evidence.send = send",
        said="has not one set of tensors",
    ),
    _forger(
        "sends safetensors whose header lies",
        "def bomb(text): return [len(text).to_bytes(8, 'little') + text]\n"
        "sent = iter([bomb(json.dumps(each).encode()) for each in (\n"
        "    {'0': {'dtype': 'F32', 'shape': [2 ** 40], 'data_offsets': [0, 2 ** 42]}},\n"
        "    {'0': {'dtype': 'F32', 'shape': [2 ** 62, 4], 'data_offsets': [0, 0]}},\n"
        "    {'0': {'dtype': 'F32', 'shape': [0] * 10000, 'data_offsets': [0, 0]}})]\n"
        "    + [bomb(b'[' * 1000000)])\n"
        "def send(nonce, *question):\n    speak(nonce, {each: {'kind': 'tensor', 'tensor': '0',\n"
        "        'requires_grad': True} for each in question[1]}, buffers=next(sent))\n"
        "checks.evidence.send = send",
    ),
    _forger(
        "lets the portrayer lie about all numbers",
        "from checks.portraits import Portrayer\n"
        "Portrayer._keep = lambda self, tensor: self.tensors.setdefault('0',\n"
        "    torch.zeros(1)) is None or '0'\n"
        "def freeze(model): return model\ndef groups(model): return torch.optim.SGD([\n"
        "    torch.zeros(1, requires_grad=True)])",
    ),
    _forger(
        "serves saved bytes in place of tensors",
        "import safetensors.torch\nsafetensors.torch.save = checks.evidence.save = \\\n"
        "    lambda tensors: save({name: torch.ones(1) for name in tensors})\n"
        "def freeze(model): return model",
    ),
)

# What an observer sees in the kernel is known to nobody else. Who forges it gains the points of
# the exercises that are about facts, if the facts are the right ones, and no others.
_FACTS = """
def freeze(model):
    return model
def groups(model):
    return None
def loop(*a):
    return None
"""
LIMITED = (
    _forger(
        "tells flags that are not its model's",
        _FACTS + "import checks.portraits\nreal = checks.portraits._REQUIRES_GRAD\n"
        "checks.portraits._REQUIRES_GRAD = lambda tensor: len(tensor) == 2",
        earns={"freeze": 2.0},
    ),
    _forger(
        "makes another model under the grader's name",
        "pristine = new_model\ndef new_model():\n    model = pristine()\n"
        "    model.requires_grad_(False)\n    model[2].requires_grad_(True)\n    return model\n"
        "def freeze(model): return model",
        earns={"freeze": 2.0},
    ),
    _forger(
        "tells of a loop that never ran",
        _FACTS + "checks.observe_loop = lambda *a, **k: checks.training.LoopFacts(\n"
        "    2, 32, norm_layers=(1, 0), images_seen=64, returned=2)",
        earns={"loop": 2.0},
    ),
    Attack(
        "trains the model that it hands in as another's",
        "points",
        {
            **KEEP,
            "freeze": FORGES + "def freeze(model): return model",
            "train": SOLUTIONS["train"]
            + "\nclass Mine(nn.Sequential): pass\nMine.__name__ = 'Sequential'\n"
            "model.__class__ = Mine",
        },
        earns={"train": 3.0},
    ),
    _forger(
        "calls its own failure a crash of the checks",
        "def send(nonce, preparation, expressions, models):\n"
        "    speak(nonce, {each: {'kind': 'crash', 'error': 'x', 'traceback': 'y'}\n"
        "        for each in expressions})\nchecks.evidence.send = send",
        # No points: the instructor is asked.
        earns=dict.fromkeys(("freeze", "groups", "train", "loop")),
        said="The check itself stopped",
    ),
)
