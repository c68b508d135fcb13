"""Decide outside the learner's kernel what its work is worth.

After each graded cell the kernel is asked to show what the cell's checks are about. What comes back
is rebuilt from pristine sources in this process, which no code of the learner's has touched, and
the same checks that the learner has run on it. Thresholds, held-out data and expected values never
enter the kernel.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from torch import nn

import checks.evidence
from checks.guard import CHECK_NAMES, CheckCrashed, LearnerError
from checks.verdict import Status, Verdict
from workshop.dataflow import names_of
from workshop.grading import hidden
from workshop.grading.asking import AskingClient, Question
from workshop.grading.calibrated import by_device
from workshop.grading.client import Client
from workshop.grading.devices import ON_CPU, Device
from workshop.grading.evidence import Evidence, EvidenceError
from workshop.grading.execution import Execution, Limits, run_cells
from workshop.grading.fetched import fetch
from workshop.grading.hidden_part import (
    SECRET_NAMES,
    GradedCheck,
    called,
    declares_checks,
    take_apart,
)
from workshop.grading.hiding import hidden_part, visible_part
from workshop.grading.known_verdicts import Decided, KnownVerdicts, key_of
from workshop.grading.rebuild import Rebuilder
from workshop.grading.records import CellState, nbgrader_of, record_of
from workshop.grading.sandbox.levels import Confinement
from workshop.grading.trusted import locked_sources, trusted_names
from workshop.grading.verdict_outputs import claims_a_score, verdict_outputs
from workshop.recall import kept_in
from workshop.recall.store import MemoryStore

Thresholds = Mapping[str, float]
_ANSWERS, _VERDICTS = MemoryStore(), KnownVerdicts()


class Verification:
    """The verification of one notebook's graded cells.

    Args:
        notebook: restored, so that its locked cells and hidden parts are the author's. Changed in
            place by :meth:`begin` and :meth:`finish`.
        thresholds: the calibrated accuracies by grade id.
        seconds: how long a kernel may take to show what a cell is about.
        features: as for :func:`~workshop.grading.trusted.trusted_names`.
        device: what the kernel computes on, to be noted with the verdicts.

    Raises:
        WorkshopError: a hidden part cannot be used, or a locked cell stopped.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        thresholds: Thresholds,
        *,
        seconds: float,
        features: Path | None = None,
        device: Device = ON_CPU,
    ) -> None:
        self._notebook = notebook
        self._device = device
        self._seconds = seconds
        self._thresholds = thresholds
        graded = {
            str(nbgrader_of(cell)["grade_id"]): str(cell.source)
            for cell in notebook.cells
            if cell.cell_type == "code"
            and nbgrader_of(cell).get("grade")
            and declares_checks(hidden_part(cell.source))
        }
        self._locked, self._features = locked_sources(notebook), features
        # Nothing is imported or run for a notebook that is graded inside its kernel.
        self._names = trusted_names(self._locked, features) if graded else {}
        self._questions = {
            grade_id: Question(
                take_apart(
                    hidden_part(source),
                    trusted=self._names,
                    secret=SECRET_NAMES,
                    where=f"cell {grade_id}",
                ),
                source,
            )
            for grade_id, source in graded.items()
        }
        models = [each.part.like for each in self._questions.values() if each.part.like]
        fetch(notebook, models, features)

    def begin(self, recalled: Path | None = None) -> Callable[..., Client]:
        """Take the hidden parts out of the cells, and give the client that asks about them.

        Args:
            recalled: as for :func:`run_verified`.
        """
        for cell in self._asked():
            cell.source = visible_part(cell.source)
        return functools.partial(
            AskingClient, questions=self._questions, seconds=self._seconds, recalled=recalled
        )

    def look(self, cell: NotebookNode, namespace: Mapping[str, Any]) -> None:
        """Ask about a cell that has run in this very process, of trusted code without a kernel.

        Args:
            cell: of the notebook; one that is not asked about changes nothing.
            namespace: the notebook's names.
        """
        question = self._questions.get(str(nbgrader_of(cell).get("grade_id")))
        if question is None:
            return
        part = question.part
        portraits, tensors = checks.evidence.collect(
            namespace, part.inside, part.expressions, part.models
        )
        content = {"nonce": question.nonce, "portraits": portraits}
        question.answers.append((json.loads(json.dumps(content)), [tensors]))

    def about(self, notebook: NotebookNode) -> Verification:
        """The same questions, with what is known so far, about another copy of the notebook.

        Args:
            notebook: with the same hidden parts, other solutions, and perhaps fewer cells.
        """
        other = copy.copy(self)
        other._notebook = notebook
        other._questions = {
            name: replace(each, answers=list(each.answers), crashes=list(each.crashes))
            for name, each in self._questions.items()
        }
        return other

    def finish(self) -> None:
        """Put the hidden parts back, and the verdicts into the cells as their only scores."""
        for cell in self._asked():
            self.decide(cell)

    def decide(self, cell: NotebookNode) -> None:
        """Finish one cell; one that is not asked about stays as it is."""
        grade_id = str(nbgrader_of(cell).get("grade_id"))
        question = self._questions.get(grade_id)
        if question is None:
            return
        cell.source = question.source
        decided = self._decided(grade_id, question)
        cell.outputs = [each for each in cell.outputs if not claims_a_score(each)]
        record = record_of(cell)
        record["verified"] = decided is not None
        if decided is not None:
            cell.outputs += verdict_outputs(grade_id, decided, self._device)
            record["traceback"] = "\n".join(question.crashes)
        elif record.get("state") in (CellState.COMPLETED, CellState.RAISED):
            record["state"] = CellState.NOT_EXECUTED.value
            record["reason"] = "the kernel did not show what this cell is about"

    def _asked(self) -> list[NotebookNode]:
        return [
            cell
            for cell in self._notebook.cells
            if cell.cell_type == "code" and nbgrader_of(cell).get("grade_id") in self._questions
        ]

    def _decided(self, grade_id: str, question: Question) -> Decided | None:
        """The verdicts; None if nothing came back, so that the kernel's end explains the cell."""
        if not question.answers:
            return None
        if len(question.answers) > 1:
            error = EvidenceError("it came more than once")
            return [(each.points, _unusable(each, error)) for each in question.part.checks]
        content, buffers = question.answers[0]
        author = [grade_id, question.source, self._locked, dict(self._thresholds)]
        key = key_of(author, content, question.nonce, buffers)
        known = None if key is None else _VERDICTS.get(key)
        if known is not None:
            return known
        crashes = len(question.crashes)
        decided = self._newly_decided(grade_id, question)
        # What stopped may have done so for want of memory or data: it is tried again.
        if key is not None and len(question.crashes) == crashes:
            _VERDICTS.put(key, decided)
        return decided

    def _newly_decided(self, grade_id: str, question: Question) -> Decided:
        names = {**self._names, **hidden.names(grade_id, self._thresholds)}
        try:
            evidence = Evidence(*question.answers[0], question.nonce)
            exec(question.part.outside, names)  # noqa: S102 - the author's own statements
        except EvidenceError as error:
            return [(each.points, _unusable(each, error)) for each in question.part.checks]
        except Exception as error:  # noqa: BLE001 - ours, whatever it is: never the learner's loss
            question.note(error)
            return [(each.points, _crashed(each)) for each in question.part.checks]
        rebuilder = Rebuilder(
            evidence,
            self._copies_of(question.part.like, names),
            {each: names[each] for each in question.part.models if _is_model(names.get(each))},
        )
        # What models and their frozen layers say of held-out data is the same for many.
        with kept_in(_ANSWERS):
            return [
                (each.points, _verdict(each, rebuilder, names, question))
                for each in question.part.checks
            ]

    def _copies_of(self, like: str | None, names: dict[str, Any]) -> Callable[[], nn.Module] | None:
        """Makes one model after the other, building it from its source only once."""
        if like is None:
            return None

        @functools.cache
        def pristine() -> nn.Module:
            # Unless the hidden part gives one of its names another meaning.
            if all(names.get(each) is self._names.get(each) for each in names_of(like).uses):
                return _trusted_model(self._locked, self._features, like)
            model: nn.Module = eval(like, names)().cpu()  # noqa: S307 - the author's own expression
            return model

        return lambda: copy.deepcopy(pristine())


