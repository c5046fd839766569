"""Every link within the documents leads somewhere, and every chapter that is named by its title is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_CODE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CHAPTER = re.compile(r'[Ss]ee "([^"]+)"')


def text_of(document: Path) -> str:
    return _CODE.sub("", document.read_text(encoding="utf-8"))


def anchors_of(document: Path) -> set[str]:
    """The anchors of its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_within_the_documents_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(text_of(document)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = document if not path else document.parent / path
        assert target.exists(), f"{document.name}: {link}"
        assert not anchor or anchor in anchors_of(target), f"{document.name}: {link}"


def test_every_chapter_that_operations_names_by_its_title_is_there() -> None:
    operations = ROOT / "docs/operations.md"
    titles = {title.lower() for title in re.findall(r"^#+ (.+)$", operations.read_text(encoding="utf-8"), re.MULTILINE)}
    named = _CHAPTER.findall(" ".join(text_of(operations).split()))
    assert len(named) > 5, "the page does refer to its chapters"
    assert [title for title in named if title.lower() not in titles] == []
