from __future__ import annotations

import base64
import io
import json
import pickle
import random
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode

from workshop.authoring.build import build, compile_notebook, load_cells
from workshop.authoring.confidential import LeakKind, Secrets, label_secret, secrets_of
from workshop.authoring.leaks import Leak, scan_folder, scan_release
from workshop.authoring.matching import Matcher
from workshop.authoring.notebook import dumps
from workshop.authoring.regions import visible
from workshop.course import Course
from workshop.errors import WorkshopError

v4: Any = nbformat.v4

LABELS = random.Random(3).choices([0, 1], k=200)
KEY = "quiz 1, question 4: b and d"

SECRETS = {
    LeakKind.SOLUTION: "    twice_the_value = value * 2",
    LeakKind.HIDDEN_TEST: (
        'scores = {"double.small": double(2) == 4, "double.negative": double(-7) == -14}'
    ),
    LeakKind.MARK_SCHEME: "Two points for the counterexample with the number five.",
    LeakKind.THRESHOLD: "passes from 0.8137 on",
    LeakKind.LABELS: json.dumps(LABELS[30:130]),
    LeakKind.SECRET: KEY,
}


@pytest.fixture
def released(tiny_course: Course) -> NotebookNode:
    """What students of the tiny course should get, made without nbgrader."""
    notebook = compile_notebook(tiny_course, "small", "doubling")
    for cell, source in zip(
        notebook.cells, load_cells(tiny_course, "small", "doubling"), strict=True
    ):
        cell.source = visible(source.source, is_code=source.cell_type == "code")
    write(tiny_course, notebook)
    return notebook


def write(course: Course, notebook: NotebookNode) -> None:
    path = course.release_notebook("small", "doubling")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps(notebook), encoding="utf-8")


def scan(course: Course) -> list[Leak]:
    return scan_release(course, labels={"held out": LABELS}, secrets={"quiz 1": KEY})


def kinds(leaks: list[Leak]) -> set[LeakKind]:
    return {leak.kind for leak in leaks}


@pytest.mark.usefixtures("quick_gradebooks")
def test_a_release_that_was_built_is_clean(tiny_course: Course) -> None:
    build(tiny_course)
    assert scan(tiny_course) == []


def test_a_release_without_secrets_is_clean(tiny_course: Course, released: NotebookNode) -> None:
    assert len(released.cells) == 8
    assert scan(tiny_course) == []


def in_code(notebook: NotebookNode, text: str) -> None:
    notebook.cells[3].source += f"\n# {text}"


def in_prose(notebook: NotebookNode, text: str) -> None:
    notebook.cells[0].source += f"\n\n<!-- {text} -->"


def in_printed_output(notebook: NotebookNode, text: str) -> None:
    notebook.cells[3].outputs = [v4.new_output("stream", text=text)]


def in_displayed_output(notebook: NotebookNode, text: str) -> None:
    data = {"text/html": f"<b>{text}</b>"}
    notebook.cells[3].outputs = [v4.new_output("display_data", data=data)]


def in_traceback(notebook: NotebookNode, text: str) -> None:
    output = v4.new_output("error", ename="E", evalue="", traceback=["----> 1", text])
    notebook.cells[3].outputs = [output]


def in_attachment(notebook: NotebookNode, text: str) -> None:
    picture = base64.b64encode(b"\x89PNG" + text.encode()).decode()
    notebook.cells[0].attachments = {"figure.png": {"image/png": picture}}


def in_cell_metadata(notebook: NotebookNode, text: str) -> None:
    notebook.cells[2].metadata["workshop"]["hint"] = text


def in_notebook_metadata(notebook: NotebookNode, text: str) -> None:
    notebook.metadata["widgets"] = {"state": [1, {"value": text}]}


