"""Reads a CSV of hardware hashes, whole, before anything is sent: every line is good, or named with what is wrong with it.

Columns as Get-WindowsAutopilotInfo writes them, or the short form serial,hash,owner. Source of what a hash must be: "Manually
register devices with Windows Autopilot" and the error 802 InvalidZtdHardwareHash of the Autopilot service.
"""

import base64
import binascii
import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.domain.registration import BadLine, HardwareHash
from shared.errors import BadInput

MOST_BYTES = 64 * 1024 * 1024
MOST_PCS = 10_000
SHORTEST_HASH, LONGEST_HASH = 2_048, 8_192
"""Decoded bytes. Windows writes 4,000 characters, which are 3,000 bytes; half of one is refused by Autopilot as invalid."""

COLUMNS = {
    "device serial number": "serial",
    "serial": "serial",
    "windows product id": "product_key",
    "hardware hash": "hash",
    "hash": "hash",
    "group tag": "group_tag",
    "tag": "group_tag",
    "assigned user": "owner",
    "owner": "owner",
}
_SERIAL = re.compile(r"[A-Za-z0-9._-](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9._-])?")
_OWNER = re.compile(r"[^\s/\\?#%@]+@[^\s/\\?#%@]+")
_TAG = re.compile(r"[^\x00-\x1f\ud800-\udfff\"']{0,127}")
_PRODUCT_KEY = re.compile(r"[A-Za-z0-9-]{0,64}")
_PLACEHOLDERS = frozenset({"system serial number", "default string", "to be filled by o.e.m.", "none", "0", "unknown"})
"""What computers say whose maker wrote no serial number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashFile:
    """What a file holds. ``digest`` names it: the same content is the same delivery."""

    digest: str
    good: tuple[HardwareHash, ...]
    bad: tuple[BadLine, ...]


def read_hashes(content: bytes, *, group_tag: str = "") -> HashFile:
    """The file's lines; ``group_tag`` is for those that have none. Raises BadInput for a file that is none.

    UTF-8 and UTF-16, with and without a byte order mark; commas, semicolons or tabs; quotes as Excel writes them.
    """
    if len(content) > MOST_BYTES:
        raise BadInput(f"the file has {len(content):,} bytes; at most {MOST_BYTES:,} are read: split it")
    if not _TAG.fullmatch(group_tag):
        raise BadInput("the group tag must have at most 127 characters, and no quotes")
    lines = _rows(_text(content))
    header = next(lines, None)
    if header is None:
        raise BadInput("the file is empty")
    names = _columns(header[1])
    digest = hashlib.sha256(content + b"\0" + group_tag.encode()).hexdigest()[:32]
    good: list[HardwareHash] = []
    bad: list[BadLine] = []
    for number, cells in lines:
        read = _pc(number, cells, names, group_tag)
        (good if isinstance(read, HardwareHash) else bad).append(read)  # type: ignore[arg-type]  # each goes to its own
        if len(good) + len(bad) > MOST_PCS:
            raise BadInput(f"the file has more than {MOST_PCS:,} lines: split it")
    if not good and not bad:
        raise BadInput("the file has a header and no PC")
    twice = dict(_named_twice(good, bad))
    kept = tuple(pc for pc in good if pc.line not in twice)
    return HashFile(digest=digest, good=kept, bad=tuple(sorted((*bad, *twice.values()), key=lambda each: each.line)))


def _text(content: bytes) -> str:
    encoding = "utf-8-sig"
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content[:2]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(f"line {line}: this is no {encoding.removesuffix('-sig').upper()} text") from None
    if "\0" in text:
        raise BadInput(f"line {text[: text.index(chr(0))].count(chr(10)) + 1}: a character that no text has")
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is not empty; the first line says what separates the cells."""
    first = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BadInput(f"line {number}: {error}") from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield number, [cell.strip() for cell in cells]


def _columns(header: list[str]) -> list[str]:
    names = [COLUMNS.get(cell.lower(), "") for cell in header]
    unknown = [cell for cell, name in zip(header, names, strict=True) if not name]
    if unknown:
        raise BadInput(
            f"line 1: there is no column {', '.join(repr(cell[:40]) for cell in unknown)}; see docs/tenant.md"
        )
    if len(set(names)) != len(names) or not {"serial", "hash"} <= set(names):
        raise BadInput("line 1: the columns serial and hash must be there, and each column once; see docs/tenant.md")
    return names


def _pc(number: int, cells: list[str], names: list[str], group_tag: str) -> HardwareHash | BadLine:
    fields = dict(zip(names, cells, strict=False))
    serial = fields.get("serial", "")
    fits = len(cells) == len(names)
    why = _wrong_with(fields) if fits else f"{len(cells)} columns instead of {len(names)}"
    if why:
        return BadLine(line=number, serial_number=serial[:64] if serial.isprintable() else "", why=why)
    return HardwareHash(
        line=number,
        serial_number=serial,
        hash=fields["hash"],
        product_key=fields.get("product_key", ""),
        group_tag=fields.get("group_tag", "") or group_tag,
        owner=fields.get("owner", ""),
    )


def _wrong_with(fields: Mapping[str, str]) -> str:
    """What keeps the line from being used; empty for a good one."""
    serial = fields["serial"]
    if not serial:
        return "no serial number"
    if not _SERIAL.fullmatch(serial) or serial.lower() in _PLACEHOLDERS:
        return "this is no serial number"
    if fields.get("owner") and (not _OWNER.fullmatch(fields["owner"]) or len(fields["owner"]) > 113):
        return "the owner is no user principal name"
    if not _TAG.fullmatch(fields.get("group_tag", "")):
        return "the group tag has quotes, or more than 127 characters"
    if not _PRODUCT_KEY.fullmatch(fields.get("product_key", "")):
        return "this is no Windows product id"
    return _wrong_with_hash(fields["hash"])


def _wrong_with_hash(text: str) -> str:
    if not text:
        return "no hardware hash"
    try:
        length = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return "the hardware hash is not base64: it was cut off or changed"
    if length < SHORTEST_HASH:
        return f"the hardware hash is too short ({length} bytes): it was cut off"
    return "the hardware hash is too long" if length > LONGEST_HASH else ""


def _named_twice(good: list[HardwareHash], bad: list[BadLine]) -> Iterator[tuple[int, BadLine]]:
    """Nobody knows which of two lines of one serial number is right: neither is used."""
    lines: dict[str, list[int]] = {}
    for each in (*good, *bad):
        if each.serial_number:
            lines.setdefault(each.serial_number.lower(), []).append(each.line)
    for pc in good:
        others = [line for line in lines[pc.serial_number.lower()] if line != pc.line]
        if others:
            why = f"the same serial number stands in line {', '.join(str(line) for line in sorted(others)[:5])}"
            yield pc.line, BadLine(line=pc.line, serial_number=pc.serial_number, why=why)
