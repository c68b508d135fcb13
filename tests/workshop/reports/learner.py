"""One learner's results, made by hand, with a text of a student's choice wherever one can stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workshop.analysis.mastery import mastery
from workshop.analysis.scores import ScoreMatrix
from workshop.grading.records import CellStatus
from workshop.reports.graded_items import GradedItem, ItemKind
from workshop.reports.page import markdown
from workshop.reports.student_answers import answered
from workshop.reports.student_curves import Curve, Curves
from workshop.reports.student_goals import Band, Measured
from workshop.reports.student_items import Finding, ItemResult
from workshop.reports.student_results import StudentResults

NOTEBOOK = "p1"


def learner(items: Sequence[GradedItem], *, hostile: str = "") -> StudentResults:
    """Half of everything right: one passed, one half right, one failed, one open, quiz items."""
    results = [_result(item, number, hostile) for number, item in enumerate(items)]
    scores = tuple(each.score for each in results)
    matrix = ScoreMatrix(
        ("ada",),
        tuple(item.name for item in items),
        tuple(item.max_score for item in items),
        (scores,),
    )
    return StudentResults(
        assignment="ps1",
        student=f"ada{hostile}",
        notebooks=(NOTEBOOK, "p2"),
        missing=("p2",),
        items=tuple(results),
        score=float(sum(each for each in scores if each is not None)),
        max_score=float(sum(item.max_score for item in items)),
        late_penalty=0.5,
        objectives=mastery(matrix, [item.objective for item in items]),
        measured=(
            Measured("double", f"accuracy on 164 images{hostile}", 87.8, 81.9, 92.0,
                     Band(86, 91, 60)),
            Measured("total", "accuracy on 202 images", 0.0, None, None, None),
            Measured("total", "accuracy on 202 images", 100.0, 98.0, 100.0, Band(0, 0, 40)),
        ),
        curves=((NOTEBOOK, curves(hostile)), (NOTEBOOK, curves())),
        notices=(f"{NOTEBOOK}: not everything was run.{hostile}",),
    )  # fmt: skip


def curves(hostile: str = "") -> Curves:
    """Two curves, one of which has a hole."""
    return Curves(
        xlabel=f"epoch{hostile}",
        ylabel=f"validation accuracy{hostile}",
        curves=[
            Curve(name=f"fine-tuning{hostile}", x=[1, 2, 3], y=[0.7, 0.8, 0.85]),
            Curve(name="from scratch", x=[1, 2, 3], y=[0.5, None, 0.6]),
        ],
    )


def _result(item: GradedItem, number: int, hostile: str) -> ItemResult:
    if item.kind is ItemKind.WRITTEN:
        return ItemResult(
            item=item,
            score=None,
            status=CellStatus.NEEDS_MANUAL_GRADE,
            written=markdown(
                f"# Why\n\nBecause **of** it.\n\n| a | b |\n|:-:|---|\n| 1 | 2 |\n\n{hostile}"
            ),
            comment=markdown(f"Say why, not what: `sum([])`, for x <in> xs. {hostile}"),
        )
    if item.kind is ItemKind.QUIZ and item.question is not None:
        name = item.question.item.id
        stem = "\n".join(f"- **{letter})** {text}" for letter, text in item.question.options)
        wrong = sorted(set(item.options) - item.keys)[0]
        source = f"{name} = {wrong if wrong in ('True', 'False') else repr(wrong)}"
        told = answered(item, source, f"{item.question.stem}\n{stem}", keys=number % 2 == 0)
        found = Finding("failed", "quiz.answer", 0.0, item.max_score, f"Not right. It is.{hostile}")
        result = ItemResult(item, 0.0, CellStatus.FAILED, findings=(found,), answer=told)
        return replace(result, label=f"Question {number}")
    passed = Finding("passed", f"head.replaced{hostile}", 1.0, 1.0, f"All as asked.{hostile}")
    if number == 0:
        return ItemResult(item, item.max_score, CellStatus.PASSED, findings=(passed,))
    failed = Finding(
        status="failed",
        check=f"freezing.trainable{hostile}",
        earned=0.0,
        worth=item.max_score - 1,
        rationale=f"3 of 16 layers can still change.{hostile}",
        expected=f"only the head{hostile}",
        actual=f"3 layers{hostile}",
        hint=f"Freeze the backbone before you make the optimizer.{hostile}",
    )
    ours = Finding("error", "accuracy.achieved", 0.0, 1.0, "The check itself failed.")
    return ItemResult(
        item,
        1.0,
        CellStatus.PARTIAL,
        by_hand=True,
        note=f"NameError: name 'model' is not defined{hostile}",
        hint="Restart the kernel.",
        findings=(passed, failed, ours, replace(failed, status="skipped")),
        comment=markdown(f"Nearly.{hostile}"),
    )
