"""A zip that is the same whenever its files are the same."""

import hashlib
import zipfile
from pathlib import Path

_WHEN = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold."""
_MODE = 0o100644 << 16


def write_zip(folder: Path, out: Path) -> str:
    """Write the files of ``folder`` to ``out``, in order, with one time and one mode; returns its SHA-256."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _WHEN)
            entry.external_attr, entry.create_system = _MODE, 3  # 3: Unix
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return hashlib.sha256(out.read_bytes()).hexdigest()
