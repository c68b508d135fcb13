"""Renew the hashed lock files from pyproject.toml: ``make lock``.

The output names packages, versions and hashes only, no registry: each site resolves them with the
index that its own pip or uv is configured for.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"


def compile_lock(output, *sources, options=()):
    subprocess.run(
        [
            "uv",
            "pip",
            "compile",
            "--universal",
            "--generate-hashes",
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--no-annotate",
            "--python-version=3.11",
            "--custom-compile-command=make lock",
            f"--output-file={output}",
            "--quiet",
            *options,
            *sources,
        ],
        cwd=ROOT,
        check=True,
    )


def main():
    upgrade = ["--upgrade"] if "--upgrade" in sys.argv else []
    compile_lock(REQUIREMENTS / "locked.txt", "pyproject.toml", options=["--group=dev", *upgrade])
    for name in ("no-deps", "installer"):
        compile_lock(
            REQUIREMENTS / f"{name}.txt",
            str(REQUIREMENTS / f"{name}.in"),
            options=["--no-deps", *upgrade],
        )


if __name__ == "__main__":
    main()
