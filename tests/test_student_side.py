"""What students get may import only what students have."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECKS = {"checks", "torch", "numpy", "safetensors", "scipy", "IPython"}
ASSETS = {"huggingface_hub", "numpy", "timm", "torch", "torchvision", "tqdm", "transformers"}
LEARN = {"matplotlib", "numpy", "pandas", "safetensors", "sklearn", "torch", "tqdm"}
RECALL = {"blake3", "cryptography", "timm", "torch"}
OWN = {"workshop.assets", "workshop.learn"}


def _imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            assert node.module
            # 'from workshop import x' imports the module workshop.x.
            inside = node.module == "workshop"
            yield from (
                (node.lineno, f"workshop.{each.name}" if inside else node.module)
                for each in node.names
            )


def _foreign(path: Path, allowed: set[str]) -> list[str]:
    found = []
    for line, name in _imported(path):
        top = name.partition(".")[0]
        own = any(name == each or name.startswith(f"{each}.") for each in OWN)
        known = own if top == "workshop" else top in allowed | sys.stdlib_module_names
        if not known:
            found.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    return found


def _modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_checks_import_only_what_every_student_has() -> None:
    assert [line for path in _modules("checks") for line in _foreign(path, CHECKS)] == []


def test_checks_do_not_import_the_workshop() -> None:
    names = [name for path in _modules("checks") for _, name in _imported(path)]
    assert names
    assert not [name for name in names if name.partition(".")[0] == "workshop"]


def test_what_kernels_recall_with_imports_nothing_else_of_the_workshop() -> None:
    # It runs beside learners' code, though learners do not have it.
    modules = _modules("workshop/recall")
    names = {name for path in modules for _, name in _imported(path)}
    assert not [name for name in names if name.startswith("workshop.") and "recall" not in name]
    own = {name for name in names if name.startswith("workshop.recall")}
    assert own
    foreign = [line for path in modules for line in _foreign(path, RECALL)]
    assert all(any(each in line for each in own) for line in foreign), foreign


def test_assets_import_nothing_else_of_the_workshop() -> None:
    assert [line for path in _modules("workshop/assets") for line in _foreign(path, ASSETS)] == []


def test_learn_imports_nothing_else_of_the_workshop() -> None:
    assert [line for path in _modules("workshop/learn") for line in _foreign(path, LEARN)] == []


def test_the_package_itself_imports_nothing() -> None:
    assert list(_imported(ROOT / "workshop" / "__init__.py")) == []


@pytest.mark.parametrize(
    "line",
    [
        "import workshop.cli",
        "from workshop import grading",
        "from workshop.errors import X",
        "import nbgrader",
    ],
)
def test_a_foreign_import_would_be_found(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(f"def late():\n    {line}\n")
    assert len(_foreign(path, ASSETS)) == 1
