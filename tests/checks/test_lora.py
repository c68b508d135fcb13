"""Adapters, counts and the base model are what peft itself says they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import peft
import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import nn

import checks
from checks.lora import LoraFacts, base_name, observe_lora, targeted
from checks.verdict import Status, Verdict
from tests.checks.lora_models import TARGETS, TinyEncoder, config, tiny, with_lora


def adapters(model: object, **changes: Any) -> Verdict:
    wanted: dict[str, Any] = {"targets": TARGETS, "rank": 3, "alpha": 12, "dropout": 0.1}
    return checks.check_adapters(observe_lora(model), tiny(), **(wanted | changes))


def train_a_step(model: nn.Module, parameters: list[nn.Parameter]) -> None:
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    batch = {
        "input_ids": torch.tensor([[1, 2]]),
        "attention_mask": torch.ones(1, 2, dtype=torch.long),
    }
    model(**batch).square().sum().backward()
    optimizer.step()


# ------------------------------------------------------------------------------- adapters


def test_right_adapters_pass() -> None:
    model = get_peft_model(tiny(), config())
    seen = observe_lora(model)
    verdicts = [
        checks.check_lora_config(seen),
        adapters(model),
        checks.check_trainable_share(seen, tiny(), targets=TARGETS, rank=3),
        checks.check_base_untouched(seen, tiny()),
    ]
    assert [each.status for each in verdicts] == [Status.PASSED] * 4


@pytest.mark.parametrize("name", ["default", "sentiment"])
def test_facts_are_those_of_pefts_own_layers(name: str) -> None:
    model = get_peft_model(tiny(), config(r=2, lora_alpha=7), adapter_name=name)
    seen = observe_lora(model)
    layers = {
        path.removeprefix("base_model.model."): layer
        for path, layer in model.named_modules()
        if isinstance(layer, peft.tuners.lora.LoraLayer)
    }
    assert {each.module for each in seen.adapters} == set(layers)
    for each in seen.adapters:
        layer = layers[each.module]
        assert each.rank == layer.r[name] == 2
        assert each.scaling == layer.scaling[name] == 3.5
        assert (each.inputs, each.outputs) == (layer.in_features, layer.out_features)
        assert each.still
    assert seen.saved == ("classifier",)
    assert seen.task_type == "SEQ_CLS"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target_modules": ["query"]}, "layers.0.value"),
        ({"target_modules": ["query", "key", "value"]}, "layers.0.key"),
        ({"target_modules": ["query", "key"]}, "layers.0.value"),
        ({"target_modules": "all-linear"}, "layers.0.key"),
        ({"r": 12, "lora_alpha": 3}, "r = 3"),
        ({"lora_alpha": 24}, "alpha / r = 4"),
        ({"use_rslora": True}, "alpha / r = 4"),
        ({"lora_dropout": 0.0}, "0.1"),
        ({"target_modules": ["layers.1.query", "layers.1.value"]}, "layers.0.query"),
    ],
)
def test_other_adapters_fail_and_are_named(changes: dict[str, Any], said: str) -> None:
    verdict = adapters(get_peft_model(tiny(), config(**changes)))
    assert verdict.status is Status.FAILED
    assert said in str(verdict)


@pytest.mark.parametrize("dora", [True, False])
def test_dora_is_told_from_lora(dora: bool) -> None:
    model = get_peft_model(tiny(), config(use_dora=dora))
    assert adapters(model, dora=dora).status is Status.PASSED
    verdict = adapters(model, dora=not dora)
    assert verdict.status is Status.FAILED
    assert "use_dora" in str(verdict)


def test_dropout_is_looked_at_only_where_asked() -> None:
    model = get_peft_model(tiny(), config(lora_dropout=0.4))
    assert adapters(model, dropout=None).status is Status.PASSED


@pytest.mark.parametrize(
    "thing", [None, 3, tiny(), TinyEncoder, with_lora().unload(), with_lora().merge_and_unload()]
)
def test_what_carries_no_adapters_fails_without_raising(thing: object) -> None:
    seen = observe_lora(thing)
    for verdict in (
        adapters(thing),
        checks.check_lora_config(seen),
        checks.check_base_untouched(seen, tiny()),
        checks.check_adapters_trained(seen),
    ):
        assert verdict.status is Status.FAILED
        assert verdict.hint


def test_facts_of_another_kind_fail() -> None:
    assert checks.check_lora_config("facts").status is Status.FAILED  # type: ignore[arg-type]


def test_targets_are_the_last_part_of_a_name_as_in_peft() -> None:
    model = nn.ModuleDict({"query": nn.Linear(2, 2), "subquery": nn.Linear(2, 2)})
    assert [*targeted(model, ["query"])] == ["query"]
    adapted: Any = get_peft_model(model, LoraConfig(r=1, target_modules=["query"]))
    assert [each.module for each in observe_lora(adapted).adapters] == ["query"]


# -------------------------------------------------------------------------- configuration


def test_head_that_peft_adds_by_itself_passes() -> None:
    seen = observe_lora(get_peft_model(tiny(), config(modules_to_save=None)))
    assert checks.check_lora_config(seen).status is Status.PASSED


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task_type": TaskType.FEATURE_EXTRACTION}, "FEATURE_EXTRACTION"),
        ({"task_type": None}, "task_type=None"),
        ({"modules_to_save": ["classifier", "embedding"]}, "embedding"),
    ],
)
def test_other_configurations_fail(changes: dict[str, Any], said: str) -> None:
    verdict = checks.check_lora_config(observe_lora(get_peft_model(tiny(), config(**changes))))
    assert verdict.status is Status.FAILED
    assert said in str(verdict)


def test_head_that_would_stay_random_fails() -> None:
    model = get_peft_model(tiny(), config(task_type=None, modules_to_save=None))
    verdict = checks.check_lora_config(observe_lora(model), task_type="None")
    seen = replace(observe_lora(model), task_type="SEQ_CLS")
    assert checks.check_lora_config(seen).status is verdict.status is Status.FAILED
    assert "classifier" in str(checks.check_lora_config(seen))


# -------------------------------------------------------------------------- what trains


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("rank", [1, 3, 8])
@pytest.mark.parametrize("targets", [("query",), ("query", "value"), ("dense", "key")])
def test_formula_gives_what_peft_counts(rank: int, targets: tuple[str, ...], dora: bool) -> None:
    model: Any = get_peft_model(tiny(), config(r=rank, target_modules=[*targets], use_dora=dora))
    expected, _ = model.get_nb_trainable_parameters()
    wanted: dict[str, Any] = {"targets": targets, "rank": rank, "dora": dora}
    assert checks.trainable_count(tiny(), saved="classifier", **wanted) == expected
    seen = observe_lora(model)
    assert sum(size for _, size in seen.trainable) == expected
    verdict = checks.check_trainable_share(seen, tiny(), **wanted)
    assert verdict.status is Status.PASSED


@pytest.mark.parametrize(
    "wrong", [{"rank": 2}, {"targets": ("query",)}, {"saved": ()}, {"dora": True}]
)
def test_another_count_fails(wrong: dict[str, Any]) -> None:
    seen = observe_lora(get_peft_model(tiny(), config()))
    wanted: dict[str, Any] = {"targets": TARGETS, "rank": 3}
    verdict = checks.check_trainable_share(seen, tiny(), **(wanted | wrong))
    assert verdict.status is Status.FAILED


def test_thawed_base_is_named() -> None:
    model = get_peft_model(tiny(), config())
    model.requires_grad_(True)
    verdict = checks.check_trainable_share(observe_lora(model), tiny(), targets=TARGETS, rank=3)
    assert verdict.status is Status.FAILED
    assert "embedding.weight" in str(verdict)


def test_training_moves_adapters_and_leaves_the_base() -> None:
    model = get_peft_model(tiny(), config())
    assert checks.check_adapters_trained(observe_lora(model)).status is Status.FAILED
    train_a_step(model, [each for each in model.parameters() if each.requires_grad])
    seen = observe_lora(model)
    assert checks.check_adapters_trained(seen).status is Status.PASSED
    assert checks.check_base_untouched(seen, tiny()).status is Status.PASSED


def test_one_bit_of_the_base_is_seen() -> None:
    model: Any = get_peft_model(tiny(), config())
    weight = model.base_model.model.layers[1].value.base_layer.weight
    with torch.no_grad():
        weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(9.0))
    verdict = checks.check_base_untouched(observe_lora(model), tiny())
    assert verdict.status is Status.FAILED
    assert "layers.1.value.weight" in str(verdict)


def test_merged_into_the_base_is_seen() -> None:
    model = with_lora()
    model.merge_adapter()
    verdict = checks.check_base_untouched(observe_lora(model), tiny())
    assert "4 of" in str(verdict)


def test_another_base_model_is_seen() -> None:
    seen = observe_lora(get_peft_model(tiny(seed=1), config()))
    assert checks.check_base_untouched(seen, tiny()).status is Status.FAILED
    lacking = LoraFacts("Peft", adapters=seen.adapters, base=seen.base[3:])
    assert "gone" in str(checks.check_base_untouched(lacking, tiny()))


def test_base_names_are_those_of_the_plain_model() -> None:
    model = get_peft_model(tiny(), config())
    names = {name for name, _ in observe_lora(model).base}
    plain = tiny()
    assert names == {*dict(plain.named_parameters()), *dict(plain.named_buffers())}
    assert base_name("base_model.model.a.query.base_layer.weight") == "a.query.weight"
