"""The token in every form: only a page that we wrote, for this person and not long ago, has it. Nothing is kept for it."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

GOOD_FOR = timedelta(hours=12)


def make_token(key: bytes, person: str, now: datetime) -> str:
    """A token for this person's forms, good for 12 hours."""
    at = f"{int(now.timestamp()):x}"
    return f"{at}.{_mac(key, person, at)}"


def token_fits(token: str, key: bytes, person: str, now: datetime) -> bool:
    """It is ours, for this person, and neither too old nor from the future."""
    at, dot, mac = token.partition(".")
    if not dot or not token.isascii() or len(token) > 100 or not hmac.compare_digest(mac, _mac(key, person, at)):
        return False
    made_at = datetime.fromtimestamp(int(at, 16), UTC)
    return timedelta(minutes=-1) <= now - made_at <= GOOD_FOR


def _mac(key: bytes, person: str, at: str) -> str:
    return hmac.new(key, f"{at}\n{person}".encode(), hashlib.sha256).hexdigest()
