"""The newest word of a person, or of an administrator's own sign-in, about MDM user scope and discovery URL; and all before."""

from datetime import datetime

from shared.domain.facts import Unreadable
from shared.domain.policy import EnrolmentAttestation
from shared.names import LEDGERS
from shared.ports import Ids, Rows, Write
from shared.records.json_form import JsonForm
from shared.records.ledger import Ledger

_PARTITION, _NEWEST = "attestation", "newest"
_JOURNAL = "attestation-journal"
_WORD = JsonForm(EnrolmentAttestation)
_SCOPES = frozenset({"all", "some", "none"})


class AttestationBook:
    """Reads the newest word, and writes a newer one."""

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ids = ids
        self._ledger = Ledger(rows, ids)

    async def newest(self) -> EnrolmentAttestation | Unreadable | None:
        """The word that is stored; None when none was ever given."""
        try:
            document = await self._ledger.read(_PARTITION, _NEWEST)
            word = None if document is None else _WORD.validate_python(document)
        except (ValueError, KeyError):
            return Unreadable(why="the stored attestation cannot be read")
        if word is not None and (word.scope not in _SCOPES or not word.by.strip() or not 0 < word.valid_for.days <= 90):
            return Unreadable(why="the stored attestation makes no sense")
        return word

    async def write(self, word: EnrolmentAttestation, *, at: datetime, how: str) -> None:
        """Keep it, and make it the newest. ``how``: by hand, or by a sign-in."""
        document = _WORD.dump_python(word)
        key = f"{at:%Y%m%dT%H%M%S}-{self._ids.new()}"
        body = _WORD.dump_json(word).decode()
        await self._rows.write(
            LEDGERS, _JOURNAL, [Write(key=key, data={"body": body, "at": at, "how": how}, expect=None)]
        )
        await self._ledger.replace(_PARTITION, _NEWEST, document)