PLACES: dict[str, Callable[[NotebookNode, str], None]] = {
    "source": in_code,
    "prose": in_prose,
    "printed": in_printed_output,
    "displayed": in_displayed_output,
    "traceback": in_traceback,
    "attachment": in_attachment,
    "cell metadata": in_cell_metadata,
    "notebook metadata": in_notebook_metadata,
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("place", PLACES)
def test_each_kind_of_secret_is_found_in_each_place(
    tiny_course: Course, released: NotebookNode, kind: LeakKind, place: str
) -> None:
    PLACES[place](released, SECRETS[kind])
    write(tiny_course, released)
    leaks = scan(tiny_course)
    assert kinds(leaks) == {kind}
    assert all(leak.path == PurePosixPath("small/doubling.ipynb") for leak in leaks)
    if place != "notebook metadata":
        assert all(leak.where.startswith("cell ") for leak in leaks)


_ROT13 = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM",
)

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "hex": lambda data: data.hex().encode(),
    "base85": base64.b85encode,
    "base64 of zlib": lambda data: base64.b64encode(zlib.compress(data)),
    "hex of zlib": lambda data: zlib.compress(data).hex().encode(),
    "repr of zlib": lambda data: repr(zlib.compress(data)).encode(),
    "base64 of pickle": lambda data: base64.b64encode(pickle.dumps({"key": data.decode()})),
    "reversed": lambda data: data[::-1],
    "rot13": lambda data: data.decode().translate(_ROT13).encode(),
    "character codes": lambda data: str(list(data)).encode(),
    "pieces": lambda data: b'"' + b'" + "'.join([data[:11], data[11:]]) + b'"',
    "lines": lambda data: b"\n# ".join([data[:12], data[12:]]),
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_kind_of_secret_is_found_in_each_encoding(
    tiny_course: Course, released: NotebookNode, kind: LeakKind, encoding: str
) -> None:
    wrapped = ENCODINGS[encoding](SECRETS[kind].encode()).decode()
    if encoding == "lines" and kind is LeakKind.THRESHOLD:
        wrapped = SECRETS[kind]  # a number is not cut in two
    in_code(released, f"data = {wrapped}")
    write(tiny_course, released)
    assert kind in kinds(scan(tiny_course))


def plain_file(text: str) -> dict[str, bytes]:
    return {"data.txt": text.encode()}


def zip_in_zip(text: str) -> dict[str, bytes]:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep.txt", text)
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.zip", inner.getvalue())
    return {"data.zip": outer.getvalue()}


def compressed_tar(text: str) -> dict[str, bytes]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("notes.txt")
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
    return {"data.tar.gz": packed.getvalue()}


def picture_comment(text: str) -> dict[str, bytes]:
    return {"figure.png": b"\x89PNG\r\n\x1a\n" + bytes(50) + b"tEXtComment\0" + text.encode()}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("make", [plain_file, zip_in_zip, compressed_tar, picture_comment])
def test_each_kind_of_secret_is_found_in_other_files(
    tiny_course: Course,
    released: NotebookNode,
    kind: LeakKind,
    make: Callable[[str], dict[str, bytes]],
) -> None:
    assert released.cells
    release_files(tiny_course, make(SECRETS[kind]))
    assert kinds(scan(tiny_course)) == {kind}


def release_files(course: Course, files: dict[str, bytes]) -> None:
    folder = course.source / "small"
    (folder / "release.txt").write_text("\n".join(files) + "\n")
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (course.release / "small" / name).write_bytes(content)


