from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from workshop import __version__, student_kit
from workshop.errors import WorkshopError
from workshop.grading.held_out import load_held_out

ROOT = Path(__file__).parents[2]
ENGINE = ("authoring", "grading", "verify", "cli.py", "course.py", "demo.py", "student_kit.py")
# What the notebooks do first. Run with -I and from an empty folder, so that nothing but the
# installed package and the libraries can be found.
STUDENT = """
import sys
installed, repository = sys.argv[1:]
# A development installation puts the repository on the path.
sys.path[:] = [installed] + [each for each in sys.path if each != repository]
import checks, workshop
from workshop import assets, learn
for package in (checks, workshop, assets, learn):
    assert package.__file__.startswith(installed), package.__file__
try:
    import workshop.grading
except ModuleNotFoundError:
    pass
else:
    raise AssertionError("the engine is visible")
model = assets.load_source_model("efficientnet_lite0", num_classes=2, seed=1).eval()
data = assets.load_target_data("solar_cells", per_class=2, size=64)
texts = assets.load_target_data("short_texts", per_class=2)
print(tuple(model(data.inputs()).shape), len(texts), assets._student_files.student_folder())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return student_kit.build(tmp_path_factory.mktemp("kit") / "dist")


def _members(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.slow
def test_it_cannot_be_taken_for_the_whole_package(wheel: Path) -> None:
    name = f"transfer_learning_workshop_student-{__version__}-py3-none-any.whl"
    assert wheel.name == name


@pytest.mark.slow
def test_it_holds_what_students_need_and_nothing_else(wheel: Path) -> None:
    members = set(_members(wheel))
    tops = {each.partition("/")[0].rpartition(".")[2] for each in members}
    assert tops == {"checks", "workshop", "data", "dist-info"}
    share = f"{wheel.name.removesuffix('-py3-none-any.whl')}.data/data/share"
    for name in ("solar_cells.npz", "short_texts.npz", "manifest.json", "cards/solar_cells.md"):
        assert f"{share}/transfer-learning-workshop/{name}" in members
    for folder in ("checks", "workshop/assets", "workshop/learn"):
        for path in (ROOT / folder).rglob("*.py"):
            assert path.relative_to(ROOT).as_posix() in members
    assert not [each for each in members if each.startswith(tuple(f"workshop/{e}" for e in ENGINE))]
    assert not [each for each in members if "calibration" in each or "wrong/" in each]


@pytest.mark.slow
def test_it_brings_the_form_for_quizzes_to_where_jupyterlab_looks(wheel: Path) -> None:
    lies_in = "data/share/jupyter/labextensions/transfer-learning-workshop/"
    brought = {each.partition(lies_in)[2]: each for each in _members(wheel) if lies_in in each}
    assert {"package.json", "static/quiz.js"} == set(brought)
    with zipfile.ZipFile(wheel) as archive:
        about = json.loads(archive.read(brought["package.json"]))
        assert (
            archive.read(brought["static/quiz.js"])
            == (ROOT / "packaging/labextension/static/quiz.js").read_bytes()
        )
    assert about["jupyterlab"]["_build"]["load"] == "static/quiz.js"
    assert about["version"] == __version__


@pytest.mark.slow
def test_no_held_out_text_is_in_any_of_its_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        code = b"\n".join(archive.read(each) for each in archive.namelist() if each.endswith(".py"))
    data = load_held_out(part="held_out", size=128, balanced=False)
    secrets = [*load_held_out("short_texts", balanced=False).texts, *data.ids]
    assert not [each for each in secrets if len(each) > 15 and each.encode() in code]


@pytest.mark.slow
def test_it_works_where_the_repository_is_not_seen(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    options = ["--target", str(installed), "--no-deps", "--no-index", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options]
    subprocess.run([*command, str(wheel)], check=True)
    done = subprocess.run(
        [sys.executable, "-I", "-c", STUDENT, str(installed), str(ROOT)],
        cwd=tmp_path,
        env={"WORKSHOP_DATA": str(installed / "share" / "transfer-learning-workshop")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(4, 2) 6 ")


def test_its_dependencies_are_those_of_the_project() -> None:
    wanted = [
        set(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"])
        for path in (ROOT / "packaging" / "student" / "pyproject.toml", ROOT / "pyproject.toml")
    ]
    assert wanted[0] < wanted[1]


@pytest.mark.parametrize(
    "member",
    [
        "workshop/grading/held_out.py",
        "workshop/cli.py",
        "workshop/assets/calibration.json",
        "checks/notes.ipynb",
        "source/x.py",
        "x.data/data/share/other/file.json",
        "x.data/scripts/run",
    ],
)
def test_a_foreign_file_is_refused(member: str, tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("checks/__init__.py", "")
        archive.writestr(member, "")
    with pytest.raises(WorkshopError, match="students must not get") as caught:
        student_kit.refuse_foreign_members(path)
    assert member in str(caught.value)


def test_without_a_checkout_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student_kit, "ROOT", tmp_path)
    with pytest.raises(WorkshopError, match="checkout of the project"):
        student_kit.build(tmp_path)


def test_a_builder_that_fails_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[build-system]\nrequires = []\n")
    with pytest.raises(WorkshopError, match="could not be built"):
        student_kit._wheel(tmp_path, tmp_path / "built")
