"""Files of hardware hashes as they come from suppliers."""

import base64
import random

from shared.tenant_setup.hardware_hashes import HashFile, read_hashes

HEADER = "Device Serial Number,Windows Product ID,Hardware Hash,Group Tag,Assigned User"


def a_hash(number: int, length: int = 3000) -> str:
    """The base64 of so many bytes, different for each number."""
    return base64.b64encode(random.Random(number).randbytes(length)).decode()


def a_line(number: int, owner: str = "") -> str:
    return f"PC{number:05},,{a_hash(number)},HANDOVER,{owner}"


def a_csv(count: int, owner: str = "", **replaced: str) -> bytes:
    """A file with so many PCs; ``line12="..."`` puts another text in line 12."""
    lines = [HEADER, *(a_line(number, owner) for number in range(count))]
    for name, text in replaced.items():
        lines[int(name.removeprefix("line")) - 1] = text
    return "\r\n".join(lines).encode()


def a_file(count: int, owner: str = "", **replaced: str) -> HashFile:
    return read_hashes(a_csv(count, owner, **replaced))
