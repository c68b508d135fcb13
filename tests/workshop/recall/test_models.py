"""Recalled or computed, it is the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import timm
import torch
from timm.models.efficientnet import EfficientNet
from torch import nn

from workshop.recall import kept_in, recalled_from, recorded_to
from workshop.recall.store import MemoryStore

ROOM = 1 << 30
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Change = Callable[[nn.Module], object]


def new_model() -> nn.Module:
    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0", num_classes=3)
    return model.to(memory_format=torch.channels_last)


def all_of_it(model: nn.Module) -> None:
    model.train()


def last_blocks(model: nn.Module) -> None:
    model.requires_grad_(False).eval()
    for name in ("blocks.6", "conv_head", "bn2", "classifier"):
        model.get_submodule(name).requires_grad_(True).train()


def head_only(model: nn.Module) -> None:
    model.requires_grad_(False).eval()
    model.get_submodule("classifier").requires_grad_(True)


@dataclass
class Trained:
    """What came of a training, and how many convolutions were computed for it."""

    losses: list[float]
    state: dict[str, torch.Tensor]
    strides: list[tuple[int, ...]]
    convolutions: int


def train(
    prepare: Change = all_of_it,
    *,
    loss_of: Loss = nn.functional.cross_entropy,
    rate: float = 1e-3,
    change: Change = lambda _: None,
) -> Trained:
    """Three steps, clipped, each followed by an evaluation."""
    model, counted, losses = new_model(), list[int](), list[float]()
    change(model)
    inputs, labels = torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate)
    original = torch.conv2d

    def counting(*args: object, **kwargs: object) -> torch.Tensor:
        counted.append(1)
        return original(*args, **kwargs)  # type: ignore[call-overload, no-any-return]

    with mock.patch("torch.conv2d", counting), mock.patch("torch.nn.functional.conv2d", counting):
        for _ in range(3):
            prepare(model)
            rows = torch.randperm(4)
            loss = loss_of(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            model.eval()
            with torch.no_grad():
                losses.append(model(inputs).sum().item())
    strides = [each.grad.stride() for each in model.parameters() if each.grad is not None]
    return Trained(losses, model.state_dict(), strides, len(counted))


def assert_same(one: Trained, other: Trained) -> None:
    assert one.losses == other.losses
    assert one.strides == other.strides
    assert all(one.state[name].equal(other.state[name]) for name in one.state)


@pytest.mark.parametrize("prepare", [all_of_it, last_blocks, head_only])
def test_training_that_is_recalled_is_the_same_and_computes_nothing(
    tmp_path: Path, prepare: Change
) -> None:
    computed = train(prepare)
    recorded_to(tmp_path, ROOM)
    assert_same(train(prepare), computed)
    recalled_from(tmp_path)
    recalled = train(prepare)
    assert_same(recalled, computed)
    assert computed.convolutions > 100
    assert recalled.convolutions == 0


@pytest.mark.parametrize(
    ("name", "different"),
    [
        ("rate", lambda: train(rate=2e-3)),
        ("loss", lambda: train(loss_of=lambda x, y: nn.functional.multi_margin_loss(x, y))),
        ("smoothed", lambda: train(loss_of=nn.CrossEntropyLoss(label_smoothing=0.1))),
        ("frozen", lambda: train(last_blocks)),
        (
            "a weight",
            lambda: train(
                change=lambda model: model.get_parameter("conv_stem.weight").data.add_(1e-3)
            ),
        ),
        (
            "momentum",
            lambda: train(
                change=lambda model: setattr(model.get_submodule("bn2"), "momentum", 0.5)
            ),
        ),
        ("dropout", lambda: train(change=lambda model: setattr(model, "drop_rate", 0.2))),
        (
            "a layer",
            lambda: train(change=lambda model: setattr(model, "global_pool", OwnPooling())),
        ),
        (
            "a method",
            lambda: train(change=lambda model: setattr(model, "forward_head", model.forward_head)),
        ),
    ],
)
def test_who_does_something_else_computes_it(
    tmp_path: Path, name: str, different: Callable[[], Trained]
) -> None:
    computed = different()
    recorded_to(tmp_path, ROOM)
    train()
    recalled_from(tmp_path)
    recalled = different()
    assert_same(recalled, computed)
    assert recalled.convolutions > 0, name


class OwnPooling(nn.Module):
    """A learner's own layer, of which no text tells what it computes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.amax(dim=(2, 3))


