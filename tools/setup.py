"""Make the project's virtual environment: ``python tools/setup.py``.

Standard library only, and written so that an old Python can read it far enough to say that it is
too old. Installs the exact, hashed versions of ``requirements/``, with uv where it can be had
(about three times faster) and with plain pip otherwise. Quick when nothing changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
WINDOWS = os.name == "nt"
PYTHON = os.path.join(VENV, "Scripts" if WINDOWS else "bin", "python.exe" if WINDOWS else "python")
STAMP = os.path.join(VENV, "setup.stamp")
LOCKED = os.path.join(ROOT, "requirements", "locked.txt")
NO_DEPS = os.path.join(ROOT, "requirements", "no-deps.txt")
INSTALLER = os.path.join(ROOT, "requirements", "installer.txt")
OLDEST = (3, 11)
GIGABYTES_NEEDED = 10
# Compiled now, as pip does it: a confined kernel sees the environment read-only, and would compile
# what it imports anew for each submission.
UV_OPTIONS = ("pip", "install", "--quiet", "--compile-bytecode", "--python", PYTHON)


def stop(problem, remedy):
    sys.exit("setup: {}\n       {}".format(problem, remedy))


def check_python():
    if sys.version_info[:2] < OLDEST:
        stop(
            "Python {}.{} is too old; the workshop needs {}.{} or newer.".format(
                sys.version_info[0], sys.version_info[1], OLDEST[0], OLDEST[1]
            ),
            "Install a newer Python, then: make setup PYTHON=/path/to/python3",
        )
    try:
        import ensurepip  # noqa: F401, PLC0415 - only asked whether it is there
        import venv  # noqa: F401, PLC0415
    except ImportError:
        stop(
            "this Python ({}) has no venv module.".format(sys.executable),
            "On Debian or Ubuntu: apt install python3-venv; then run make setup again.",
        )


def check_disk():
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < GIGABYTES_NEEDED:
        stop(
            "only {:.1f} GB are free in {}; installing needs {} GB.".format(
                free, ROOT, GIGABYTES_NEEDED
            ),
            "Free some space, or clone the project to a larger disk (on a cluster: scratch).",
        )
    if not os.access(ROOT, os.W_OK):
        stop("cannot write to {}.".format(ROOT), "Clone the project to a folder of your own.")


def fingerprint():
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode() + ROOT.encode())
    for name in (LOCKED, NO_DEPS, os.path.join(ROOT, "pyproject.toml"), __file__):
        with open(name, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def up_to_date():
    if not os.path.exists(STAMP):
        return False
    with open(STAMP) as file:
        return file.read() == fingerprint()


def run(command, what):
    print("setup: " + what, flush=True)
    try:
        subprocess.run(command, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        stop(
            "{} failed ({}).".format(what, error),
            "The lines above say why. No network? Check the proxy and pip's configuration. "
            "To start over: make clean-venv setup",
        )


def works(command):
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def installer():
    """The install command: uv from the PATH, else uv in the environment, else pip."""
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = os.environ.get("WORKSHOP_INSTALLER", "uv")
    if wanted == "pip":
        return pip
    if works(["uv", "--version"]):
        return ["uv", *UV_OPTIONS]
    if works([*pip, "--require-hashes", "-r", INSTALLER]):
        uv = os.path.join(os.path.dirname(PYTHON), "uv")
        return [uv, *UV_OPTIONS]
    return pip


def make_environment():
    new_enough = [PYTHON, "-c", "import sys; assert sys.version_info >= " + repr(OLDEST)]
    if works(new_enough) and works([PYTHON, "-m", "pip", "--version"]):
        return
    run([sys.executable, "-m", "venv", "--clear", VENV], "making .venv")


def main():
    check_python()
    if up_to_date():
        return
    check_disk()
    make_environment()
    install = installer()
    run(
        [*install, "--require-hashes", "-r", LOCKED],
        "installing the locked packages (about 6 GB with CUDA libraries; minutes the first time)",
    )
    run([*install, "--no-deps", "--require-hashes", "-r", NO_DEPS], "installing the language data")
    run(
        [*install, "--no-deps", "--no-build-isolation", "-e", "."],
        "installing the workshop itself",
    )
    run([PYTHON, "-m", "workshop.grading.student_data"], "preparing the students' data")
    with open(STAMP, "w") as file:
        file.write(fingerprint())
    print("setup: done. Next: make demo, or .venv/bin/workshop --help")


if __name__ == "__main__":
    main()
