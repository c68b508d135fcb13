from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from workshop.grading.sandbox.seccomp import denied_calls, seccomp_program

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


@pytest.mark.skipif(not HEADER.is_file(), reason="no kernel headers here")
def test_the_numbers_are_those_of_linux() -> None:
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text()))
    for name, number in denied_calls("x86_64").items():
        assert int(numbers.get(name, number)) == number, name


def _decision(program: bytes, architecture: int, number: int, argument: int = 0) -> int:
    """What the program returns for a call: an interpreter of the four operations it uses."""
    steps = list(struct.iter_unpack("=HBBI", program))
    value, at = 0, 0
    while True:
        operation, if_true, if_false, operand = steps[at]
        at += 1
        if operation == 0x20:
            value = {0: number, 4: architecture, 16: argument}[operand]
        elif operation == 0x15:
            at += if_true if value == operand else if_false
        elif operation == 0x35:
            at += if_true if value >= operand else if_false
        else:
            return int(operand)


ALLOW, DENY, KILL = 0x7FFF0000, 0x50001, 0x80000000


@pytest.mark.parametrize(
    ("machine", "architecture", "socket", "read", "memfd"),
    [("x86_64", 0xC000003E, 41, 0, 319), ("aarch64", 0xC00000B7, 198, 63, 279)],
)
def test_each_call_is_decided_as_listed(
    machine: str, architecture: int, socket: int, read: int, memfd: int
) -> None:
    program = seccomp_program(machine)
    assert program is not None
    for number in denied_calls(machine).values():
        assert _decision(program, architecture, number) == DENY
    assert _decision(program, architecture, read) == ALLOW
    assert _decision(program, architecture, read | 0x40000000) == DENY
    assert _decision(program, 0x40000003, read) == KILL
    families = {n: _decision(program, architecture, socket, n) for n in (1, 2, 10, 16, 17, 40)}
    assert families == {1: ALLOW, 2: ALLOW, 10: ALLOW, 16: ALLOW, 17: DENY, 40: DENY}
    with_gpu = seccomp_program(machine, memory_files=True)
    assert with_gpu is not None
    assert _decision(program, architecture, memfd) == DENY
    assert _decision(with_gpu, architecture, memfd) == ALLOW


def test_an_unknown_processor_has_no_filter() -> None:
    assert seccomp_program("riscv64") is None
    assert denied_calls("riscv64") == {}
