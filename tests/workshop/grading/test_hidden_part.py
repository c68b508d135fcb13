"""What of a hidden part is evaluated where."""

from __future__ import annotations

import ast

import pytest

import checks
from checks.verdict import Verdict, passed
from workshop.errors import WorkshopError
from workshop.grading.hidden_part import HiddenPart, called, declares_checks, take_apart

TRUSTED = ("checks", "torch", "nn", "new_model", "train", "PARTS")
SECRET = ("held_out", "held_out_texts", "threshold", "reference_features")


def apart(source: str) -> HiddenPart:
    return take_apart(source, trusted=TRUSTED, secret=SECRET, where="cell test_f")


def everything_sent(part: HiddenPart) -> str:
    return "\n".join([part.inside, *part.expressions, *part.models])


@pytest.mark.parametrize(
    ("check", "shown", "call"),
    [
        ("c(f(new_model()), 'fc')", ["f(new_model())"], "c(_shown_0, 'fc')"),
        ("c(model, held_out(), threshold())", ["model"], "c(_shown_0, held_out(), threshold())"),
        ("c(model, held_out(threshold()))", ["model"], "c(_shown_0, held_out(threshold()))"),
        ("c(f(1), g(2), PARTS)", ["f(1)", "g(2)"], "c(_shown_0, _shown_1, PARTS)"),
        ("c('It', actual=x, expected=0.37)", ["x"], "c('It', actual=_shown_0, expected=0.37)"),
        ("c([f(i) for i in range(3)])", ["[f(i) for i in range(3)]"], "c(_shown_0)"),
        ("c(lambda: f(2))", ["lambda: f(2)"], "c(_shown_0)"),
        ("c(x, [i for i in PARTS])", ["x"], "c(_shown_0, [i for i in PARTS])"),
    ],
)
def test_arguments_with_the_learners_names_are_shown_and_no_others(
    check: str, shown: list[str], call: str
) -> None:
    part = apart(f"graded((2, {check.replace('c(', 'checks.c(', 1)}))")
    assert list(part.checks[0].shown.values()) == shown
    assert part.expressions == tuple(shown)
    assert ast_text(part) == f"checks.{call}"
    assert "threshold" not in everything_sent(part)
    assert "held_out" not in everything_sent(part)
    assert "0.37" not in everything_sent(part)


def ast_text(part: HiddenPart) -> str:
    return ast.unparse(part.checks[0].call)


def test_points_names_and_like_are_read() -> None:
    part = apart(
        "graded((2, checks.check_trainable(f(1), 'a')), (0.5, checks.check_head(g(), 'b')),"
        " like=new_model)"
    )
    assert [each.points for each in part.checks] == [2.0, 0.5]
    assert [each.name for each in part.checks] == ["check_trainable", "check_head"]
    assert part.like == "new_model"
    assert apart("graded((1, checks.c(x)))").like is None


def test_what_two_checks_look_at_is_asked_for_once() -> None:
    part = apart("graded((1, checks.a(model)), (1, checks.b(model, 1)))")
    assert part.expressions == ("model",)


def test_statements_go_where_their_names_are_known() -> None:
    part = apart(
        "probe = train.inputs()[::9]\n"
        "secret = held_out()\n"
        "answer = secret.labels.float().mean()\n"
        "def after():\n    model = new_model()\n    extract(model, probe)\n    return model\n"
        "seen = watch(evaluate, probe)\n"
        "graded((1, checks.c(seen, probe, answer)), (1, checks.d(after(), secret)))"
    )
    assert part.outside.splitlines() == [
        "probe = train.inputs()[::9]",
        "secret = held_out()",
        "answer = secret.labels.float().mean()",
    ]
    assert part.inside.startswith("probe = train.inputs()[::9]\ndef after():")
    assert part.inside.endswith("seen = watch(evaluate, probe)")
    assert part.expressions == ("seen", "after()")
    for word in ("secret", "answer", "held_out"):
        assert word not in everything_sent(part)


def test_model_next_to_a_portrait_is_known_on_both_sides() -> None:
    part = apart(
        "model = new_model()\nother = 3\nsecret = held_out()\n"
        "graded((1, checks.check_coverage(build(model), model)), (1, checks.c(x, secret)))"
    )
    assert part.models == ("model",)


def test_name_that_the_learners_code_gives_another_value_is_shown() -> None:
    part = apart("model = new_model()\nmodel = freeze(model)\ngraded((1, checks.c(model, PARTS)))")
    assert part.expressions == ("model",)
    assert part.models == ()


def test_name_of_a_secret_that_the_learners_code_gives_another_value_is_shown() -> None:
    part = apart("data = held_out()\ndata = make(3)\ngraded((1, checks.c(data)))")
    assert part.expressions == ("data",)
    assert "held_out" not in everything_sent(part)


def test_known_name_that_becomes_a_secret_is_not_sent() -> None:
    part = apart("x = 3\nx = threshold()\ngraded((1, checks.c(model, x)))")
    assert part.expressions == ("model",)
    assert "threshold" not in everything_sent(part)
    with pytest.raises(WorkshopError, match="secrets"):
        apart("x = 3\nx = threshold()\ngraded((1, checks.c(f(x))))")


