"""Was a model adapted to another domain as it should be, and what is it worth there?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from checks.accuracy import ERROR_RATE, LabelledData, Measurement, measure
from checks.freezing import observe_changes, snapshot
from checks.guard import LearnerError, checked
from checks.models import device_of, require_model
from checks.names import first, plural, share
from checks.verdict import Status, Verdict, passed

_BATCH_NORM = nn.modules.batchnorm._BatchNorm
# Of a standard deviation (means) or of a variance: devices and convolution algorithms round
# differently, by far less. A forgotten batch or reset moves many layers by much more.
_TOLERANCE = 0.01


@dataclass(frozen=True)
class StatisticsFacts:
    """How a model's running statistics compare with those of some inputs.

    Attributes:
        layers: how many BatchNorm layers there are.
        off: those whose statistics are not the expected ones.
        stale: of these, the ones that still have exactly the statistics from before.
    """

    layers: int
    off: tuple[str, ...]
    stale: tuple[str, ...]


def target_statistics(
    model: nn.Module, inputs: torch.Tensor, batch_size: int = 32
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The mean and variance of each BatchNorm layer's input, averaged over batches.

    These are AdaBN's statistics (Li et al. 2016): each layer normalises by the batch, so that the
    next one sees inputs of the target domain. They are taken from the layers' inputs, not from
    PyTorch's own running averages.

    Args:
        model: stays as it is.
        inputs: ``[N, ...]``, of the target domain; no labels.
        batch_size: inputs at a time, in order.

    Returns:
        For each layer by name the mean ``[C]`` and the unbiased variance ``[C]``, on the CPU.
    """
    probe = copy.deepcopy(model).train()
    for module in probe.modules():
        if not isinstance(module, _BATCH_NORM):
            # Only BatchNorm is to act on the batch; dropout would blur what it sees.
            module.training = False
    seen: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
    with _listening(probe, seen), torch.no_grad():
        for batch in torch.split(inputs, batch_size):
            probe(batch.to(device_of(probe)))
    return {
        name: (
            torch.stack([mean for mean, _ in each]).mean(dim=0),
            torch.stack([variance for _, variance in each]).mean(dim=0),
        )
        for name, each in seen.items()
    }


