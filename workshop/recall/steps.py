"""One call of a model, recalled or computed, and its way back to the gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workshop.recall.parts import Parts
from workshop.recall.question import digest_of
from workshop.recall.store import Store, Tensors

Run = Callable[[], torch.Tensor]
OUTPUT = "output"
"""The name of what a call gives, in its answer."""


@dataclass(frozen=True)
class Memory:
    """Where answers are, and whether what is computed is kept there."""

    store: Store
    recording: bool


def output_in(answer: Tensors) -> torch.Tensor:
    """What the call gave that an answer is about."""
    output = answer[OUTPUT]
    assert output is not None  # noqa: S101 - for the type checker
    return output


class Step:
    """One call of a model.

    Args:
        memory: where to look.
        parts: those of the model; it is left as the call leaves it, with its running statistics.
        x: the call's argument.
        run: calls the model.
        question: what :func:`~workshop.recall.question.question_about` says of the call.
    """

    def __init__(
        self, memory: Memory, parts: Parts, x: torch.Tensor, run: Run, question: bytes
    ) -> None:
        self._memory, self._store = memory, memory.store
        self._parts, self._x, self._run = parts, x, run
        self._question = question
        self._modes = parts.modes()
        self._trained = [*parts.trained().values()]
        self._computed: torch.Tensor | None = None

    def output(self) -> torch.Tensor:
        """What the model gives."""
        answer = self._store.get(self._question)
        if answer is None and not self._memory.recording:
            return self._run()
        output = self._recorded() if answer is None else self._repeated(answer)
        if not (torch.is_grad_enabled() and self._trained):
            return output
        found: torch.Tensor = _WayBack.apply(self, _Plain(output), self._x, *self._trained)
        return found

    def gradients(
        self, of_output: torch.Tensor, parameters: Sequence[torch.Tensor]
    ) -> list[torch.Tensor | None]:
        """Those of the parameters.

        Args:
            of_output: the gradient of the output.
            parameters: the trained ones.
        """
        names = [str(index) for index in range(len(parameters))]
        question = self._question + digest_of([of_output])
        # With `create_graph` somebody wants to go on from the gradients.
        answer = None if torch.is_grad_enabled() else self._store.get(question)
        if answer is not None:
            return [answer[name] for name in names]
        # Used once: a graph that is kept holds the memory of a whole step.
        computed, self._computed = self._computed, None
        found = torch.autograd.grad(
            self._again() if computed is None else computed,
            list(parameters),
            of_output,
            create_graph=torch.is_grad_enabled(),
            allow_unused=True,
        )
        if self._memory.recording:
            self._store.put(question, dict(zip(names, found, strict=True)))
        return list(found)

    def _recorded(self) -> torch.Tensor:
        before, chance = self._parts.copies_of_buffers(), torch.get_rng_state()
        computed = self._computed = self._run()
        after = self._parts.buffers
        changed = {name: after[name] for name, was in before.items() if not after[name].equal(was)}
        # Dropout, for example, is another one each time.
        if chance.equal(torch.get_rng_state()):
            self._store.put(self._question, {OUTPUT: computed, **changed})
        return computed.detach()

    def _repeated(self, answer: Tensors) -> torch.Tensor:
        with torch.no_grad():
            for name, value in answer.items():
                if name != OUTPUT and value is not None:
                    self._parts.buffers[name].copy_(value)
        return output_in(answer)

    def _again(self) -> torch.Tensor:
        """The output with its graph, as it was computed; the model stays as it has become."""
        modes = self._parts.modes()
        self._parts.set_modes(self._modes)
        try:
            with self._parts.other_buffers(), torch.enable_grad():
                return self._run()
        finally:
            self._parts.set_modes(modes)


@dataclass(frozen=True)
class _Plain:
    """A tensor that autograd does not take for an input."""

    tensor: torch.Tensor


class _WayBack(torch.autograd.Function):
    """An output that leads back to the parameters it was computed with."""

    @staticmethod
    def forward(
        ctx: Any, step: Step, output: _Plain, x: torch.Tensor, *parameters: torch.Tensor
    ) -> torch.Tensor:
        ctx.step = step
        # Autograd notices for us if one is changed in place, or if this way is taken twice.
        ctx.save_for_backward(x, *parameters)
        return output.tensor

    @staticmethod
    def backward(ctx: Any, of_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        _, *parameters = ctx.saved_tensors
        return None, None, None, *ctx.step.gradients(of_output, parameters)