def test_secret_in_a_function_stays_outside() -> None:
    part = apart(
        "def right():\n    return held_out().labels\n"
        "def wrong():\n    return right() + 1\n"
        "graded((1, checks.c(model, wrong())))"
    )
    assert part.inside == ""
    assert part.expressions == ("model",)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("graded((1, checks.c(f(threshold()))))", "secrets"),
        ("graded((1, checks.c(x, y=f(held_out()))))", "secrets"),
        ("seen = evaluate(held_out())\ngraded((1, checks.c(seen)))", "secrets"),
        ("def g():\n    return f(threshold())\ngraded((1, checks.c(g())))", "secrets"),
        ("graded((1, checks.c(new_model())))", "nothing that the learner made"),
        ("graded((1, checks.c()))", "nothing that the learner made"),
        ("graded()", "pairs"),
        ("graded(checks.c(x))", "no pair"),
        ("graded(('1', checks.c(x)))", "no pair"),
        ("graded((-1, checks.c(x)))", "no pair"),
        ("graded((True, checks.c(x)))", "no pair"),
        ("graded((1, checks.c))", "no pair"),
        ("graded((1, checks.c(x), 3))", "no pair"),
        ("graded(*pairs)", "no pair"),
        ("graded((1, checks.c(x)), unlike=new_model)", "like="),
        ("graded((1, checks.c(x)), **more)", "like="),
        ("graded((1, checks.c(x)), like=my_model)", "both sides"),
        ("graded((1, checks.c(x)), like=held_out)", "both sides"),
        ("graded((1, checks.c(*rows)))", "stars"),
        ("graded((1, checks.c(x, **rows)))", "stars"),
        ("graded((1, my_check(x)))", "no check that the grader has"),
        ("model = new_model()\nfit(model)\ngraded((1, checks.c(model)))", "fit(model)"),
        ("model = new_model()\nmodel.fc = head()\ngraded((1, checks.c(model)))", "model.fc"),
        ("graded((1, checks.c(x)))\nx = 1", "does not end"),
        ("x = graded((1, checks.c(x)))", "does not end"),
        ("", "does not end"),
        ("graded((1,", "no Python"),
        ("%matplotlib inline\ngraded((1, checks.c(x)))", "no Python"),
    ],
)
def test_part_that_cannot_be_used_is_refused_with_the_cells_name(source: str, words: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        apart(source)
    assert words in str(caught.value)
    assert "cell test_f" in str(caught.value)
    assert "docs/author" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "declares"),
    [
        ("graded((1, checks.c(x)))", True),
        ("x = 1\n\n\ngraded()", True),
        ("graded()\n1.0", False),
        ("assert x == 1\n2.0", False),
        ("checks.graded((1, c(x)))", False),
        ("graded", False),
        ("", False),
        ("graded((", False),
    ],
)
def test_only_a_last_line_of_our_form_declares_checks(source: str, declares: bool) -> None:
    assert declares_checks(source) is declares


def test_check_is_called_with_the_learners_values_in_their_places() -> None:
    def check(first: object, *, second: object, third: object) -> Verdict:
        return passed("a.b", f"{first} {second} {third}")

    part = take_apart(
        "graded((1, check(x, third=limit, second=y + 1)))",
        trusted=("check", "limit"),
        secret=(),
        where="cell f",
    )
    names = {"check": check, "limit": 3, "x": "the grader's own"}
    verdict = called(part.checks[0], {"_shown_0": 1, "_shown_1": 2}, names)
    assert verdict.rationale == "1 2 3"


def test_crash_of_a_check_is_not_hidden_behind_a_verdict() -> None:
    part = apart("graded((1, checks.check_features(x, rows=2)))")
    with pytest.raises(TypeError, match="columns"):
        called(part.checks[0], {"_shown_0": 1}, {"checks": checks})


@pytest.mark.parametrize(
    ("statements", "check", "inside"),
    [
        ("key = checks.Key(('B',))", "c(answer, 'ABCD', key)", ""),
        (
            "expected = torch.tensor(0.37)\nprobe = torch.ones(3)",
            "c(f(torch.relu(probe)), expected)",
            "probe = torch.ones(3)",
        ),
        ("net = new_model()\nstate = net.eval()", "c(f(net))", None),
        ("def twice(x):\n    return 2 * x", "c(f(2), twice(2))", ""),
        ("two = 2\nfour = two * two\nfive = 5", "c(f(four), five)", "two = 2\nfour = two * two"),
        ("import math", "c(f(2), math.pi)", ""),
        ("torch.manual_seed(3)", "c(f(2))", "torch.manual_seed(3)"),
        ("rows = []\nfor n in range(2):\n    rows.append(n)", "c(f(rows))", None),
    ],
)
def test_the_kernel_gets_no_statement_that_it_does_not_need(
    statements: str, check: str, inside: str | None
) -> None:
    part = apart(f"{statements}\ngraded((1, checks.{check}))")
    assert part.inside == (statements if inside is None else inside)
    assert part.outside == statements
