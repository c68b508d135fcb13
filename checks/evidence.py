"""What the grader runs in a learner's kernel: it looks, sends what it saw, and decides nothing.

After a graded cell the grader has these expressions evaluated next to the learner's work, and gets
a portrait of each result as one message. What is right, and how much it is worth, is known to the
grader alone.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from checks.guard import LearnerError, blames_us, explained, stderr_on_stdout
from checks.portraits import Portrayer, failure_of

MESSAGE = "workshop_evidence"
"""The type of the message. Jupyter's own clients ignore it."""

_LONGEST_TRACE = 50_000


def collect(
    namespace: Mapping[str, Any],
    preparation: str,
    expressions: Sequence[str],
    models: Sequence[str],
) -> tuple[dict[str, Any], bytes]:
    """Evaluate expressions on the learner's work.

    Args:
        namespace: the learner's names; not changed by new names.
        preparation: statements to run first.
        expressions: what to portray.
        models: expressions of the models that optimizers belong to.

    Returns:
        For each expression its portrait, or ``{"kind": "failure" | "crash"}`` where it raised, as
        JSON-ready data; and all their tensors in the safetensors format.
    """
    names = dict(namespace)
    portraits: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    with stderr_on_stdout():
        prepared = _attempt(lambda: exec(preparation, names))  # noqa: S102 - the grader's own text
        if isinstance(prepared, dict):
            return dict.fromkeys(expressions, prepared), save({})
        portrayer = Portrayer({each: _model(each, names) for each in models})
        for expression in expressions:
            portraits[expression] = _attempt(
                lambda each=expression: portrayer.portray(eval(each, names))  # noqa: S307 - the grader's own text
            )
        tensors = portrayer.tensors
    return portraits, save(tensors)


def _model(expression: str, names: dict[str, Any]) -> nn.Module:
    found = eval(expression, names)  # noqa: S307 - the grader's own text
    return found if isinstance(found, nn.Module) else nn.Module()


def _attempt(function: Any) -> Any:
    try:
        return function()
    except LearnerError as error:
        return {"kind": "failure", **failure_of(error)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the learner's code may raise anything
        if blames_us(error):
            said = f"{type(error).__name__}: {error}"[:_LONGEST_TRACE]
            text = "".join(traceback.format_exception(error))[-_LONGEST_TRACE:]
            return {"kind": "crash", "error": said, "traceback": text}
        return {"kind": "failure", **failure_of(explained(error))}


def send(nonce: str, preparation: str, expressions: Sequence[str], models: Sequence[str]) -> None:
    """Collect in the running notebook, and send the result to the grader.

    Args:
        nonce: what the grader recognises the answer to this very question by.
        preparation: see :func:`collect`.
        expressions: see :func:`collect`.
        models: see :func:`collect`.
    """
    from IPython import get_ipython  # noqa: PLC0415 - only a kernel needs it

    shell: Any = get_ipython()
    portraits, tensors = collect(shell.user_ns, preparation, expressions, models)
    kernel = shell.kernel
    sys.stdout.flush()
    kernel.session.send(
        kernel.iopub_socket,
        MESSAGE,
        {"nonce": nonce, "portraits": portraits},
        parent=kernel.get_parent(),
        buffers=[tensors],
    )
