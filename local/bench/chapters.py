"""Chapters of docs/benchmarks.md that are measured, and written, by themselves."""

from pathlib import Path


def put(page: Path, title: str, text: str) -> None:
    """Write a chapter, ``text`` with its ``## `` title line, in place of the one before, or at the end of the page."""
    before, _, old = page.read_text(encoding="utf-8").partition(title)
    _, heading, after = old.partition("\n## ")
    kept = f"\n## {after}" if heading else ""
    page.write_text(f"{before.rstrip()}\n\n{text.rstrip()}\n{kept}", encoding="utf-8")
