"""Report on a large class: how long it takes, how large the page is, how fast it opens.

Run: python -m benchmarks.class_report [ASSIGNMENT] [--students N]

The class is a synthetic one: scores follow a two-parameter logistic model, and graded notebooks
hold a picture of 200 kB each. Grading it would take hours, and change nothing here.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from playwright.sync_api import sync_playwright

from benchmarks.classes import run
from benchmarks.output import save
from tests.workshop.reports.classroom import Classroom, fill
from workshop.authoring.build import build
from workshop.course import Course
from workshop.demo import fresh_course

OPENINGS = 5


def measured(root: Path, assignment: str, students: int) -> dict[str, Any]:
    course = fresh_course(Course.find(), root / "course")
    build(course, [assignment])
    fill(course, assignment, Classroom(students, rejected=3, picture_bytes=200_000))
    out = root / "out"
    timed = run(course.root, "-m", "workshop", "report", assignment, "--out", str(out))
    notebooks = [*course.autograded.rglob("*.ipynb")]
    return {
        "assignment": assignment,
        "students": students,
        "notebooks": len(notebooks),
        "notebooks_mb": sum(path.stat().st_size for path in notebooks) / 1e6,
        "seconds": timed.seconds,
        "page_mb": (out / "class.html").stat().st_size / 1e6,
        "json_mb": (out / "report.json").stat().st_size / 1e6,
        "opens_in_seconds": opening(out / "class.html"),
    }


def opening(page: Path) -> list[float]:
    """Seconds until all charts of a page are drawn, in a fresh tab each time."""
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for _ in range(OPENINGS):
            tab = browser.new_page()
            began = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-charts=drawn]")
            times.append(time.perf_counter() - began)
            tab.close()
        browser.close()
    return times


def picture(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axis = figure.subplots()
    axis.bar(range(1, OPENINGS + 1), data["opens_in_seconds"])
    axis.set(xlabel="opening", ylabel="seconds until all charts are drawn")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assignment", nargs="?", default="module2_implementing")
    parser.add_argument("--students", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = measured(Path(folder), arguments.assignment, arguments.students)
    print(
        f"{data['students']} students, {data['notebooks']} notebooks of together"
        f" {data['notebooks_mb']:.0f} MB: report in {data['seconds']:.1f} s, page of"
        f" {data['page_mb']:.2f} MB, opens in {statistics.median(data['opens_in_seconds']):.2f} s"
    )
    save("class_report", data, picture(data))


if __name__ == "__main__":
    main()
