from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models, transforms

from workshop.assets import ImageData, load_target_data, normalisation
from workshop.assets.images import balanced_count, centre_square, choose_rows, content_id, resized

LABELS = np.array([0, 1, -1, 0, 1, 0])
NAMES = ("cat", "dog")


@pytest.mark.parametrize("size", [16, 96, 200])
def test_resizing_is_that_of_pillow_but_for_rounding(size: int) -> None:
    random = np.random.default_rng(0)
    rough = random.integers(0, 256, (12, 12), dtype=np.uint8)
    image = np.asarray(Image.fromarray(rough).resize((128, 128), Image.Resampling.BICUBIC))
    ours = resized(torch.from_numpy(image.copy())[None, None], size)[0, 0].numpy()
    theirs = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


@pytest.mark.parametrize("shape", [(90, 130), (131, 77), (64, 64), (40, 53)])
def test_squares_are_those_of_torchvision_and_pillow_but_for_rounding(
    shape: tuple[int, int],
) -> None:
    random = np.random.default_rng(0)
    rough = Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    image = rough.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    reference = transforms.Compose([transforms.Resize(64), transforms.CenterCrop(64)])
    theirs = np.asarray(reference(image)).astype(int)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    ours = centre_square(pixels[None], 64)[0].permute(1, 2, 0).numpy().astype(int)
    assert ours.shape == (64, 64, 3)
    assert np.abs(ours - theirs).max() <= 1


def test_the_same_size_is_left_alone() -> None:
    images = torch.zeros(2, 1, 32, 32, dtype=torch.uint8)
    assert resized(images, 32) is images


@pytest.mark.parametrize("size", [15, 513, True, 96.0, "96"])
def test_refuses_a_senseless_size(size: int) -> None:
    with pytest.raises(ValueError, match="from 16 to 512"):
        resized(torch.zeros(1, 1, 32, 32, dtype=torch.uint8), size)


def test_inputs_are_normalised_and_have_three_channels() -> None:
    images = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 1, 16, 16)
    data = ImageData(images, torch.tensor([0, 1]), ["a", "b"], NAMES)
    assert len(data) == 2
    inputs = data.inputs()
    assert inputs.shape == (2, 3, 16, 16)
    assert inputs.dtype == torch.float32
    assert inputs[0].eq(-1).all()
    assert inputs[1].eq(1).all()
    assert data.inputs(mean=[0, 0, 0], std=[1, 1, 1])[1].eq(1).all()


@pytest.mark.parametrize("name", ["efficientnet_b0", "resnet18"])
def test_imagenet_s_normalisation_is_that_of_the_published_weights(name: str) -> None:
    white = torch.full((1, 3, 16, 16), 255, dtype=torch.uint8)
    data = ImageData(white, torch.tensor([0]), ["a"], NAMES)
    preset = models.get_model_weights(name).DEFAULT.transforms()
    assert normalisation(name) == (tuple(preset.mean), tuple(preset.std))
    expected = [(1 - m) / s for m, s in zip(preset.mean, preset.std, strict=True)]
    for known in (name, f"torchvision/{name}"):
        assert data.inputs(known)[0, :, 0, 0].tolist() == pytest.approx(expected)


def test_a_normalisation_that_is_not_known_is_asked_for() -> None:
    data = ImageData(torch.zeros(0, 1, 16, 16, dtype=torch.uint8), torch.zeros(0), [], NAMES)
    with pytest.raises(ValueError, match="give `mean` and `std`"):
        data.inputs("hf/someone/model")
    with pytest.raises(ValueError, match="both of `mean` and `std`"):
        data.inputs(mean=[0.5, 0.5, 0.5])


def test_a_larger_selection_contains_the_smaller() -> None:
    assert choose_rows(LABELS, NAMES, 1, where="here").tolist() == [0, 1]
    assert choose_rows(LABELS, NAMES, 2, where="here").tolist() == [0, 1, 3, 4]
    assert choose_rows(LABELS, NAMES, None, where="here").tolist() == [0, 1, 3, 4, 5]


def test_says_how_many_there_are() -> None:
    with pytest.raises(ValueError, match="at most 2, the number of dog in here"):
        choose_rows(LABELS, NAMES, 3, where="here")
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(ValueError, match="per_class"):
            choose_rows(LABELS, NAMES, wrong, where="here")  # type: ignore[arg-type]


def test_balance_follows_the_rarest_class() -> None:
    assert balanced_count(LABELS, NAMES, where="here") == 2
    with pytest.raises(ValueError, match="here has no cow"):
        balanced_count(LABELS, (*NAMES, "cow"), where="here")


def test_equal_content_has_equal_names() -> None:
    image = np.zeros((4, 4), dtype=np.uint8)
    assert content_id("x", image) == content_id("x", image.copy())
    assert content_id("x", image) != content_id("x", image + np.uint8(1))


def test_images_can_be_for_another_source_model() -> None:
    data = load_target_data(per_class=2, size=16)
    other = data.for_model("torchvision/resnet18")
    assert torch.equal(other.inputs(), data.inputs("torchvision/resnet18"))
    assert torch.equal(other.inputs("efficientnet_lite0"), data.inputs())
    assert other.ids == data.ids
    with pytest.raises(ValueError, match="nobody"):
        data.for_model("nobody")
