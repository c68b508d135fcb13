"""The process that warm kernels are forked from. It is run as a file and imports nothing of ours.

Libraries are imported here once. For each kernel it is asked for, it forks a child that enters the
namespaces of a sandbox that bubblewrap has made, gives up every privilege, takes the sandbox's
limits and system-call filter upon itself, and only then becomes a Jupyter kernel. The memory of the
libraries is shared by all of them. No learner's code runs before a child is confined, and this
process knows no course: there is nothing in its memory that a learner may not read.

It is single-threaded, and CUDA is not initialised in it: both would break the children.
"""

from __future__ import annotations

import array
import base64
import contextlib
import ctypes
import errno
import gc
import importlib
import json
import os
import random
import signal
import socket
import struct
import sys
import tempfile
from typing import Any

# Named in the order in which notebooks wait longest for them. What is missing is left out.
_LIBRARIES = (
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "peft",
    "safetensors.torch",
    "sklearn.decomposition",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "scipy.stats",
    "pandas",
    "matplotlib.pyplot",
    "ipywidgets",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    # A kernel imports the rest only when it starts: half of the time that it would take.
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.interactiveshell",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "sqlite3",
    "tornado.platform.asyncio",
)
# They look at how they are run when they are imported, so each kernel imports them again.
_DEPENDING_ON_THE_KERNEL = ("tqdm.auto", "tqdm.autonotebook")
# Variables that a library sets when it is imported, for itself.
_SET_BY_LIBRARIES = ("PYDEVD_USE_FRAME_EVAL",)
_LARGEST_REQUEST = 1 << 20
_NAMESPACES = 8  # at most; after them a request has three more descriptors
_SETNS_FLAGS = {
    "user": 0x10000000,
    "mnt": 0x00020000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
}
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64
_BPF_INSTRUCTION = 8  # bytes
_LARGE_PAGE, _MADV_COLLAPSE = 1 << 21, 25
_ANSWERS = 3  # the first descriptor after the usual ones

