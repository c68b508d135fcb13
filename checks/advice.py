"""What to try after an exception that beginners in PyTorch often meet."""

from __future__ import annotations

import re

import torch

# The exception's class, a pattern in its text, and the advice. The first that fits is given.
_KNOWN: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        NotImplementedError,
        r"^$",
        "This exercise still waits for you: replace the line `raise NotImplementedError()` by your"
        " code and run that cell again.",
    ),
    (
        NameError,
        r"referenced before assignment|not associated with a value",
        "The function uses this variable before it is given a value.",
    ),
    (
        NameError,
        "",
        "Has the cell that makes this name been run, and is it spelled the same there? Kernel >"
        " Restart and Run All tells.",
    ),
    (
        AttributeError,
        r"'NoneType' object has no attribute",
        "Something is None here. Does your function end in `return ...`?",
    ),
    (
        TypeError,
        r"'NoneType' object is not",
        "Something is None here. Does your function end in `return ...`?",
    ),
    (
        TypeError,
        r"cannot unpack non-iterable NoneType",
        "A function returned None where several values were expected. Does it end in `return ...`?",
    ),
    (
        ValueError,
        r"more than one parameter group",
        "The groups overlap: each parameter belongs in exactly one. Sort the parameters with"
        " `if` and `else`, so that a parameter of the head does not go to the backbone's list too.",
    ),
    (
        ValueError,
        r"optimizer got an empty parameter list",
        "No parameter reached the optimizer. Is everything frozen, or did a generator such as"
        " `model.parameters()` get used up before? Make a list of it first.",
    ),
    (
        ValueError,
        r"Expected more than 1 value per channel",
        "A BatchNorm layer in training mode got a batch of one image. Use larger batches, or"
        " call `model.eval()` where you do not train.",
    ),
    (
        torch.OutOfMemoryError,
        "",
        "The device has no memory left for this. Use smaller batches; and where you do not train,"
        " compute inside `with torch.no_grad():`.",
    ),
    (
        RuntimeError,
        r"does not require grad",
        "Nothing that leads to this loss is trainable. Are all parameters frozen, or was it"
        " computed inside `torch.no_grad()`?",
    ),
    (
        RuntimeError,
        r"[Ii]nference tensors?",
        "A tensor made inside `torch.inference_mode()` cannot be trained on later. Make it inside"
        " `with torch.no_grad():`, or `.clone()` it.",
    ),
    (
        RuntimeError,
        r"same device|device type|but found at least two devices|cuda\.\w+Tensor",
        "Model and data lie on different devices: move the batch with `.to(device)`.",
    ),
    (
        Exception,
        r"not compiled with CUDA|no NVIDIA driver|No CUDA GPUs",
        "There is no GPU here that PyTorch can use. Name no device: take the one that you are"
        " given, or `learn.pick_device()`.",
    ),
    (
        RuntimeError,
        r"mat1 and mat2 shapes|size mismatch|shape '.*' is invalid|must match the size",
        "Two sizes do not fit. Does the new layer have as many inputs as the old one"
        " (`in_features`)? Print the shapes just before this line.",
    ),
    (
        RuntimeError,
        r"expected scalar type|expected target dtype|must have the same dtype|should be the same|"
        r"not implemented for '",
        "The type of the numbers does not fit: inputs and weights are float32, class labels int64.",
    ),
    (
        RuntimeError,
        r"backward through the graph a second time",
        "`backward()` ran twice on one result. Compute the loss anew for each batch.",
    ),
    (
        IndexError,
        r"Target \d+ is out of bounds",
        "There are more classes than the model has outputs: look at the head's `out_features`.",
    ),
    (
        SystemExit,
        "",
        "Your code calls `exit()` or `quit()`. Remove that call: it stops the whole notebook.",
    ),
    (RecursionError, "", "A function calls itself without end."),
)


def advice_for(error: BaseException) -> str:
    """What to try next after this exception."""
    text = str(error)
    for kind, pattern, advice in _KNOWN:
        if isinstance(error, kind) and re.search(pattern, text):
            return advice
    return "Call your function in a cell of its own: the full error message shows how it got there."
