"""Codes and scales are held against PyTorch's own quantisation, and mistakes are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import checks
from checks.quantisation import largest_code
from checks.verdict import Status, Verdict

Pair = tuple[torch.Tensor, torch.Tensor]
BLOCK = 8


def weight(seed: int = 0) -> torch.Tensor:
    """``[6, 20]``, with an outlier below zero and two blocks of zeros."""
    generator = torch.Generator().manual_seed(seed)
    drawn = 0.1 * torch.randn(6, 20, generator=generator)
    drawn[0, 3] = -4.0
    drawn.view(-1, BLOCK)[[5, 9]] = 0
    return drawn


def by_pytorch(whole: torch.Tensor, bits: int) -> Pair:
    """By PyTorch's quantisation of channels, with a block for a channel."""
    blocks, top = whole.reshape(-1, BLOCK), 2 ** (bits - 1) - 1
    scales = torch.linalg.vector_norm(blocks, ord=float("inf"), dim=1) / top
    steps = torch.where(scales > 0, scales, 1.0)
    zeros = torch.zeros(len(blocks), dtype=torch.int32)
    back = torch.fake_quantize_per_channel_affine(blocks, steps, zeros, 0, -top, top)
    return (back / steps[:, None]).round().to(torch.int8), scales


def judged(found: object, whole: torch.Tensor, bits: int = 4) -> Verdict:
    return checks.check_quantised(found, whole, bits=bits, block_size=BLOCK)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_what_pytorch_makes_of_it_passes(bits: int, seed: int) -> None:
    assert judged(by_pytorch(weight(seed), bits), weight(seed), bits).status is Status.PASSED


def test_scale_of_a_block_of_zeros_may_be_any_number() -> None:
    codes, scales = by_pytorch(weight(), 4)
    scales[5] = 1.0
    assert judged((codes, scales), weight()).status is Status.PASSED


def test_middle_between_two_codes_may_become_either() -> None:
    whole = torch.tensor([7.0, 2.5, 1.5, -3.5, 0, 0, 0, 0])
    for codes in ([7, 2, 2, -4], [7, 3, 1, -3]):
        rows = torch.tensor([[*codes, 0, 0, 0, 0]], dtype=torch.int8)
        assert judged((rows, torch.ones(1)), whole).status is Status.PASSED


@pytest.mark.parametrize("found", [None, 3, weight(), (weight(),), (1, 2), "codes, scales"])
def test_what_is_no_pair_of_tensors_fails(found: object) -> None:
    assert judged(found, weight()).status is Status.FAILED


def _codes(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Pair], Pair]:
    return lambda pair: (change(pair[0]), pair[1])


def _scales(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Pair], Pair]:
    return lambda pair: (pair[0], change(pair[1]))


def _set(place: tuple[int, ...], value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        changed = tensor.clone()
        changed[place] = value
        return changed

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_codes(lambda codes: codes.reshape(6, 20)), "[15, 8]"),
        (_codes(lambda codes: codes.float()), "torch.int8"),
        (_codes(lambda codes: codes.long()), "8 bytes"),
        (_codes(lambda codes: (codes + 8).to(torch.uint8)), "no negative"),
        (_scales(lambda scales: scales[:, None]), "[15]"),
        (_scales(lambda scales: 7 * scales), "not yet divided"),
        (_scales(lambda scales: 7 * scales / 16), "2**bits = 16"),
        (_scales(lambda scales: 7 * scales / 15), "2**bits - 1 = 15"),
        (_scales(lambda scales: 7 * scales / 8), "2**(bits - 1) = 8"),
        (_scales(lambda scales: scales.max().expand(15)), "whole weight"),
        (_scales(lambda _: weight().reshape(-1, BLOCK).amax(dim=1) / 7), "negative"),
        (_scales(lambda _: weight().reshape(-1, BLOCK).abs().mean(dim=1) / 7), "mean"),
        (_scales(_set((4,), 0.5)), "block 4"),
        (_scales(_set((4,), float("nan"))), "finite"),
        (_codes(_set((2, 1), 9)), "outside -7 to 7"),
        (_codes(_set((5, 0), 1)), "zeros"),
        (_codes(_set((0, 0), 6)), "block 0"),
    ],
)
def test_mistakes_are_named(change: Callable[[Pair], Pair], said: str) -> None:
    verdict = judged(change(by_pytorch(weight(), 4)), weight())
    assert verdict.status is Status.FAILED
    assert said in str(verdict)


@pytest.mark.parametrize("cut", [torch.trunc, torch.floor])
def test_codes_that_are_cut_off_are_told_so(cut: Callable[[torch.Tensor], torch.Tensor]) -> None:
    whole = weight(1)
    _, scales = by_pytorch(whole, 4)
    exact = whole.reshape(-1, BLOCK) / scales.clamp_min(1e-12)[:, None]
    # The largest of a block is a whole number, but for rounding.
    codes = cut(exact + 1e-4 * exact.sign()).clamp(-7, 7).to(torch.int8)
    verdict = judged((codes, scales), whole)
    assert verdict.status is Status.FAILED
    assert ".round()" in str(verdict)


def test_graph_and_precision_of_the_scales_do_not_matter() -> None:
    codes, scales = by_pytorch(weight(), 4)
    kinds: tuple[Any, ...] = (scales.double(), scales.clone().requires_grad_())
    for kind in kinds:
        assert judged((codes, kind), weight()).status is Status.PASSED


def test_a_single_bit_has_no_middle() -> None:
    with pytest.raises(ValueError, match="2 bits"):
        largest_code(1)
