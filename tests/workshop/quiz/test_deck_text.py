from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation
from pptx.oxml.xmlchemy import OxmlElement
from pptx.util import Inches
from pypdf import PdfReader, PdfWriter
from pypdf.errors import DependencyError

from workshop.errors import WorkshopError
from workshop.quiz import deck_text
from workshop.quiz.deck import Question, find_questions
from workshop.quiz.deck_text import read_deck, slide_of

DECKS = sorted((Path(__file__).parent / "decks").glob("*.txt"))
BLANK = 6  # the layout without placeholders, in python-pptx's own template
TITLE_ONLY = 5


def write_pdf(path: Path, slides: Iterable[list[str]]) -> None:
    """One page for each slide; a blank line leaves a line's room."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    objects.append(
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    pages = []
    for lines in slides:
        height = 15 * len(lines) + 60
        shown = "".join(
            f"BT /F1 12 Tf 40 {height - 40 - 15 * row} Td <{line.encode('cp1252').hex()}> Tj ET\n"
            for row, line in enumerate(lines)
            if line.strip()
        )
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}endstream")
        pages.append(len(objects) + 1)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 900 {height}]"
            f" /Contents {len(objects)} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
    kids = " ".join(f"{number} 0 R" for number in pages)
    objects[1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"
    data, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{text}\nendobj\n".encode("ascii")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    data += f"xref\n0 {size}\n0000000000 65535 f \n{table}".encode("ascii")
    data += f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n".encode("ascii")
    path.write_bytes(data + f"{data.index(b'xref')}\n%%EOF\n".encode("ascii"))


def add_box(slide: Any, text: str, *, left: float = 1, top: float = 1) -> Any:
    box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(0.5))
    box.text_frame.text = text
    return box


def write_pptx(path: Path, slides: Iterable[list[str]]) -> None:
    """One text box for each slide, with a paragraph for each line."""
    deck = Presentation()
    for lines in slides:
        add_box(deck.slides.add_slide(deck.slide_layouts[BLANK]), "\n".join(lines))
    deck.save(str(path))


def slides_in(lines: list[str]) -> list[list[str]]:
    return [slide.split("\n") for slide in "\n".join(lines).split("\f")]


def questions_in(path: Path) -> list[Question]:
    """Without their lines, which differ between kinds of file."""
    return [replace(question, line=0) for question in find_questions(read_deck(path)).questions]


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)
@pytest.mark.parametrize(("ending", "write"), [(".pdf", write_pdf), (".pptx", write_pptx)])
def test_all_kinds_of_file_give_the_same_questions(
    tmp_path: Path, deck: Path, ending: str, write: Any
) -> None:
    path = tmp_path / f"deck{ending}"
    write(path, slides_in(read_deck(deck)))
    assert questions_in(path) == questions_in(deck)
    markdown = tmp_path / "deck.MD"
    markdown.write_bytes(deck.read_bytes())
    assert questions_in(markdown) == questions_in(deck)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("naïve 学".encode(), ["naïve 学"]),
        ("naïve".encode("utf-8-sig"), ["naïve"]),
        (
            "na\u00efve \u2013 \u2022 \u201cx\u201d".encode("cp1252"),
            ["naïve \u2013 \u2022 \u201cx\u201d"],
        ),
        (b"a\r\nb\rc\n\nd\n", ["a", "b", "c", "", "d"]),
        ("a\x0bb\x85c\u2028d\fe".encode(), ["a\x0bb\x85c\u2028d\fe"]),
    ],
)
def test_text_files(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    path = tmp_path / "deck.txt"
    path.write_bytes(data)
    assert read_deck(path) == lines


def test_pages_of_a_pdf_and_slides_are_kept_apart(tmp_path: Path) -> None:
    slides = [["One", "more"], ["Two"], ["Three", "", "more"]]
    write_pdf(tmp_path / "deck.pdf", slides)
    assert read_deck(tmp_path / "deck.pdf") == [
        *("One", "more", "\f", "Two", "\f", "Three", "", "more")
    ]
    write_pptx(tmp_path / "deck.pptx", slides)
    assert read_deck(tmp_path / "deck.pptx") == [
        *("One", "more", "", "\f", "Two", "", "\f", "Three", "", "more", "")
    ]


def test_a_pdf_may_have_pages_without_text(tmp_path: Path) -> None:
    write_pdf(tmp_path / "deck.pdf", [["One"], [""], ["Two"]])
    assert [line for line in read_deck(tmp_path / "deck.pdf") if line] == ["One", "\f", "\f", "Two"]


def test_the_slide_of_a_line() -> None:
    assert [slide_of(["a", "\f", "b", "\fc\f", "d"], line) for line in (1, 3, 4, 5)] == [1, 2, 3, 4]


def test_shapes_are_read_from_top_to_bottom(tmp_path: Path) -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY])
    add_box(slide, "Answer: C", top=6)
    group = slide.shapes.add_group_shape()
    for text, left, top in [("D) d", 5, 4), ("B) b", 5, 3), ("A) a", 1, 3.05), ("C) c", 1, 4.02)]:
        box = group.shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(0.4))
        box.text_frame.text = text
    add_box(slide, "Question 1: Which\vof them?", top=2)
    slide.shapes.title.text = "Quick Quiz!"
    slide.notes_slide.notes_text_frame.text = "Answer: B"
    deck.save(str(tmp_path / "deck.pptx"))
    assert [line for line in read_deck(tmp_path / "deck.pptx") if line] == [
        *("Quick Quiz!", "Question 1: Which", "of them?"),
        *("A) a", "B) b", "C) c", "D) d", "Answer: C"),
    ]


def test_tables_are_read_row_by_row(tmp_path: Path) -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    add_box(slide, "Question 1: Which part is new?", top=0.2)
    table = slide.shapes.add_table(3, 2, Inches(1), Inches(1), Inches(6), Inches(2)).table
    for row, texts in enumerate([("A)", "the head"), ("B)", "the backbone"), ("Answer: A", "")]):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    deck.save(str(tmp_path / "deck.pptx"))
    (question,) = questions_in(tmp_path / "deck.pptx")
    assert question.options == (("A", "the head"), ("B", "the backbone"))
    assert question.answer == "A"


def test_letters_that_powerpoint_writes_itself(tmp_path: Path) -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    box = add_box(slide, "Question 1: Which part is new?\nthe head\nthe backbone\n\nAnswer: B")
    for paragraph in box.text_frame.paragraphs[1:3]:
        numbering = OxmlElement("a:buAutoNum")
        numbering.set("type", "alphaUcParenR")
        paragraph._p.get_or_add_pPr().append(numbering)
    deck.save(str(tmp_path / "deck.pptx"))
    (question,) = questions_in(tmp_path / "deck.pptx")
    assert question.options == (("A", "the head"), ("B", "the backbone"))


def write_encrypted(path: Path, password: str) -> None:
    write_pdf(path, [["Quick Quiz!"]])
    writer = PdfWriter(clone_from=PdfReader(path))
    writer.encrypt(password, "owner", algorithm="RC4-128")
    writer.write(path)


def test_a_pdf_that_opens_without_a_password_is_read(tmp_path: Path) -> None:
    write_encrypted(tmp_path / "deck.pdf", "")
    assert read_deck(tmp_path / "deck.pdf") == ["Quick Quiz!"]


def fails(path: Path) -> WorkshopError:
    with pytest.raises(WorkshopError) as caught:
        read_deck(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy
    return caught.value


def test_an_encrypted_pdf_is_refused(tmp_path: Path) -> None:
    write_encrypted(tmp_path / "deck.pdf", "secret")
    assert "encrypted" in fails(tmp_path / "deck.pdf").what


def test_a_pdf_with_a_cipher_that_is_not_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks_cipher(reader: PdfReader, password: str) -> None:
        raise DependencyError("cryptography>=3.1 is required for AES algorithm")

    write_encrypted(tmp_path / "deck.pdf", "")
    monkeypatch.setattr(PdfReader, "decrypt", lacks_cipher)
    assert "encrypted" in fails(tmp_path / "deck.pdf").what


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("deck.txt", b"", "empty"),
        ("deck.pptx", b"", "empty"),
        ("deck.md", b" \n\t\n", "no text"),
        ("deck.txt", b"%PDF-1.7\n\x9d\x00\x01", "no text file"),
        ("deck.txt", b"PK\x03\x04\xff", "no text file"),
        ("deck.txt", "text".encode("utf-16"), "no text file"),
        ("deck.pdf", b"%PDF-1.4\nbroken", "not a readable PDF"),
        ("deck.pdf", b"plain text", "not a readable PDF"),
        ("deck.pptx", b"plain text", "not a readable PowerPoint"),
        ("deck.pptx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "encrypted"),
        ("deck.odp", b"text", "'.odp'"),
        ("deck", b"text", "''"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert what in fails(path).what


def test_an_unknown_ending_is_told_the_known_ones(tmp_path: Path) -> None:
    remedy = fails(tmp_path / "deck.key").remedy or ""
    assert all(ending in remedy for ending in (".txt", ".md", ".pdf", ".pptx"))


def test_a_deck_cut_short_is_refused(tmp_path: Path) -> None:
    write_pptx(tmp_path / "deck.pptx", [["Quick Quiz!"]])
    data = (tmp_path / "deck.pptx").read_bytes()
    (tmp_path / "deck.pptx").write_bytes(data[: len(data) // 2])
    assert "not a readable PowerPoint" in fails(tmp_path / "deck.pptx").what


def test_another_package_is_no_deck(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "deck.pptx", "w") as package:
        package.writestr("word/document.xml", "<document/>")
    assert "not a readable PowerPoint" in fails(tmp_path / "deck.pptx").what


def test_pages_that_are_pictures_have_no_text(tmp_path: Path) -> None:
    write_pdf(tmp_path / "deck.pdf", [[""], [""]])
    assert "OCR" in (fails(tmp_path / "deck.pdf").remedy or "")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    fails(tmp_path / "deck.txt")
    (tmp_path / "deck.md").mkdir()
    assert "folder" in fails(tmp_path / "deck.md").what


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
@pytest.mark.parametrize("name", ["deck.txt", "deck.pdf", "deck.pptx"])
def test_files_of_others_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"text")
    (tmp_path / name).chmod(0)
    assert "cannot be read" in fails(tmp_path / name).what


def test_oversized_files_are_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "deck.pdf").open("wb") as file:
        file.truncate(100_000_001)  # takes no room on disk
    assert "MB" in fails(tmp_path / "deck.pdf").what
    write_pptx(tmp_path / "deck.pptx", [["Quick Quiz!"]])
    monkeypatch.setattr(deck_text, "_MOST_UNPACKED", 1_000)
    assert "unpacks" in fails(tmp_path / "deck.pptx").what
