from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from workshop.assets import load_source_model, load_tokenizer


def _same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_a_seed_decides_the_random_weights_and_nothing_else() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = load_source_model(pretrained=False, num_classes=2, seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert _same(first, load_source_model(pretrained=False, num_classes=2, seed=1))
    assert not _same(first, load_source_model(pretrained=False, num_classes=2, seed=2))


def test_without_a_seed_the_global_generator_gives_one_number() -> None:
    torch.manual_seed(7)
    torch.randint(2**62, (1,))
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = load_source_model(num_classes=2)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(7)
    assert _same(first, load_source_model(num_classes=2))


def test_published_weights_take_no_random_number() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load_source_model()
    assert torch.equal(torch.rand(3), expected)


def test_a_new_head_changes_nothing_but_the_head() -> None:
    whole, changed = load_source_model().state_dict(), load_source_model(num_classes=3)
    assert changed.training
    for name, tensor in changed.state_dict().items():
        if name.startswith("classifier."):
            assert tensor.shape[0] == 3
        else:
            assert torch.equal(tensor, whole[name]), name


def test_every_model_is_its_own() -> None:
    first, second = load_source_model(), load_source_model()
    with torch.no_grad():
        next(first.parameters()).zero_()
    assert next(second.parameters()).abs().sum() > 0


@pytest.mark.parametrize("number", [0, -1, True, 2.0, "2"])
def test_refuses_a_senseless_number_of_classes(number: int) -> None:
    with pytest.raises(ValueError, match="num_classes"):
        load_source_model(num_classes=number)


@pytest.mark.parametrize("name", ["resnet50", "torchvision/no_such_model", ""])
def test_refuses_an_unknown_name_and_says_which_are_known(name: str) -> None:
    with pytest.raises(ValueError, match=r"efficientnet_lite0.*minilm.*torchvision/.*hf/"):
        load_source_model(name)


def test_a_revision_belongs_to_the_hub() -> None:
    with pytest.raises(ValueError, match="revision"):
        load_source_model(revision="main")


def test_an_image_model_has_no_tokenizer() -> None:
    with pytest.raises(ValueError, match="minilm"):
        load_tokenizer("efficientnet_lite0")


def test_a_notebook_about_images_does_not_pay_for_transformers() -> None:
    code = "import sys; from workshop import assets; print('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("pretrained", [True, False])
def test_convolutions_have_the_channels_of_a_pixel_side_by_side(pretrained: bool) -> None:
    model = load_source_model("efficientnet_lite0", pretrained=pretrained, num_classes=2, seed=0)
    wide = [weight for weight in model.parameters() if weight.dim() == 4]
    assert wide and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in wide)


def test_the_order_in_memory_does_not_change_what_a_model_says() -> None:
    model = load_source_model("efficientnet_lite0", seed=0).eval()
    usual = load_source_model("efficientnet_lite0", seed=0).eval()
    for weight in usual.parameters():
        weight.data = weight.data.contiguous(memory_format=torch.contiguous_format)
    images = torch.rand(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(model(images), usual(images), rtol=1e-3, atol=1e-3)