def saved(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def saved_compressed(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, labels=array)
    return stream.getvalue()


LABEL_FILES: dict[str, Callable[[], dict[str, bytes]]] = {
    "a column of a table": lambda: {
        "t.csv": "\n".join(f"{n},img{n}.png,{y}" for n, y in enumerate(LABELS)).encode()
    },
    "records": lambda: {
        "t.json": json.dumps([{"id": n, "y": y} for n, y in enumerate(LABELS)]).encode()
    },
    "one word": lambda: {"t.txt": "".join(map(str, LABELS)).encode()},
    "floats": lambda: {"t.txt": " ".join(f"{y:.1f}" for y in LABELS).encode()},
    "swapped": lambda: {"t.txt": str([1 - y for y in LABELS]).encode()},
    "an array of bytes": lambda: {"t.npy": saved(np.array(LABELS, np.uint8))},
    "an array of whole numbers": lambda: {"t.npy": saved(np.array(LABELS))},
    "an array of floats": lambda: {"t.npy": saved(np.array(LABELS, np.float32))},
    "a compressed array": lambda: {"t.npz": saved_compressed(np.array(LABELS))},
    "packed bits": lambda: {"t.npy": saved(np.packbits(np.array(LABELS, np.uint8)))},
    "a column of an array": lambda: {
        "t.npy": saved(np.stack([np.arange(200), np.array(LABELS)], axis=1))
    },
}


@pytest.mark.parametrize("form", LABEL_FILES)
def test_held_out_labels_are_found_in_every_form(
    tiny_course: Course, released: NotebookNode, form: str
) -> None:
    assert released.cells
    release_files(tiny_course, LABEL_FILES[form]())
    assert kinds(scan(tiny_course)) == {LeakKind.LABELS}


def test_other_labels_are_no_leak(tiny_course: Course, released: NotebookNode) -> None:
    other = random.Random(4).choices([0, 1], k=5000)
    in_printed_output(released, str(other) + "\n" + "".join(map(str, other)))
    write(tiny_course, released)
    release_files(tiny_course, {"t.npy": saved(np.array(other)), "z.npy": saved(np.zeros(5000))})
    assert scan(tiny_course) == []


@pytest.mark.parametrize(
    "text",
    ["81.37 %", "at least .8137", "0.81370", "accuracy >= 0.814", "THRESHOLD = 0.8137"],
)
def test_a_threshold_is_found_however_it_is_written(
    tiny_course: Course, released: NotebookNode, text: str
) -> None:
    in_code(released, text)
    write(tiny_course, released)
    assert kinds(scan(tiny_course)) == {LeakKind.THRESHOLD}


@pytest.mark.parametrize("text", ["10.8137", "0.81375", "181.37", "8137"])
def test_another_number_is_no_threshold(
    tiny_course: Course, released: NotebookNode, text: str
) -> None:
    in_code(released, text)
    write(tiny_course, released)
    assert scan(tiny_course) == []


def test_long_words_take_no_time() -> None:
    matcher = Matcher(Secrets(labels=(label_secret("held out", LABELS),)))
    started = time.perf_counter()
    assert list(matcher.find(b"x = '" + b"a" * 200_000 + b"'\n" * 30)) == []
    assert time.perf_counter() - started < 5


def test_a_marker_alone_is_a_leak(tiny_course: Course, released: NotebookNode) -> None:
    in_code(released, "## BEGIN HIDDEN TESTS")
    write(tiny_course, released)
    assert kinds(scan(tiny_course)) == {LeakKind.MARKER}


def test_the_source_notebook_in_place_of_the_release_is_found(tiny_course: Course) -> None:
    write(tiny_course, compile_notebook(tiny_course, "small", "doubling"))
    assert kinds(scan(tiny_course)) == {
        LeakKind.MARKER,
        LeakKind.SOLUTION,
        LeakKind.HIDDEN_TEST,
        LeakKind.MARK_SCHEME,
    }


def test_a_solution_of_another_assignment_is_found(
    tiny_course: Course, released: NotebookNode
) -> None:
    path = tiny_course.text("other", "tripling")
    path.parent.mkdir()
    path.write_text(
        '# %% solution="triple"\n### BEGIN SOLUTION\nthree_times_the_value = 3\n### END SOLUTION\n'
    )
    in_prose(released, "three_times_the_value = 3")
    write(tiny_course, released)
    (leak,) = scan(tiny_course)
    assert leak.kind is LeakKind.SOLUTION
    assert "triple" in leak.name


def test_a_solution_that_is_given_code_here_is_no_leak(
    tiny_course: Course, released: NotebookNode
) -> None:
    path = tiny_course.text("later", "given")
    path.parent.mkdir()
    given = "def double(value):\n    twice_the_value = value * 2\n    return twice_the_value"
    path.write_text(f'# %% locked="given"\n{given}\n')
    notebook = v4.new_notebook(cells=[v4.new_code_cell(given)])
    folder = tiny_course.release / "later"
    folder.mkdir()
    (folder / "given.ipynb").write_text(dumps(notebook))
    assert released.cells
    assert scan(tiny_course) == []


def test_a_file_that_nobody_named_is_found(tiny_course: Course, released: NotebookNode) -> None:
    assert released.cells
    (tiny_course.release / "small" / "notes.txt").write_text("hello")
    (tiny_course.release / "small" / "run.py").write_text("print(1)")
    (tiny_course.release / "top.txt").write_text("hello")
    leaks = scan(tiny_course)
    assert kinds(leaks) == {LeakKind.UNEXPECTED}
    assert [str(leak.path) for leak in leaks] == ["small/notes.txt", "small/run.py", "top.txt"]
    assert "script" in leaks[1].name


def test_a_link_is_not_followed_but_found(tiny_course: Course, released: NotebookNode) -> None:
    assert released.cells
    link = tiny_course.release / "small" / "link.txt"
    link.symlink_to(tiny_course.text("small", "doubling"))
    assert kinds(scan(tiny_course)) == {LeakKind.UNEXPECTED, LeakKind.UNREADABLE}


@pytest.mark.parametrize(
    "content", [b"", b"no notebook", b'{"cells": 3}', b'{"cells": [3]}', b"[]"]
)
def test_a_notebook_that_cannot_be_read_is_no_clean_one(
    tiny_course: Course, released: NotebookNode, content: bytes
) -> None:
    assert released.cells
    tiny_course.release_notebook("small", "doubling").write_bytes(content)
    assert LeakKind.UNREADABLE in kinds(scan(tiny_course))


def test_a_secret_in_a_broken_notebook_is_found_all_the_same(
    tiny_course: Course, released: NotebookNode
) -> None:
    assert released.cells
    path = tiny_course.release_notebook("small", "doubling")
    path.write_text('{"cells": [ "' + SECRETS[LeakKind.SOLUTION])
    assert LeakKind.SOLUTION in kinds(scan(tiny_course))


def test_an_encrypted_archive_is_reported(tiny_course: Course, released: NotebookNode) -> None:
    assert released.cells
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "x" * 20)
    content = bytearray(packed.getvalue())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(magic) + offset] |= 1  # the flag that says "encrypted"
    release_files(tiny_course, {"data.zip": bytes(content)})
    (leak,) = scan(tiny_course)
    assert leak.kind is LeakKind.UNREADABLE
    assert leak.where == "member a.txt"


