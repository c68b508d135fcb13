"""The text of slide decks, read from files as lines."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop.errors import WorkshopError
from workshop.quiz.deck_lines import SLIDE_BREAK

if TYPE_CHECKING:
    from pptx.text.text import TextFrame

_MOST_BYTES = 100_000_000
_MOST_UNPACKED = 5 * _MOST_BYTES
_ROW = 91_440  # a tenth of an inch: shapes whose tops differ by less stand side by side
_NUL = re.compile(r"\x00")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read_deck(path: Path) -> list[str]:
    """The lines of a slide deck, without notes.

    Args:
        path: a ``.txt`` or ``.md`` file in UTF-8 (or else in Windows' code page 1252), a ``.pdf``,
            or a ``.pptx``, whose shapes are read from top to bottom.

    Returns:
        Lines without their ends. A line with only a form feed stands between two slides, or two
        pages of a PDF.

    Raises:
        WorkshopError: the file is missing, empty, too large, encrypted, broken, without text, or of
            a kind that is not read; says what to do.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise WorkshopError(
            f"a deck cannot be read from a file that ends in {path.suffix!r}",
            where=path,
            remedy=f"save it as one of {', '.join(_READERS)}",
        )
    _check_size(path)
    lines = reader(path)
    if not any(line.strip() for line in lines):
        raise WorkshopError(
            "no text in this deck",
            where=path,
            remedy="if its slides are pictures, run text recognition (OCR) over them first",
        )
    return lines


def slide_of(lines: Sequence[str], line: int) -> int:
    """The slide on which a line stands, both counted from 1."""
    before = sum(text.count(SLIDE_BREAK) for text in lines[: line - 1])
    # A form feed stands before the text of the slide that it begins.
    return before + lines[line - 1].rstrip(SLIDE_BREAK).count(SLIDE_BREAK) + 1


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
    except OSError as error:
        raise _unreadable(path, error) from error
    if size == 0:
        raise WorkshopError("the file is empty", where=path, remedy="export the deck once more")
    if size > _MOST_BYTES:
        raise WorkshopError(
            f"the file has {size / 1e6:.0f} MB; at most {_MOST_BYTES / 1e6:.0f} MB are read",
            where=path,
            remedy="save the slides with quizzes as a deck of their own, or export the text",
        )


def _unreadable(path: Path, error: OSError) -> WorkshopError:
    return WorkshopError(
        f"the deck cannot be read: {error.strerror or error}",
        where=path,
        remedy="check the path, and that you may read the file",
    )


def _read_text(path: Path) -> list[str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        text = _decoded(data)
    except UnicodeDecodeError as error:
        raise WorkshopError(
            "this is no text file",
            where=path,
            remedy="if it is a PDF or a PowerPoint file, give it its ending (.pdf, .pptx) back;"
            " otherwise save it as text in UTF-8",
        ) from error
    # Not str.splitlines: it takes form feeds for the ends of lines, and editors do not.
    return re.split(r"\r\n|\r|\n", re.sub(r"[\r\n]+\Z", "", text))


def _decoded(data: bytes) -> str:
    try:
        text, wrong = data.decode("utf-8-sig"), _NUL
    except UnicodeDecodeError:
        # Nearly all bytes decode in this one, so what is no text has to be told by its controls.
        text, wrong = data.decode("cp1252"), _CONTROLS
    control = wrong.search(text)
    if control:
        raise UnicodeDecodeError("text", data, control.start(), control.end(), "no text")
    return text


def _read_pdf(path: Path) -> list[str]:
    from pypdf import PdfReader  # noqa: PLC0415 - slow to import
    from pypdf.errors import DependencyError  # noqa: PLC0415

    try:
        document = PdfReader(path)
        if document.is_encrypted and not document.decrypt(""):
            raise _encrypted(path)
        return _with_breaks(_page_lines(page) for page in document.pages)
    except (WorkshopError, MemoryError):
        raise
    except OSError as error:
        raise _unreadable(path, error) from error
    except DependencyError as error:
        raise _encrypted(path) from error
    except Exception as error:  # a broken file may fail anywhere in there
        raise _broken(path, "PDF", error) from error


def _page_lines(page: Any) -> list[str]:
    # This mode writes blank lines where a page leaves room, and they end a wrapped text.
    text: str = page.extract_text(extraction_mode="layout", layout_mode_strip_rotated=False)
    if not text.strip():
        text = page.extract_text()
    return [line.strip() for line in re.split(r"\r\n|[\r\n\f]", text.rstrip())]


def _read_pptx(path: Path) -> list[str]:
    from pptx import Presentation  # noqa: PLC0415 - slow to import

    try:
        _check_package(path)
        slides = Presentation(str(path)).slides
        return _with_breaks(list(_shape_lines(slide.shapes)) for slide in slides)
    except (WorkshopError, MemoryError):
        raise
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # a broken file may fail anywhere in there
        raise _broken(path, "PowerPoint", error) from error


def _check_package(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":  # a container that is older than .pptx
            raise WorkshopError(
                "the deck is encrypted, or in the format of old PowerPoint versions (.ppt)",
                where=path,
                remedy="open it in PowerPoint, remove the password, and save it as .pptx",
            )
    with zipfile.ZipFile(path) as package:
        unpacked = sum(part.file_size for part in package.infolist())
    if unpacked > _MOST_UNPACKED:
        raise WorkshopError(
            f"the deck unpacks to {unpacked / 1e6:.0f} MB, which is too much",
            where=path,
            remedy="save the slides with quizzes as a deck of their own, or export the text",
        )


def _shape_lines(shapes: Iterable[Any]) -> Iterator[str]:
    """The lines of shapes from top to bottom, each shape's followed by a blank one."""
    for shape in _in_reading_order(shapes):
        if hasattr(shape, "shapes"):
            yield from _shape_lines(shape.shapes)
        elif shape.has_text_frame:
            yield from _frame_lines(shape.text_frame)
            yield ""
        elif shape.has_table:
            for row in shape.table.rows:
                for cell in row.cells:
                    if not cell.is_spanned:
                        yield from _frame_lines(cell.text_frame)
                yield ""


def _in_reading_order(shapes: Iterable[Any]) -> list[Any]:
    """Rows from top to bottom, and each row from left to right."""
    rows: list[list[Any]] = []
    for shape in sorted(shapes, key=lambda shape: shape.top or 0):
        if rows and (shape.top or 0) - (rows[-1][0].top or 0) < _ROW:
            rows[-1].append(shape)
        else:
            rows.append([shape])
    return [shape for row in rows for shape in sorted(row, key=lambda shape: shape.left or 0)]


def _frame_lines(frame: TextFrame) -> Iterator[str]:
    """The lines of a text box, with the letters of lists that PowerPoint letters by itself."""
    count = 0
    for paragraph in frame.paragraphs:
        numbering = paragraph._p.find(".//{*}pPr/{*}buAutoNum")
        lettered = numbering is not None and numbering.get("type", "").startswith("alpha")
        text = paragraph.text
        if lettered and text.strip():
            first = int(numbering.get("startAt", "1"))
            text = f"{chr(ord('A') + (first + count - 1) % 26)}) {text}"
            count += 1
        elif text.strip():
            count = 0
        yield from text.split("\v")


def _with_breaks(slides: Iterable[list[str]]) -> list[str]:
    lines: list[str] = []
    for number, slide in enumerate(slides):
        lines += [SLIDE_BREAK, *slide] if number else slide
    return lines


def _encrypted(path: Path) -> WorkshopError:
    return WorkshopError(
        "the deck is encrypted",
        where=path,
        remedy="save a copy without a password",
    )


def _broken(path: Path, kind: str, error: Exception) -> WorkshopError:
    return WorkshopError(
        f"not a readable {kind} file: {str(error) or type(error).__name__}",
        where=path,
        remedy="export the deck once more; if that does not help, export it as text",
    )


_READERS: dict[str, Callable[[Path], list[str]]] = {
    ".txt": _read_text,
    ".md": _read_text,
    ".pdf": _read_pdf,
    ".pptx": _read_pptx,
}
