"""The generated documents say what the code says."""

from pathlib import Path

import pytest

from local.docs import documents


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents()[path], "run: python -m local.docs"