def test_only_the_named_assignments_are_looked_at(
    tiny_course: Course, released: NotebookNode
) -> None:
    path = tiny_course.text("other", "tripling")
    path.parent.mkdir()
    path.write_text("# %%\nx = 1\n")
    in_prose(released, SECRETS[LeakKind.SOLUTION])
    write(tiny_course, released)
    assert scan_release(tiny_course, ["other"]) == []
    assert scan_release(tiny_course, ["small"])
    with pytest.raises(WorkshopError, match="no assignment 'smal'"):
        scan_release(tiny_course, ["smal"])


def test_a_course_without_a_release_has_no_leak(tiny_course: Course) -> None:
    assert scan(tiny_course) == []


def test_a_leak_says_where_and_what_but_not_the_secret(
    tiny_course: Course, released: NotebookNode
) -> None:
    in_code(released, base64.b64encode(SECRETS[LeakKind.SOLUTION].encode()).decode())
    write(tiny_course, released)
    (leak,) = scan(tiny_course)
    assert leak.where == "cell 4 (double-1)"
    assert leak.encoding == "base64"
    assert str(leak) == (
        "small/doubling.ipynb: cell 4 (double-1): solution:"
        " solution of double (source/small/doubling.py:13) [base64]"
    )
    assert "twice" not in str(leak)


def test_any_folder_can_be_scanned(tiny_course: Course, tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "a.py").write_text(SECRETS[LeakKind.SOLUTION])
    (tmp_path / "kit" / "b.py").write_text("nothing")
    secrets = secrets_of(tiny_course)
    assert [str(leak.path) for leak in scan_folder(tmp_path / "kit", secrets)] == ["a.py"]
    assert scan_folder(tmp_path / "kit", secrets, only={PurePosixPath("b.py")}) == []