def test_what_is_another_one_each_time_is_not_kept(tmp_path: Path) -> None:
    def with_dropout() -> Trained:
        return train(change=lambda model: setattr(model, "drop_rate", 0.5))

    computed = with_dropout()
    recorded_to(tmp_path, ROOM)
    with_dropout()
    recalled_from(tmp_path)
    assert_same(with_dropout(), computed)  # the random numbers were drawn as ever


def test_whoever_listens_to_a_layer_hears_it(tmp_path: Path) -> None:
    def listened() -> int:
        heard: list[int] = []
        train(
            change=lambda model: model.get_submodule("bn2").register_forward_hook(
                lambda *_: heard.append(1)
            )
        )
        return len(heard)

    recorded_to(tmp_path, ROOM)
    train()
    recalled_from(tmp_path)
    assert listened() == 6


def test_whoever_listens_to_the_model_hears_it_though_it_is_recalled(tmp_path: Path) -> None:
    modes: list[bool] = []

    def listen(model: nn.Module) -> None:
        model.register_forward_pre_hook(lambda each, _: modes.append(each.training))

    recorded_to(tmp_path, ROOM)
    train()
    recalled_from(tmp_path)
    assert train(change=listen).convolutions == 0
    assert modes == [True, False] * 3


@pytest.fixture
def recalled(tmp_path: Path) -> Callable[[], tuple[nn.Module, torch.Tensor]]:
    """Makes a model and what it gives, which is recalled."""

    def run() -> tuple[nn.Module, torch.Tensor]:
        model = new_model().train()
        return model, model(torch.ones(2, 3, 32, 32))

    recorded_to(tmp_path, ROOM)
    run()
    recalled_from(tmp_path)
    return run


def test_mistakes_of_learners_stay_mistakes(
    recalled: Callable[[], tuple[nn.Module, torch.Tensor]],
) -> None:
    _, output = recalled()
    torch.autograd.backward(output.sum())
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.backward(output.sum())
    model, output = recalled()
    with torch.no_grad():
        model.get_parameter("conv_head.weight").mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        torch.autograd.backward(output.sum())


def test_an_output_may_be_changed_and_gradients_have_gradients(
    recalled: Callable[[], tuple[nn.Module, torch.Tensor]],
) -> None:
    def penalty(model: nn.Module, output: torch.Tensor) -> list[torch.Tensor]:
        output /= 2
        trained = [*model.parameters()]
        grads = torch.autograd.grad(output.pow(2).sum(), trained, create_graph=True)
        return [*torch.autograd.grad(sum(each.pow(2).sum() for each in grads), trained)]  # type: ignore[arg-type]

    found = penalty(*recalled())
    model = new_model().train()
    plain = EfficientNet.forward.__wrapped__  # type: ignore[attr-defined]
    expected = penalty(model, plain(model, torch.ones(2, 3, 32, 32)))
    assert all(map(torch.equal, found, expected))


def test_a_gradient_that_is_not_known_leaves_the_model_as_the_call_left_it(
    recalled: Callable[[], tuple[nn.Module, torch.Tensor]],
) -> None:
    model, output = recalled()
    after_call = {name: each.clone() for name, each in model.named_buffers()}
    model.eval()
    torch.autograd.backward(output.sum())
    assert not any(module.training for module in model.modules())
    assert all(each.equal(after_call[name]) for name, each in model.named_buffers())
    plain, x = new_model().train(), torch.ones(2, 3, 32, 32)
    output = EfficientNet.forward.__wrapped__(plain, x)  # type: ignore[attr-defined]
    torch.autograd.backward(output.sum())
    expected = [each.grad for each in plain.parameters()]
    assert all(map(torch.equal, (each.grad for each in model.parameters()), expected))  # type: ignore[arg-type]


def test_features_are_recalled_too(tmp_path: Path) -> None:
    def features() -> torch.Tensor:
        with torch.no_grad():
            return new_model().eval().forward_features(torch.ones(2, 3, 32, 32))  # type: ignore[operator, no-any-return]

    recorded_to(tmp_path, ROOM)
    computed = features()
    recalled_from(tmp_path)
    with mock.patch("torch.nn.functional.conv2d", side_effect=AssertionError):
        assert features().equal(computed)


def test_answers_are_kept_for_a_while() -> None:
    model, x = new_model().eval(), torch.ones(2, 3, 32, 32)
    forward = EfficientNet.forward
    with kept_in(MemoryStore()), torch.no_grad():
        computed = model(x)
        with mock.patch("torch.nn.functional.conv2d", side_effect=AssertionError):
            assert model(x).equal(computed)
            with pytest.raises(AssertionError):
                model(x + 1)
    assert EfficientNet.forward is forward
