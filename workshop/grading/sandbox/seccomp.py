"""The system calls that a confined process may not make, as a BPF program for the Linux kernel.

Namespaces already hide what these calls could reach; this closes ways by which a flaw of the Linux
kernel could be used from inside, the few calls that reach other processes of the same user, memory
that no process is charged with, and sockets that know no namespaces. A call on the list fails with
EPERM, as if the process had no right to it. Written by hand because the library for it (libseccomp)
comes with no Python wheel.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable

# Numbers of the system calls on x86_64 and aarch64, from linux/include/uapi; None: not there.
_CALLS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "get_kernel_syms": (177, None),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "query_module": (178, None),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
# Files in memory are charged to nobody while they are not mapped. NVIDIA's driver makes some.
_MEMORY_FILES = {"memfd_create": (319, 279)}
_SOCKETS = {"socket": (41, 198), "socketpair": (53, 199)}
# Unix, IPv4 and IPv6 (there is only loopback) and netlink (names of interfaces). Others, such as
# AF_VSOCK to the host of a virtual machine, pass by network namespaces.
_SOCKET_FAMILIES = (1, 2, 10, 16)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # 1 is EPERM
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # x86_64 knows each call by a second number with this bit

_Instruction = tuple[int, int, int, int]  # operation, jump if true, jump if false, operand


def denied_calls(machine: str | None = None, *, memory_files: bool = False) -> dict[str, int]:
    """Name and number of each denied call; none for a processor that is not known here.

    Args:
        machine: as ``platform.machine()`` says, which is the default.
        memory_files: whether ``memfd_create`` is allowed, as a GPU needs it.
    """
    known = _ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return {}
    calls = _CALLS if memory_files else {**_CALLS, **_MEMORY_FILES}
    numbers = {name: both[known[0]] for name, both in calls.items()}
    return {name: number for name, number in numbers.items() if number is not None}


def seccomp_program(machine: str | None = None, *, memory_files: bool = False) -> bytes | None:
    """The BPF program, as bubblewrap takes it; None for a processor that is not known here.

    Args:
        machine: as ``platform.machine()`` says, which is the default.
        memory_files: whether ``memfd_create`` is allowed, as a GPU needs it.
    """
    known = _ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    column, architecture = known
    denied = denied_calls(machine, memory_files=memory_files).values()
    sockets = [both[column] for both in _SOCKETS.values()]
    program = _instructions(architecture, denied, sockets)
    return b"".join(struct.pack("=HBBI", *each) for each in program)


def _instructions(
    architecture: int, denied: Iterable[int], sockets: Iterable[int]
) -> list[_Instruction]:
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _DENY),
    ]
    for number in sorted(set(denied)):
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    family = [
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *[
            step
            for allowed in _SOCKET_FAMILIES
            for step in ((_EQUAL, 0, 1, allowed), (_RETURN, 0, 0, _ALLOW))
        ],
        (_RETURN, 0, 0, _DENY),
    ]
    for number in sockets:
        program += [(_EQUAL, 0, len(family), number), *family]
    return [*program, (_RETURN, 0, 0, _ALLOW)]