@contextmanager
def _listening(
    model: nn.Module, seen: dict[str, list[tuple[torch.Tensor, torch.Tensor]]]
) -> Iterator[None]:
    def listener(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def before(_: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
            values = arguments[0].detach().double()
            over = [0, *range(2, values.dim())]
            variance, mean = torch.var_mean(values, dim=over)
            seen.setdefault(name, []).append((mean.cpu(), variance.cpu()))

        return before

    hooks = [
        module.register_forward_pre_hook(listener(name))
        for name, module in model.named_modules()
        if isinstance(module, _BATCH_NORM)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def observe_statistics(
    model: nn.Module, before: nn.Module, inputs: torch.Tensor, batch_size: int = 32
) -> StatisticsFacts:
    """Compare a model's running statistics with those that the inputs give.

    Args:
        model: the learner's, after the adaptation.
        before: the same model before it.
        inputs: what it was to be adapted to.
        batch_size: inputs at a time.

    Raises:
        LearnerError: this is no model, or it has other layers.
    """
    expected = target_statistics(before, inputs, batch_size)
    layers = _batch_norms(require_model(model))
    missing = [name for name in expected if name not in layers]
    if missing:
        raise LearnerError(
            f"{share(missing, len(expected))} BatchNorm layers are not in the model any more"
            f"{first(missing)}.",
            hint="Keep the layers, and change what they have stored.",
        )
    changes = observe_changes(model, snapshot(before))
    moved = {name for name, changed in changes.buffers if changed}
    off = tuple(name for name in expected if not _equal(layers[name], expected[name]))
    return StatisticsFacts(
        layers=len(expected),
        off=off,
        stale=tuple(name for name in off if f"{name}.running_mean" not in moved),
    )


def _batch_norms(model: nn.Module) -> dict[str, nn.Module]:
    """The BatchNorm layers by name."""
    return {name: each for name, each in model.named_modules() if isinstance(each, _BATCH_NORM)}


def _equal(layer: nn.Module, expected: tuple[torch.Tensor, torch.Tensor]) -> bool:
    mean, variance = expected
    found_mean, found_variance = (
        getattr(layer, name).detach().double().cpu() for name in ("running_mean", "running_var")
    )
    scale = (variance + 1e-3).sqrt()  # the layers' own small constant
    return bool(
        ((found_mean - mean).abs() <= _TOLERANCE * scale).all()
        and ((found_variance - variance).abs() <= _TOLERANCE * (variance + 1e-3)).all()
    )


@checked("adaptation.statistics")
def check_target_statistics(
    model: nn.Module, before: nn.Module, inputs: torch.Tensor, batch_size: int = 32
) -> Verdict:
    """The running statistics are those of the target inputs, averaged over their batches.

    Args:
        model: the learner's, after the adaptation.
        before: the same model before it.
        inputs: the target domain's, ``[N, ...]``.
        batch_size: how many go through at a time, in order.
    """
    facts = observe_statistics(model, before, inputs, batch_size)
    if facts.stale:
        raise LearnerError(
            f"The running statistics of {share(facts.stale, facts.layers)} BatchNorm layers are"
            f" still those of the source domain{first(facts.stale)}.",
            hint="BatchNorm stores new statistics in training mode only: send the target images"
            " through the model after model.train().",
        )
    if facts.off:
        raise LearnerError(
            f"The running statistics of {share(facts.off, facts.layers)} BatchNorm layers are not"
            f" those of the target images{first(facts.off)}.",
            expected="the plain average over the batches of the target images",
            hint="Forget the old statistics first (`module.reset_running_stats()`), set"
            " `module.momentum = None`, which averages over all batches alike, and send every"
            " target batch through once, as the images are.",
        )
    return passed(
        "adaptation.statistics",
        f"All {plural(facts.layers, 'BatchNorm layer')} hold the target images' statistics.",
    )


@checked("adaptation.parameters")
def check_only_statistics(model: nn.Module, before: nn.Module) -> Verdict:
    """No parameter moved while the statistics did, and the model is back in evaluation mode.

    Args:
        model: the learner's, after the adaptation.
        before: the same model before it.
    """
    changes = observe_changes(require_model(model), snapshot(before))
    changed = [names[0] for names, moved in changes.parameters if moved]
    if changed:
        raise LearnerError(
            f"{share(changed, len(changes.parameters))} parameters moved{first(changed)}.",
            expected="every parameter as it was, bit for bit",
            hint="The target has no labels: nothing to take an optimizer step on. Only the running"
            " statistics change. A new model is not needed either.",
        )
    if not any(moved for name, moved in changes.buffers if name.endswith("running_mean")):
        raise LearnerError(
            "Nothing was adapted: all running statistics are the old ones.",
            hint="Send the target images through the model in training mode.",
        )
    layers = _batch_norms(model)
    training = [name for name, each in layers.items() if each.training]
    if training:
        raise LearnerError(
            f"{share(training, len(layers))} BatchNorm layers are still in training mode"
            f"{first(training)}: the next image would move the statistics again.",
            hint="End with model.eval().",
        )
    return passed(
        "adaptation.parameters",
        f"All {plural(len(changes.parameters), 'parameter')} are as they were, bit for bit.",
    )


# ------------------------------------------------------------------- what a model is worth there


def judge_balanced_accuracy(measured: Measurement, floor: float, goal: float) -> Verdict:
    """The balanced accuracy, from ``floor`` (no points) to ``goal`` (all of them)."""
    value = measured.balanced_accuracy
    recalls = ", ".join(
        f"{right / total:.1%} of class {index}"
        for index, (right, total) in enumerate(zip(measured.correct, measured.total, strict=True))
        if total
    )
    found = (
        f"Measured again on {sum(measured.total)} images: balanced accuracy {value:.1%} ({recalls})"
    )
    if value >= goal:
        return passed("adaptation.balanced_accuracy", f"{found}.")
    part = min(max((value - floor) / (goal - floor), 0.0), 1.0)
    return Verdict(
        "adaptation.balanced_accuracy",
        Status.FAILED,
        part,
        f"{found}, which earns {part:.0%} of the points.",
        hint="Does the model answer nearly always the same? A shift does that: adapt the statistics"
        " or the standardisation to the target, and train with the labels that you have of it."
        if max(measured.correct) > 0 and part == 0
        else "Combine remedies: what needs no labels, and the few labels.",
    )


@checked("adaptation.balanced_accuracy")
def check_balanced_accuracy(
    model: nn.Module,
    data: LabelledData,
    goal: float,
    *,
    floor: float = 0.5,
    reserve: LabelledData | None = None,
    error_rate: float = ERROR_RATE,
) -> Verdict:
    """The model's balanced accuracy on ``data``, measured here, with partial points below the goal.

    A result below the goal, but so near that chance may explain it, is measured again on ``data``
    and ``reserve`` together.

    Args:
        model: the learner's model.
        data: labelled data that the model has not seen, with as many of each class.
        goal: the balanced accuracy that earns all points. No verdict states it.
        floor: what earns none; guessing has 0.5 with two classes.
        reserve: more such data.
        error_rate: as in :func:`checks.check_accuracy`.

    Raises:
        ValueError: ``floor`` is not below ``goal``. It becomes an ERROR verdict.
    """
    if not floor < goal:
        raise ValueError(f"Expected `floor` below `goal`, but got {floor} and {goal}")
    measured = measure(require_model(model), data.inputs(), data.labels)
    near = measured.interval(1 - 2 * error_rate)[1] >= goal
    if reserve is not None and measured.balanced_accuracy < goal and near:
        measured += measure(model, reserve.inputs(), reserve.labels)
    return judge_balanced_accuracy(measured, floor, goal)