def _verdict(
    check: GradedCheck, rebuilder: Rebuilder, names: dict[str, Any], question: Question
) -> Verdict:
    try:
        values = {slot: rebuilder.rebuild(text) for slot, text in check.shown.items()}
        found = called(check, values, names)
    except LearnerError as error:
        return error.verdict(_name(check))
    except EvidenceError as error:
        return _unusable(check, error)
    except Exception as error:  # noqa: BLE001 - ours, whatever it is: never the learner's loss
        question.note(error)
        return _crashed(check)
    if not isinstance(found, Verdict):
        question.note(TypeError(f"Expected a Verdict, but got {type(found).__name__}"))
        return _crashed(check)
    if found.status is Status.ERROR:
        question.note(CheckCrashed(found.rationale))
        return _crashed(check)
    return found


def _name(check: GradedCheck) -> str:
    return CHECK_NAMES.get(check.name, check.name)


def _unusable(check: GradedCheck, error: EvidenceError) -> Verdict:
    return Verdict(
        _name(check),
        Status.FAILED,
        0.0,
        f"What the notebook showed of your work cannot be used: {error}.",
        hint="Restart the kernel and run all cells: does every check work? Then hand in again.",
    )


def _crashed(check: GradedCheck) -> Verdict:
    # The traceback is for the instructor: it could tell a learner what the hidden part does.
    return Verdict(
        _name(check),
        Status.ERROR,
        0.0,
        "The check itself stopped. This is not your mistake and costs you no points.",
    )


