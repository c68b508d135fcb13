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
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from nbformat import NotebookNode

from tests.workshop.authoring.planted import (
    LABELS,
    SECRETS,
    in_code,
    in_prose,
    kinds,
    release_files,
    scan,
    v4,
    write,
)
from workshop.authoring.build import build
from workshop.authoring.confidential import LeakKind, Secrets, label_secret
from workshop.authoring.matching import Matcher
from workshop.course import Course


@pytest.mark.usefixtures("quick_gradebooks")
def test_a_release_that_was_built_is_clean(tiny_course: Course) -> None:
    build(tiny_course)
    assert scan(tiny_course) == []


def test_a_release_without_secrets_is_clean(tiny_course: Course, released: NotebookNode) -> None:
    assert len(released.cells) == 8
    assert scan(tiny_course) == []


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
