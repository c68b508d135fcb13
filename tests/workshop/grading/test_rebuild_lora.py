"""Adapters come to the grader: facts and weights, with the same verdicts on both sides."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import nn

import checks
from checks.guard import LearnerError
from checks.lora_results import answers
from checks.verdict import Status, Verdict
from tests.checks.lora_models import TARGETS, batch, config, tiny, with_lora
from tests.checks.test_lora_layer import Layer, RandomB
from tests.workshop.grading.round_trip import again

SIZES: dict[str, Any] = {"inputs": 5, "outputs": 4, "rank": 2}


def adapters_of(seen: Any) -> list[Verdict]:
    return [
        checks.check_lora_config(seen),
        checks.check_adapters(seen, tiny(), targets=TARGETS, rank=3, alpha=12),
        checks.check_trainable_share(seen, tiny(), targets=TARGETS, rank=3),
        checks.check_base_untouched(seen, tiny()),
        checks.check_adapters_trained(seen),
    ]


@pytest.mark.parametrize(
    "model",
    [
        with_lora(),
        get_peft_model(tiny(), config()),
        with_lora(r=2),
        with_lora(use_dora=True),
        tiny(),
        None,
    ],
    ids=["trained", "new", "other rank", "DoRA", "none", "nothing"],
)
def test_facts_of_adapters(model: object) -> None:
    seen = checks.observe_lora(model)
    assert adapters_of(again(seen)) == adapters_of(seen)


@pytest.mark.parametrize("make", [Layer, RandomB, None])
def test_facts_of_a_layer(make: Any) -> None:
    seen = checks.observe_lora_layer(make, **SIZES, alpha=6)

    def judged(facts: Any) -> list[Verdict]:
        return [
            checks.check_lora_start(facts, **SIZES),
            checks.check_lora_frozen(facts),
            checks.check_lora_update(facts, **SIZES, alpha=6),
        ]

    assert judged(again(seen)) == judged(seen)


@pytest.mark.parametrize("save", [lambda model, folder: model.save_pretrained(folder), None])
def test_facts_of_what_was_stored(save: Any) -> None:
    seen = checks.observe_saved(save, with_lora())
    verdicts = [checks.check_saved_adapter(each, with_lora()) for each in (seen, again(seen))]
    assert verdicts[0] == verdicts[1]


def test_adapters_weights_answer_alike_in_the_graders_model() -> None:
    model = with_lora(seed=4)
    rebuilt = again(model, like=with_lora)
    assert torch.equal(answers(rebuilt, batch()), answers(model, batch()))
    assert checks.check_same_answers(rebuilt, with_lora(), batch()).status is Status.FAILED


def test_merged_model_is_a_plain_one() -> None:
    rebuilt = again(with_lora().merge_and_unload(), like=tiny)
    assert checks.check_merged(rebuilt, with_lora(), batch()).status is Status.PASSED


@pytest.mark.parametrize(
    ("model", "like"),
    [
        (with_lora(), tiny),
        (tiny(), with_lora),
        (with_lora(target_modules=["query"]), with_lora),
        (with_lora().get_base_model(), tiny),
    ],
)
def test_other_layers_are_refused(model: nn.Module, like: Any) -> None:
    with pytest.raises(LearnerError):
        again(model, like=like)
