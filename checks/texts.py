"""Are texts tokenised, padded and put into batches as they should be?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch

from checks.guard import LearnerError, checked
from checks.verdict import Verdict, passed

_MATRIX = 2


@checked("text.tokens")
def check_tokens(found: object, expected: torch.Tensor) -> Verdict:
    """Token ids equal the expected ones, padding included.

    Args:
        found: the learner's, ``[N, L]``.
        expected: int64 ``[N, L]``, padded to the longest text after truncation.
    """
    ids = _require_matrix(found, "input_ids", expected)
    longest = expected.shape[1]
    if ids.shape[1] > longest:
        raise LearnerError(
            f"The rows have {ids.shape[1]} tokens.",
            expected=f"{longest}: the longest of these texts, cut at the maximum",
            actual=str(ids.shape[1]),
            hint="padding=True pads to the longest text of the batch, padding='max_length' always"
            " to the maximum. Without truncation=True nothing is cut.",
        )
    if ids.shape[1] < longest:
        raise LearnerError(
            f"The rows have only {ids.shape[1]} tokens.",
            expected=f"{longest} tokens",
            actual=str(ids.shape[1]),
            hint="Is max_length the function's argument? Are the tokens for the beginning and the"
            " end of the text there?",
        )
    wrong = int((ids != expected).any(dim=1).sum())
    if wrong:
        raise LearnerError(
            f"{wrong} of {len(expected)} rows hold other tokens.",
            hint="Give the tokenizer the texts in their order, unchanged; padding and [CLS], [SEP]"
            " are its own business.",
        )
    return passed("text.tokens", f"{len(ids)} rows of {longest} tokens, as they should be.")


@checked("text.mask")
def check_mask(found: object, expected: torch.Tensor) -> Verdict:
    """The attention mask is 1 for every token of the text and 0 for padding.

    Args:
        found: the learner's, ``[N, L]``.
        expected: int64 ``[N, L]``.
    """
    mask = _require_matrix(found, "attention_mask", expected)
    if mask.shape != expected.shape:
        raise LearnerError(
            "The mask has another length than it should.",
            expected=str(list(expected.shape)),
            actual=str(list(mask.shape)),
            hint="It has one number for each token of input_ids.",
        )
    if not torch.equal(mask.long(), expected.long()):
        raise LearnerError(
            "The mask lets the model look at padding."
            if bool((mask.long() > expected.long()).any())
            else "The mask hides tokens of the text.",
            expected="1 for every token of the text, 0 for padding",
            hint="The tokenizer returns it as attention_mask: pass it on as it is.",
        )
    return passed("text.mask", "1 for every token of the text, 0 for padding.")


def _require_matrix(found: object, name: str, expected: torch.Tensor) -> torch.Tensor:
    if not isinstance(found, torch.Tensor) or found.is_floating_point():
        raise LearnerError(
            f"{name} is no tensor of whole numbers.",
            expected=f"int64 [{len(expected)}, L]",
            actual=type(found).__name__,
            hint="Ask the tokenizer for tensors: return_tensors='pt'.",
        )
    if found.dim() != _MATRIX or len(found) != len(expected):
        raise LearnerError(
            f"{name} has the wrong shape.",
            expected=f"[{len(expected)}, L], a row for each text",
            actual=str(list(found.shape)),
        )
    return found.detach().cpu()


@checked("text.batches")
def check_batches(batches: object, lengths: Sequence[int], size: int) -> Verdict:
    """Every text is in exactly one batch, and no batch but one has another size.

    Args:
        batches: the learner's: lists of indexes.
        lengths: how many tokens each text has.
        size: of a batch.
    """
    rows = _require_batches(batches)
    seen = Counter(index for batch in rows for index in batch)
    expected = Counter(range(len(lengths)))
    if seen != expected:
        doubled = [index for index, count in seen.items() if count > 1]
        raise LearnerError(
            "The batches do not hold every text exactly once.",
            expected=f"{len(lengths)} texts, each once",
            actual=f"{len(seen)} different indexes, {len(doubled)} of them more than once",
            hint="The last batch may be smaller, but it must be there.",
        )
    other = [len(batch) for batch in rows if len(batch) != size]
    if len(other) > 1 or any(each > size for each in other):
        raise LearnerError(
            "The batches have other sizes.",
            expected=f"{size} texts each, in one batch what is left over",
            actual=", ".join(map(str, sorted({len(batch) for batch in rows}))),
        )
    return passed("text.batches", f"{len(rows)} batches hold each of {len(lengths)} texts once.")


@checked("text.padding")
def check_padding(batches: object, lengths: Sequence[int], size: int) -> Verdict:
    """The batches need no more padding than sorting by length leaves.

    Args:
        batches: the learner's: lists of indexes.
        lengths: how many tokens each text has.
        size: of a batch.
    """
    rows = _require_batches(batches)
    if any(not 0 <= index < len(lengths) for batch in rows for index in batch):
        raise LearnerError("A batch names a text that there is not.")
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    ascending = [order[begin : begin + size] for begin in range(0, len(order), size)]
    descending = [order[::-1][begin : begin + size] for begin in range(0, len(order), size)]
    most = max(padding_of(ascending, lengths), padding_of(descending, lengths))
    found = padding_of(rows, lengths)
    if found > most:
        raise LearnerError(
            f"Your batches are filled up with {found:,} tokens of padding.",
            expected=f"{most:,} at most, which sorting by length leaves",
            actual=f"{found:,}",
            hint="Sort all indexes by length first, cut that list into batches, and shuffle only"
            " the batches.",
        )
    return passed("text.padding", f"{found:,} tokens of padding.")


@checked("text.shuffled")
def check_shuffled(batches: object, again: object, lengths: Sequence[int]) -> Verdict:
    """The batches come in a random order, not from the shortest to the longest.

    Args:
        batches: the learner's: lists of indexes.
        again: what the learner's function gives the next time, for the same texts.
        lengths: how many tokens each text has.
    """
    first, second = (
        [sorted(batch) for batch in _require_batches(each)] for each in (batches, again)
    )
    longest = [max(lengths[index] for index in batch) for batch in first if batch]
    if first == second or longest in (sorted(longest), sorted(longest, reverse=True)):
        raise LearnerError(
            "The batches come in the same order each time, or in the order of their lengths.",
            expected="another random order in each epoch",
            hint="Shuffle the list of batches, not the texts within them: random.shuffle(batches).",
        )
    return passed("text.shuffled", "The batches come in a random order.")


def padding_of(batches: Sequence[Sequence[int]], lengths: Sequence[int]) -> int:
    """How many tokens of padding the batches need, each padded to its longest text."""
    return sum(
        max(lengths[index] for index in batch) * len(batch) - sum(lengths[index] for index in batch)
        for batch in batches
        if batch
    )


def _require_batches(batches: object) -> list[list[int]]:
    if not isinstance(batches, list | tuple) or not batches:
        raise LearnerError(
            "There are no batches.",
            expected="a list of lists of indexes",
            actual=type(batches).__name__,
            hint="Does your function end with `return batches`?",
        )
    rows = [each.tolist() if isinstance(each, torch.Tensor) else each for each in batches]
    whole = all(
        isinstance(batch, list | tuple)
        and all(isinstance(index, int) and not isinstance(index, bool) for index in batch)
        for batch in rows
    )
    if not whole:
        raise LearnerError(
            "The batches are not all lists of whole numbers.",
            expected="a list of lists of indexes",
            hint="A batch holds the indexes of its texts.",
        )
    return [list(batch) for batch in rows]
