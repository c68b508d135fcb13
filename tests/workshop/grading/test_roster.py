from __future__ import annotations

from pathlib import Path

import pytest

from workshop.errors import WorkshopError
from workshop.grading.roster import Person, Roster, load_roster

CSV = """\
student,name,canvas_id,sis_user_id,sis_login_id,section,idnumber,email
ada,"Lovelace, Ada",101,S1,al,A,0042,ada@example.org

bob,Bob Ü,102,S2,,,,
"""
YAML = """\
ada:
  name: Lovelace, Ada
  canvas_id: 101
  sis_user_id: S1
  sis_login_id: al
  section: A
  idnumber: 0042
  email: ada@example.org
bob: {name: Bob Ü, canvas_id: 102, sis_user_id: S2, email: }
"""
ADA = ("Lovelace, Ada", "101", "S1", "al", "A", "0042", "ada@example.org")


def roster(folder: Path, text: str, name: str = "students.csv") -> Roster:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_roster(path)


@pytest.mark.parametrize(
    ("text", "name", "lines"),
    [
        (CSV, "s.csv", (2, 4)),
        (YAML, "s.yaml", (1, 9)),
        ("\ufeff" + CSV.replace(",", ";").replace("Lovelace;", "Lovelace,"), "excel.csv", (2, 4)),
        (CSV.replace('"Lovelace, Ada"', "Lovelace\\ Ada").replace(",", "\t"), "tabs.txt", (2, 4)),
    ],
)
def test_ids_are_texts_whatever_the_file_is_written_in(
    tmp_path: Path, text: str, name: str, lines: tuple[int, int]
) -> None:
    found = roster(tmp_path, text, name)
    ada = ("Lovelace\\ Ada", *ADA[1:]) if name == "tabs.txt" else ADA
    assert found.problems == ()
    assert found.people == {
        "ada": Person("ada", lines[0], *ada),
        "bob": Person("bob", lines[1], "Bob Ü", "102", "S2"),
    }


WRONG = """\
student,canvas_id,email,sis_userid
ada,1,a@x.org,
bob,2,A@X.ORG,
cy,3,c@x.org,,more
cy,4,d@x.org,
,5,e@x.org,
eve,6,f@x.org,
"""


def test_each_fault_is_told_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    found = roster(tmp_path, WRONG)
    assert [*found.people] == ["eve"]
    assert found.named == {"ada", "bob", "cy", "", "eve"}
    lines = [each.removeprefix(str(found.path)).split(":")[1] for each in found.problems]
    # A column of that name, two emails that are the same, a field too many, cy twice, nobody.
    assert lines == ["1", "2", "3", "4", "4", "5", "6"]
    assert "sis_userid" in found.problems[0]
    assert "ada, bob" in found.problems[1]


WRONG_YAML = """\
ada:
  sis: 3
  canvas_id: 7
bob: 12
cy:
  email: [c@x.org]
eve: {canvas_id: 8}
eve: {canvas_id: 9}
"""


def test_yaml_too(tmp_path: Path) -> None:
    found = roster(tmp_path, WRONG_YAML, "s.yml")
    assert {name: each.canvas_id for name, each in found.people.items()} == {"ada": "7", "cy": ""}
    lines = [each.removeprefix(str(found.path)).split(":")[1] for each in found.problems]
    assert lines == ["2", "4", "6", "7", "8"]


@pytest.mark.parametrize(
    ("content", "name", "what", "where"),
    [
        (b"name,email\nAda,a@x.org\n", "s.csv", "no column 'student'", ":1"),
        (b"", "s.csv", "no column 'student'", ":1"),
        (b'student,email\nada,"a@x.org\n', "s.csv", "not valid CSV", ":2"),
        (b"student\n\xff\n", "s.csv", "UTF-8", ""),
        (b"ada: [\n", "s.yaml", "not valid YAML", ":2"),
        (b"- ada\n", "s.yaml", "no mapping", ":1"),
        (b"a: \x00", "s.yaml", "not valid YAML", ""),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_an_error(
    tmp_path: Path, content: bytes, name: str, what: str, where: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WorkshopError, match=what) as caught:
        load_roster(path)
    assert caught.value.where == f"{path}{where}"
    assert caught.value.remedy


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="cannot be read"):
        load_roster(tmp_path / "none.csv")