@functools.lru_cache(maxsize=8)
def _trusted_model(
    cells: tuple[tuple[str, str], ...], features: Path | None, like: str
) -> nn.Module:
    """What an expression makes of the names in :func:`trusted_names`; to be copied."""
    model: nn.Module = eval(like, dict(trusted_names(cells, features)))().cpu()  # noqa: S307 - the author's own
    return model


def _is_model(thing: object) -> bool:
    return isinstance(thing, nn.Module)


def run_verified(
    notebook: NotebookNode,
    cwd: Path,
    limits: Limits,
    *,
    thresholds: Thresholds,
    env: Mapping[str, str] | None = None,
    kernel_name: str = "python3",
    confinement: str = Confinement.BUBBLEWRAP,
    warm: bool = True,
    features: Path | None = None,
    recalled: Path | None = None,
    device: Device = ON_CPU,
) -> Execution:
    """Run a notebook in a confined kernel, and decide outside what it is worth.

    Args:
        notebook: restored; changed in place: outputs, records, and verdicts as the only scores.
        cwd: as for :func:`~workshop.grading.execution.run_cells`.
        limits: what the kernel may take and use.
        thresholds: the calibrated accuracies by grade id.
        env: set in the kernel.
        kernel_name: the kernelspec to use.
        confinement: the name of a level.
        warm: as for :func:`~workshop.grading.execution.run_cells`.
        features: a folder in which this process keeps features of frozen models, and which a
            confined kernel can read.
        recalled: a folder within it with steps of training that need not be computed again; see
            ``workshop.recall``.
        device: what the kernel computes on, to be noted with the verdicts.

    Raises:
        KernelStartError: the kernel did not start.
        WorkshopError: a hidden part cannot be used, or this machine cannot confine.
    """
    verification = Verification(
        notebook, thresholds, seconds=limits.cell_seconds, features=features, device=device
    )
    client = verification.begin(recalled)
    try:
        return run_cells(
            notebook,
            cwd,
            limits,
            env=env,
            kernel_name=kernel_name,
            confinement=confinement,
            warm=warm,
            features=features,
            make_client=client,
        )
    finally:
        verification.finish()


def load_thresholds(path: Path, device: str = "cpu") -> dict[str, float]:
    """The calibrated accuracies by grade id, from ``calibration.json``; none if there is no file.

    Args:
        path: the file.
        device: the class of device that kernels train on, see
            :func:`~workshop.grading.devices.device_class`. What was not calibrated on it has the
            threshold of the CPU.

    Raises:
        WorkshopError: the file is not what ``benchmarks/calibrate.py`` writes.
    """
    found = by_device(path)
    return {**found.get("cpu", {}), **found.get(device, {})}
