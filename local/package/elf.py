"""Takes from a compiled module what the loader never reads: symbols and debug information, after the last segment."""

import struct

_MAGIC = b"\x7fELF\x02\x01"
"""64 bit, little endian."""
_PROGRAM_HEADERS = struct.Struct("<Q")
_COUNTS = struct.Struct("<HHHHH")
_SIZE = struct.Struct("<Q")
_PROGRAM_HEADERS_AT, _SECTION_HEADERS_AT, _COUNTS_AT = 32, 40, 54
_OFFSET_IN_HEADER, _SIZE_IN_HEADER = 8, 32


def without_symbols(content: bytes) -> bytes:
    """The shared object up to the end of its last segment, without a section table; anything else as it is.

    Loading needs the program headers alone (System V ABI, chapter 5); sections are for linkers and debuggers.
    """
    if not content.startswith(_MAGIC):
        return content
    (first,) = _PROGRAM_HEADERS.unpack_from(content, _PROGRAM_HEADERS_AT)
    entry_size, entries, section_size, _, _ = _COUNTS.unpack_from(content, _COUNTS_AT)
    end = first + entry_size * entries
    for at in range(first, end, entry_size):
        (offset,) = _SIZE.unpack_from(content, at + _OFFSET_IN_HEADER)
        (size,) = _SIZE.unpack_from(content, at + _SIZE_IN_HEADER)
        end = max(end, offset + size)
    kept = bytearray(content[:end])
    _SIZE.pack_into(kept, _SECTION_HEADERS_AT, 0)
    _COUNTS.pack_into(kept, _COUNTS_AT, entry_size, entries, section_size, 0, 0)
    return bytes(kept)
