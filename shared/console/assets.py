"""Style, script and icon: files of ours, named with the hash of their content, so that a browser may keep them for ever."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = "/api/console"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOLDER = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is served."""

    body: bytes
    kind: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Every asset by its file name, read once."""
    return {file.name: _read(file) for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}


def asset_url(name: str) -> str:
    """Where the browser finds it; another content has another address. Raises KeyError for no such file."""
    return f"{ROOT}/static/{assets()[name].digest}/{name}"


def _read(file: Path) -> Asset:
    body = file.read_bytes()
    return Asset(body=body, kind=_TYPES[file.suffix], digest=hashlib.sha256(body).hexdigest()[:16])
