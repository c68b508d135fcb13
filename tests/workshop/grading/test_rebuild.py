"""A model comes from a learner's kernel to the grader: the same verdicts on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import checks
from checks.guard import LearnerError
from checks.verdict import Status, Verdict
from tests.workshop.grading.round_trip import Images, Net, again, forged, new_model, shown
from workshop.grading.evidence import EvidenceError
from workshop.grading.rebuild import Rebuilder


def untouched(model: Net) -> None:
    """As it came."""


def frozen(model: Net) -> None:
    model.requires_grad_(False)
    model.classifier.requires_grad_(True)


def frozen_and_asleep(model: Net) -> None:
    frozen(model)
    model.eval()
    model.classifier.train()


def flag_on_module(model: Net) -> None:
    model.stem.requires_grad = False  # type: ignore[assignment] # the beginners' mistake


def trained(model: Net) -> None:
    with torch.no_grad():
        model.classifier.weight.add_(0.1)
        model.classifier.bias.sub_(0.1)


def statistics_moved(model: Net) -> None:
    model.train()(torch.randn(8, 3, 4, 4))


def one_weight_moved(model: Any) -> None:
    with torch.no_grad():
        model.stem[0].weight[0, 0, 0, 0] += 1e-6


def untied(model: Any) -> None:
    model.blocks[2].weight = nn.Parameter(model.blocks[2].weight.detach().clone())


def one_of_the_tied_frozen(model: Any) -> None:
    model.blocks[2].weight.requires_grad = False


def three_outputs(model: Net) -> None:
    model.classifier = nn.Linear(4, 3)


def head_of_another_width(model: Net) -> None:
    model.classifier = nn.Linear(5, 2)


def other_weights(model: Net) -> None:
    model.load_state_dict(new_model(seed=5).state_dict())


def not_a_number(model: Net) -> None:
    with torch.no_grad():
        model.classifier.weight.fill_(float("nan"))


def doubled(model: Net) -> None:
    model.double()


def halved(model: Net) -> None:
    model.half()


CHANGES: list[Callable[[Net], None]] = [
    untouched,
    frozen,
    frozen_and_asleep,
    flag_on_module,
    trained,
    statistics_moved,
    one_weight_moved,
    untied,
    one_of_the_tied_frozen,
    three_outputs,
    head_of_another_width,
    other_weights,
    not_a_number,
    doubled,
    halved,
]
PRISTINE = checks.snapshot(new_model())
DATA = Images()
MODEL_CHECKS: dict[str, Callable[[Any], Verdict]] = {
    "trainable": lambda model: checks.check_trainable(model, "classifier"),
    "eval_mode": lambda model: checks.check_eval_mode(model, "classifier"),
    "unchanged": lambda model: checks.check_unchanged(model, PRISTINE, "classifier"),
    "statistics": lambda model: checks.check_statistics_unmoved(model, PRISTINE, "classifier"),
    "moved": lambda model: checks.check_moved(model, PRISTINE, "classifier"),
    "head": lambda model: checks.check_head(model, "classifier", outputs=2),
    "from_scratch": lambda model: checks.check_from_scratch(model, PRISTINE, "classifier"),
    "from_pretrained": lambda model: checks.check_from_pretrained(model, PRISTINE, "classifier"),
    "accuracy": lambda model: checks.check_accuracy(model, DATA, 0.9),
}


def without_measured_time(verdict: Verdict) -> dict[str, Any]:
    told = verdict.to_dict()
    if told["check"] == "accuracy.achieved":
        told["rationale"] = told["rationale"].partition(";")[0]
    return told


@pytest.mark.parametrize("check", MODEL_CHECKS)
@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_every_check_says_the_same_of_a_model_on_both_sides(
    change: Callable[[Net], None], check: str
) -> None:
    model = new_model()
    change(model)
    there = MODEL_CHECKS[check](model)
    here = MODEL_CHECKS[check](again(model))
    assert there.status is not Status.ERROR
    assert without_measured_time(here) == without_measured_time(there)


def test_both_verdicts_occur_for_every_check() -> None:
    """So that the test above compares something."""
    for check, judge in MODEL_CHECKS.items():
        statuses = set()
        for change in CHANGES:
            model = new_model()
            change(model)
            statuses.add(judge(model).status)
        assert statuses == {Status.PASSED, Status.FAILED}, check


def replaced_head(model: Any) -> None:
    model.classifier = nn.Sequential(nn.Linear(4, 2))


def replaced_layer(model: Any) -> None:
    model.stem[1] = nn.InstanceNorm2d(4)


def missing_layer(model: Any) -> None:
    del model.blocks[2]


def extra_layer(model: Any) -> None:
    model.fc = nn.Linear(4, 2)


def missing_bias(model: Any) -> None:
    model.classifier = nn.Linear(4, 2, bias=False)


def extra_parameter(model: Any) -> None:
    model.scale = nn.Parameter(torch.ones(1))


def extra_buffer(model: Any) -> None:
    model.register_buffer("answers", torch.ones(164))


def tied_to_another(model: Any) -> None:
    model.stem[1].bias = model.stem[1].weight


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (tied_to_another, ["stem.1.weight", "stem.1.bias", "one tensor"]),
        (replaced_head, ["classifier", "Sequential", "Linear"]),
        (replaced_layer, ["stem.1", "InstanceNorm2d", "BatchNorm2d"]),
        (missing_layer, ["gone", "blocks.2"]),
        (extra_layer, ["more", "fc"]),
        (missing_bias, ["classifier.bias"]),
        (extra_parameter, ["scale"]),
        (extra_buffer, ["answers"]),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_model_of_another_structure_is_refused_by_the_layers_name(
    change: Callable[[Any], None], words: list[str]
) -> None:
    model = new_model()
    change(model)
    with pytest.raises(LearnerError) as caught:
        again(model)
    assert all(word in caught.value.rationale for word in words), caught.value.rationale
    assert caught.value.hint


def test_class_that_lies_about_itself_is_not_what_is_measured() -> None:
    class Liar(Net):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(DATA.labels[: len(images)], 2).float()

        def state_dict(self, *_: Any, **__: Any) -> Any:
            return PRISTINE

        def parameters(self, recurse: bool = True) -> Any:
            return iter(())

    Liar.__name__ = "Net"
    liar = Liar()
    liar.load_state_dict = None  # type: ignore[method-assign,assignment]
    rebuilt = again(liar)
    assert type(rebuilt) is Net
    assert len(list(rebuilt.parameters())) == 9
    assert checks.check_unchanged(rebuilt, PRISTINE, "classifier").status is Status.FAILED


def test_flag_that_lies_is_read_past() -> None:
    class Lying(nn.Parameter):
        @property
        def requires_grad(self) -> bool:  # type: ignore[override] # that is the attack
            return False

    model: Any = new_model()
    model.stem[0].weight = Lying(model.stem[0].weight.detach())
    assert again(model).stem[0].weight.requires_grad


def test_what_one_check_changes_the_next_does_not_see() -> None:
    rebuilder = Rebuilder(shown(new_model()), new_model, {})
    first = rebuilder.rebuild("thing")
    statistics_moved(first)
    trained(first)
    second = rebuilder.rebuild("thing")
    assert checks.check_unchanged(second, PRISTINE, ()).status is Status.PASSED


def test_model_is_not_rebuilt_where_none_was_asked_for() -> None:
    with pytest.raises(EvidenceError, match="none was asked for"):
        again(new_model(), like=None)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.int64])
def test_parameters_that_are_no_floating_point_numbers_are_refused(dtype: torch.dtype) -> None:
    model = new_model().requires_grad_(False)
    model.classifier.bias = nn.Parameter(torch.zeros(2, dtype=dtype), requires_grad=False)
    with pytest.raises(LearnerError, match=r"classifier\.bias"):
        again(model)


def test_parameters_of_eight_bits_are_refused() -> None:
    model = new_model().requires_grad_(False)
    small = torch.zeros(2).to(torch.float8_e5m2)
    model.classifier.bias = nn.Parameter(small, requires_grad=False)
    with pytest.raises(LearnerError, match=r"classifier\.bias"):
        again(model)


def test_layer_that_was_never_initialised_is_the_learners_mistake() -> None:
    model: Any = new_model()
    model.classifier = nn.LazyLinear(2)
    with pytest.raises(LearnerError):
        again(model)


LAYERS = {
    "kind": "module",
    "modules": {"": {"type": "Net", "training": True, "flagged": False}},
    "parameters": {},
    "buffers": {},
}


def test_model_without_layers_is_refused() -> None:
    with pytest.raises(LearnerError):
        forged(LAYERS).rebuild("thing")


def test_parameter_whose_tensor_did_not_come_is_refused() -> None:
    evidence = shown(new_model())
    evidence.tensors.pop("0")
    with pytest.raises(EvidenceError, match="missing"):
        Rebuilder(evidence, new_model, {}).rebuild("thing")


def test_tensors_of_other_shapes_fail_the_check_and_do_not_crash_it() -> None:
    for name in shown(new_model()).tensors:
        evidence = shown(new_model())
        evidence.tensors[name] = torch.zeros(1, 2, 3)
        for check, judge in MODEL_CHECKS.items():
            try:
                verdict = judge(Rebuilder(evidence, new_model, {}).rebuild("thing"))
            except LearnerError as error:
                verdict = error.verdict(check)
            assert verdict.status is not Status.ERROR, (name, check, verdict)
