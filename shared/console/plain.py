"""Names from other systems, made safe to read: what a browser would not show, or would show elsewhere, is spelt out."""

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they turn the direction of what follows
    "\u200b\u2028\u2029\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # nobody sees them
    "\ud800-\udfff]"  # halves of characters, which cannot be encoded
)


def plain(text: str) -> str:
    """The text with every character spelt out (⟨U+202E⟩) that would make a name look like another one."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis; ``most`` characters at most."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def sentence(text: str) -> str:
    """The text with a capital letter at its beginning; names and ids in it stay as they are written."""
    return f"{text[:1].upper()}{text[1:]}."
