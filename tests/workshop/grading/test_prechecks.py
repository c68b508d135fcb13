from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workshop.grading.prechecks import (
    RejectedSubmission,
    check_folder,
    read_notebook,
    rename_hint,
)


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "p1.ipynb"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def a_notebook(**cell: Any) -> str:
    whole = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": [], **cell}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [whole]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        (a_notebook()[:-20], "cut off"),
        ("{'cells': []}", "broken at line 1"),
        ("my homework", "not JSON"),
        (b"\x89PNG\xff\xfe", "not even text"),
        ("[1, 2]", "no notebook"),
        ('{"a": 1}', "no notebook"),
        ('{"cells": [], "nbformat": 5}', "format 5"),
        ('{"cells": [], "nbformat": "4"}', "format '4'"),
        ('{"cells": {}, "nbformat": 4}', "cells are broken"),
        (a_notebook(cell_type="heading"), "cell 1 is broken"),
        (a_notebook(source=3), "cell 1 is broken"),
        (a_notebook(source=["a", 3]), "cell 1 is broken"),
        (a_notebook(metadata=[]), "cell 1 is broken"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_rejected_with_file_and_remedy(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(RejectedSubmission, match=said) as caught:
        read_notebook(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_a_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RejectedSubmission, match="No such file"):
        read_notebook(tmp_path / "p1.ipynb")


def test_outputs_are_dropped_and_the_rest_is_kept(tmp_path: Path) -> None:
    notebook = new_notebook(
        cells=[
            new_code_cell("1", outputs=[new_output("stream", text="1")], metadata={"tags": ["a"]}),
            new_markdown_cell("# t", attachments={"a.png": {"image/png": "QQ=="}}),
        ]
    )
    read = read_notebook(written(tmp_path, json.dumps(notebook)))
    nbformat.validate(read)
    assert [cell.source for cell in read.cells] == ["1", "# t"]
    assert read.cells[0].outputs == []
    assert read.cells[0].metadata == {"tags": ["a"]}
    assert read.cells[1].attachments == {"a.png": {"image/png": "QQ=="}}


def test_a_byte_order_mark_and_lines_in_a_list_are_fine(tmp_path: Path) -> None:
    text = "\ufeff" + a_notebook(source=["a\n", "b"])
    assert read_notebook(written(tmp_path, text)).cells[0].source == "a\nb"


def test_copied_cells_get_ids_of_their_own(tmp_path: Path) -> None:
    cell = json.loads(a_notebook())["cells"][0] | {"id": "same"}
    text = json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell, cell]})
    read = read_notebook(written(tmp_path, text))
    nbformat.validate(read)
    assert read.cells[0].id != read.cells[1].id


def test_format_3_is_upgraded(tmp_path: Path) -> None:
    cell = {
        "cell_type": "code",
        "input": "x = 1",
        "language": "python",
        "metadata": {"nbgrader": {"grade_id": "x"}},
        "outputs": [{"output_type": "broken"}],
        "collapsed": False,
    }
    sheet = {"cells": [cell], "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}
    read = read_notebook(written(tmp_path, json.dumps(old)))
    nbformat.validate(read)
    assert read.nbformat == 4
    assert read.cells[0].source == "x = 1"
    assert read.cells[0].metadata.nbgrader.grade_id == "x"


def test_a_folder_with_the_notebook_passes(tmp_path: Path) -> None:
    written(tmp_path, a_notebook())
    (tmp_path / "timestamp.txt").write_text("2026-01-31 12:00:00 UTC")
    check_folder(tmp_path, ["p1", "p2"])


def test_a_file_instead_of_a_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RejectedSubmission, match="a file where"):
        check_folder(written(tmp_path, ""), ["p1"])


def test_what_is_no_regular_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "p1.ipynb").write_text("{}")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RejectedSubmission, match="pipes, sockets") as caught:
        check_folder(tmp_path, ["p1"])
    assert caught.value.where == str(tmp_path / "pipe")


def test_symbolic_links_are_rejected(tmp_path: Path) -> None:
    written(tmp_path, a_notebook())
    (tmp_path / "data").symlink_to("/etc/hostname")
    with pytest.raises(RejectedSubmission, match="symbolic links"):
        check_folder(tmp_path, ["p1"])


def test_another_name_is_rejected_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "p1 (1).ipynb").write_text(a_notebook())
    with pytest.raises(RejectedSubmission, match=r"no notebook p1\.ipynb") as caught:
        check_folder(tmp_path, ["p1"])
    assert caught.value.remedy == "rename p1 (1).ipynb to p1.ipynb"


def test_a_broken_time_of_submission_is_rejected(tmp_path: Path) -> None:
    written(tmp_path, a_notebook())
    (tmp_path / "timestamp.txt").write_text("yesterday")
    with pytest.raises(RejectedSubmission, match="'yesterday' is no time"):
        check_folder(tmp_path, ["p1"])


def test_no_hint_without_a_likely_file() -> None:
    assert rename_hint([], ["p1"]) == ""
    assert rename_hint(["zzz", "yyy"], ["p1", "p2"]) == ""


def test_metadata_of_the_wrong_shape_stops_nobody(tmp_path: Path) -> None:
    whole = json.loads(a_notebook(metadata={"tags": "not a list", "collapsed": 3}))
    whole["metadata"] = {"kernelspec": {"name": 3}}
    assert read_notebook(written(tmp_path, json.dumps(whole))).cells[0].source == "x = 1"
