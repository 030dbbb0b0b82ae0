"""Writing a report: the page of whatever lies at a path, as one HTML file, whole or not at all."""

from pathlib import Path

from sgdlab.errors import UserError
from sgdlab.report.page import Page, render
from sgdlab.report.run_report import run_page
from sgdlab.report.study_report import study_page
from sgdlab.report.sweep_report import sweep_page
from sgdlab.results.opened import Run, open_run
from sgdlab.runs.files import write_text
from sgdlab.runs.names import REPORT
from sgdlab.studies.folder import is_study

_SUFFIXES = (".html", ".htm")


def write_report(path: Path, out: Path | None = None) -> Path:
    """Write the report of a run, sweep or study; returns where. out: report.html in its folder unless given.

    RunFolderError where there is neither, or a sweep's plan is damaged; UserError where `out` is no HTML file.
    """
    target = _checked(out) if out is not None else path / REPORT
    text = render(page_of(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, text)
    return target


def page_of(path: Path) -> Page:
    """The page of a run, sweep or study; RunFolderError where there is neither."""
    if is_study(path):
        return study_page(path)
    opened = open_run(path)
    return run_page(opened) if isinstance(opened, Run) else sweep_page(opened)


def _checked(out: Path) -> Path:
    if out.suffix.lower() not in _SUFFIXES:
        raise UserError(f"--out {out}: a report is one HTML file; name it *.html")
    if out.is_dir():
        raise UserError(f"--out {out}: is a folder; name a file in it")
    return out
