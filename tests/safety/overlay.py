"""The project once more beside itself, with one file changed: deliberate breakages never touch the real files."""

import contextlib
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@contextlib.contextmanager
def changed_copy(file: str, before: str, after: str) -> Generator[Path]:
    """A folder that looks like the repository, in which ``before`` in ``file`` (once) became ``after``.

    Raises ValueError when the file does not hold ``before`` exactly once: a breakage that fits nothing proves nothing.
    """
    top = file.partition("/")[0]
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise ValueError(f"{file} holds {text.count(before)} times: {before}")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for entry in REPOSITORY.iterdir():
            if entry.name != top and not entry.name.startswith("."):
                (copy / entry.name).symlink_to(entry)
        shutil.copytree(REPOSITORY / top, copy / top, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / file).write_text(text.replace(before, after), encoding="utf-8")
        yield copy