_libc = ctypes.CDLL(None, use_errno=True)
_pools: list[Any] = []
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class _Filter(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def main() -> None:
    """Serve requests until whoever started this closes the other end of the socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader
    with tempfile.TemporaryDirectory(prefix="workshop-") as folder:
        os.environ["MPLCONFIGDIR"] = folder  # not that of whoever grades
        _import_libraries()
        _find_thread_pools()
    trouble = _unfit()
    control.send(json.dumps({"trouble": trouble}).encode())
    if trouble:
        return
    torch = sys.modules.get("torch")
    processors = len(os.sched_getaffinity(0)) if torch is None else torch.get_num_threads()
    sys.path_importer_cache.clear()  # of folders that look different from inside a sandbox
    gc.collect()
    gc.freeze()  # a collection in a child would otherwise write to every page
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are told of by their pipes
    first = True
    while _serve(control, processors):
        if first:  # only now: the first kernel need not wait for it
            _use_large_pages()
        first = False


def _import_libraries() -> None:
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in _DEPENDING_ON_THE_KERNEL:
        if sys.modules.pop(name, None) is not None:
            package, _, module = name.rpartition(".")
            vars(sys.modules[package]).pop(module, None)


def _use_large_pages() -> None:
    """Gather this process's memory in pages of 2 MB, where Linux can (from 6.1 on).

    A fork copies one entry for each page: of 150,000 small ones that takes longer than all else.
    A child that writes to a large page gets a copy of 4 kB of it, as before.
    """
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        mappings = [line.split() for line in file]
    for place, rights, _, _, _, *name in mappings:
        if rights == "rw-p" and name in ([], ["[heap]"]):
            begin, end = (int(each, 16) for each in place.split("-"))
            begin, end = -(-begin // _LARGE_PAGE) * _LARGE_PAGE, end // _LARGE_PAGE * _LARGE_PAGE
            if begin < end:
                _libc.madvise(begin, end - begin, _MADV_COLLAPSE)


def _find_thread_pools() -> None:
    """Look for the libraries that have threads of their own: once, since that takes a while."""
    with contextlib.suppress(ImportError):
        import threadpoolctl  # type: ignore[import-untyped] # noqa: PLC0415 - scikit-learn's

        _pools.append(threadpoolctl.ThreadpoolController())


def _unfit() -> str:
    """Why nothing may be forked from this process; empty if all is well."""
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
        return "a library has started threads"
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        if "libcuda.so" in file.read():
            return "a library has initialised CUDA"
    return ""


def _serve(control: socket.socket, processors: int) -> bool:
    """Fork a kernel for one request; whether there may be more of them."""
    size = array.array("i").itemsize
    text, ancillary, _, _ = control.recvmsg(
        _LARGEST_REQUEST, socket.CMSG_SPACE((_NAMESPACES + 3) * size)
    )
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % size])
    try:
        if not text:
            return False
        pid = os.fork()
        if pid == 0:
            control.close()
            _enter({**json.loads(text), "processors": processors}, list(descriptors))
            os._exit(1)
    except OSError:
        pass  # whoever asked sees the answer's socket closed
    finally:
        for each in descriptors:
            os.close(each)
    return True


def _enter(request: dict[str, Any], descriptors: list[int]) -> None:
    """In a child: enter the sandbox, start the kernel in it, and tell how that ends."""
    *namespaces, errors, status, answer = descriptors
    connection = socket.socket(fileno=answer)
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for which, value in request["limits"]:
            _limit(which, value)
        os.nice(request["nice"])
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write(str(request["oom_score_adj"]))
        for name, each in zip(request["namespaces"], namespaces, strict=True):
            _checked(_libc.setns(each, _SETNS_FLAGS[name]), f"enter the {name} namespace")
            os.close(each)
        # Being in a PID namespace begins with the next child.
        kernel = os.fork()
    except BaseException as error:  # noqa: BLE001 - whoever asked has to hear of it
        connection.send(json.dumps({"trouble": str(error)}).encode())
        os._exit(1)
    if kernel == 0:
        _become_kernel(request, errors, connection)
        os._exit(1)
    connection.close()
    os.close(errors)
    _, ended = os.waitpid(kernel, 0)
    os.write(status, struct.pack("i", os.waitstatus_to_exitcode(ended)))
    os._exit(0)


def _become_kernel(request: dict[str, Any], errors: int, connection: socket.socket) -> None:
    """In a child inside the sandbox: give up everything else, and run a kernel to its end."""
    try:
        os.setsid()
        _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), "end with its parent")
        nothing = os.open("/dev/null", os.O_RDWR)
        for target, source in ((0, nothing), (1, nothing), (2, errors)):
            os.dup2(source, target)
        answers = connection.detach()
        if answers != _ANSWERS:
            os.dup2(answers, _ANSWERS, inheritable=False)
        os.closerange(_ANSWERS + 1, 1 << 20)
        os.chdir(request["home"])
        os.umask(0o022)
        _drop_privileges()
        _filter_calls(base64.b64decode(request["seccomp"]))
        _renew(request)
        with socket.socket(fileno=_ANSWERS) as answer:
            answer.send(b"{}")
    except BaseException as error:  # noqa: BLE001 - whoever asked has to hear of it
        with contextlib.suppress(OSError):
            os.write(_ANSWERS, json.dumps({"trouble": str(error)}).encode())
        os._exit(1)
    _run_kernel(request["arguments"])


def _run_kernel(arguments: list[str]) -> None:
    code = 1
    try:
        from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415 - imported long ago

        IPKernelApp.launch_instance(argv=arguments)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(bool(error.code))
    except BaseException:  # noqa: BLE001 - as the interpreter itself would
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _limit(which: int, value: int) -> None:
    import resource  # noqa: PLC0415 - not on every system

    _, hard = resource.getrlimit(which)
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (most, most))


def _drop_privileges() -> None:
    """Give up every capability, and the way to get one."""
    for capability in range(_MOST_CAPABILITIES):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) and ctypes.get_errno():
            break  # there is none of this number
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()), "give up its capabilities")
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "refuse new privileges")
    # Entering a user namespace took it away; the grader counts the kernel's memory by it.
    _checked(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "be looked at by the grader")


def _filter_calls(program: bytes) -> None:
    if not program:
        return
    kept = ctypes.create_string_buffer(program, len(program))
    described = _Filter(len(program) // _BPF_INSTRUCTION, ctypes.addressof(kept))
    done = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described), 0, 0)
    _checked(done, "filter its system calls")


def _renew(request: dict[str, Any]) -> None:
    """What a process that has just been started would have of its own."""
    kept = {name: os.environ[name] for name in _SET_BY_LIBRARIES if name in os.environ}
    os.environ.clear()
    os.environ.update({**kept, **request["env"]})
    sys.argv = ["ipykernel_launcher", *request["arguments"]]
    sys.path[:] = [*request["path"], *(each for each in sys.path if each not in request["path"])]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    numpy, torch = map(sys.modules.get, ("numpy", "torch"))
    if numpy is not None:
        numpy.random.seed()
    if torch is not None:
        torch.seed()
        torch.set_num_threads(_threads("OMP_NUM_THREADS", request["processors"]))
    if _pools:
        for_all = _threads("OMP_NUM_THREADS", request["processors"])
        _pools[0].limit(limits=_threads("OPENBLAS_NUM_THREADS", for_all), user_api="blas")


def _threads(variable: str, otherwise: int) -> int:
    asked_for = os.environ.get(variable, "")
    return int(asked_for) if asked_for.isdigit() and int(asked_for) else otherwise


def _checked(result: int, doing: str) -> None:
    if result:
        number = ctypes.get_errno()
        name = errno.errorcode.get(number, str(number))
        raise OSError(number, f"it could not {doing}: {os.strerror(number)} ({name})")


if __name__ == "__main__":
    main()
