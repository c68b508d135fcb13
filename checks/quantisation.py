"""Are weights quantised block by block, as absmax quantisation does it?

The numbers of a tensor are cut into blocks. Each block has a scale, its largest absolute value over
the largest code, and each number becomes the nearest multiple of it, its code (Dettmers et al.
2022, "8-bit Optimizers via Block-wise Quantization"; QLoRA, Dettmers et al. 2023, stores its frozen
weights in such blocks).
"""

from __future__ import annotations

from typing import TypeGuard

import torch

from checks.guard import LearnerError, checked
from checks.models import shape_or_type
from checks.names import plural, share
from checks.verdict import Verdict, passed

_CLOSE = 1e-5
# A number this near to the middle between two codes may become either of them.
_TIE = 1e-3


def largest_code(bits: int) -> int:
    """The codes go from minus this to this: 127 for 8 bits, 7 for 4.

    Raises:
        ValueError: there are no such signed whole numbers with a middle.
    """
    if bits < 2:  # noqa: PLR2004 - one bit has no zero in the middle
        raise ValueError(f"Expected 2 bits or more, but got {bits}")
    return int(2 ** (bits - 1) - 1)


@checked("quantised.blocks")
def check_quantised(found: object, weight: torch.Tensor, *, bits: int, block_size: int) -> Verdict:
    """A weight became codes and scales, one row of codes and one scale for each block.

    Args:
        found: the learner's pair of codes, int8 ``[blocks, block_size]``, and scales, float32
            ``[blocks]``.
        weight: what was to be quantised, of any shape whose number of elements is a multiple of
            ``block_size``.
        bits: from 2 to 8.
        block_size: how many numbers share a scale, in the order of the flattened weight.
    """
    blocks = weight.detach().cpu().float().reshape(-1, block_size)
    codes, scales = _pair(found, blocks)
    largest = largest_code(bits)
    absmax = blocks.abs().amax(dim=1)
    _require_scales(scales, absmax / largest, blocks, bits)
    _require_codes(codes, blocks, absmax / largest, largest)
    return passed(
        "quantised.blocks",
        f"{plural(len(blocks), 'block')} of {block_size} numbers, with codes from -{largest} to"
        f" {largest}.",
    )


def _pair(found: object, blocks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes and scales of the right shapes and types, on the CPU."""
    if not _is_pair(found):
        raise LearnerError(
            "These are no codes with their scales.",
            expected="two tensors: codes, scales",
            actual=type(found).__name__,
            hint="Does your function end with `return codes, scales`?",
        )
    codes, scales = (each.detach().cpu() for each in found)
    if codes.shape != blocks.shape:
        raise LearnerError(
            "The codes have the wrong shape.",
            expected=f"{list(blocks.shape)}: a row for each block",
            actual=shape_or_type(codes),
            hint="weight.reshape(-1, block_size) has a row for each block.",
        )
    if scales.shape != blocks.shape[:1]:
        raise LearnerError(
            "The scales have the wrong shape.",
            expected=f"[{len(blocks)}]: a number for each block",
            actual=shape_or_type(scales),
            hint="Take the largest absolute value along dim=1, of each row by itself.",
        )
    if codes.dtype == torch.uint8:
        raise LearnerError(
            "The codes are torch.uint8, which has no negative numbers.",
            expected="torch.int8",
            actual="torch.uint8",
            hint="The grid is symmetric: a weight of 0 has the code 0, and negative weights have"
            " negative codes.",
        )
    if codes.dtype != torch.int8:
        raise LearnerError(
            f"The codes are {codes.dtype}: a number of that type takes"
            f" {plural(codes.element_size(), 'byte')}.",
            expected="torch.int8, one byte each",
            actual=str(codes.dtype),
            hint="Round first, then convert: .round().to(torch.int8).",
        )
    if not torch.isfinite(scales).all():
        raise LearnerError("The scales are not all finite numbers.")
    return codes.long(), scales.float()


def _is_pair(found: object) -> TypeGuard[tuple[torch.Tensor, torch.Tensor]]:
    return (
        isinstance(found, tuple | list)
        and len(found) == 2  # noqa: PLR2004 - codes and scales
        and all(isinstance(each, torch.Tensor) for each in found)
    )


def _require_scales(
    scales: torch.Tensor, expected: torch.Tensor, blocks: torch.Tensor, bits: int
) -> None:
    largest = largest_code(bits)
    # A block of zeros is all zero with any scale.
    used = expected > 0
    wrong = (~_close(scales, expected) & used).nonzero().flatten().tolist()
    if not wrong:
        return
    steps, overall = 2**bits - 1, expected.max().expand_as(expected)
    guesses = {
        "they are the largest absolute values, not yet divided": largest * expected,
        f"they divide by 2**bits = {2**bits}": largest * expected / 2**bits,
        f"they divide by 2**bits - 1 = {steps}": largest * expected / steps,
        f"they divide by 2**(bits - 1) = {largest + 1}": largest * expected / (largest + 1),
        "the largest absolute value of the whole weight is in all of them": overall,
        "they come from the largest numbers, and negative ones may be further from 0": blocks.amax(
            dim=1
        )
        / largest,
        "they come from the mean of the absolute values": blocks.abs().mean(dim=1) / largest,
    }
    likely = next(
        (what for what, guess in guesses.items() if bool(_close(scales, guess)[used].all())), None
    )
    raise LearnerError(
        f"{share(wrong, len(blocks))} scales are other numbers"
        + (f": {likely}." if likely else f", first: that of block {wrong[0]}."),
        expected=f"the block's largest absolute value divided by {largest}",
        hint=f"The largest number of a block shall become the code {largest} or -{largest}.",
    )


def _require_codes(
    codes: torch.Tensor, blocks: torch.Tensor, scales: torch.Tensor, largest: int
) -> None:
    beyond = int((codes.abs() > largest).sum())
    if beyond:
        raise LearnerError(
            f"{plural(beyond, 'code')} lie outside -{largest} to {largest}.",
            expected=f"whole numbers from -{largest} to {largest}",
            actual=f"from {int(codes.min())} to {int(codes.max())}",
            hint="Divide each block by its own scale, then round.",
        )
    zeros = (blocks == 0).all(dim=1)
    if codes[zeros].any():
        raise LearnerError(
            "A block of zeros got codes other than 0.",
            hint="Its scale is 0, and 0 / 0 is not a number: clamp the scale you divide by.",
        )
    exact = blocks / scales.clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    wrong = ((codes - exact).abs() > 0.5 + _TIE).any(dim=1).nonzero().flatten().tolist()
    if wrong:
        # Rounding and cutting off differ where a number is not whole already.
        between = (exact - exact.round()).abs() > _TIE
        cut = any(
            torch.equal(codes[between], towards(exact[between]).long())
            for towards in (torch.trunc, torch.floor)
        )
        raise LearnerError(
            f"{share(wrong, len(blocks))} blocks have codes that are not the nearest"
            + (": they are cut off instead of rounded." if cut else f", first: block {wrong[0]}."),
            expected="the nearest whole number to weight / scale",
            hint=".to(torch.int8) cuts off what stands behind the point: .round() before it."
            if cut
            else "Divide each block by its own scale, then round.",
        )


def _close(found: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    return torch.isclose(found, expected, rtol=_CLOSE, atol=0.0)
