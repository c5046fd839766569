"""Writes down what no application may read: MDM user scope and discovery URL, by a sign-in or by a person's word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.domain.facts import MISSING, Unreadable
from shared.domain.policy import EnrolmentAttestation
from shared.errors import BadInput, Unexpected
from shared.ports import Clock, MobilityPolicies
from shared.records.attestations import AttestationBook
from shared.rules.attesting import is_in_time, leads_to_intune, newest

Json = dict[str, Any]

SCOPES = {"all": "all", "selected": "some", "none": "none"}
"""Graph's word for appliesTo, and the portal's."""
MOST_GROUPS = 15
_GROUP_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WORDS = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attest:
    """The use case behind ``tenant attest`` and the console's form."""

    book: AttestationBook
    clock: Clock
    attested: EnrolmentAttestation | None = None
    """The word in the settings."""

    async def show(self) -> Json:
        """The word that counts now, whether it is in time, and until when it is valid; JSON-ready."""
        stored = await self.book.newest()
        if isinstance(stored, Unreadable):
            return {"counts": None, "problem": stored.why}
        word = newest(self.attested, stored)
        if word is None:
            return {"counts": None, "problem": "nobody attested it"}
        today = self.clock.now().date()
        problem = None if is_in_time(word, today) else "out of date" if word.on <= today else "in the future"
        if problem is None and not leads_to_intune(word):
            problem = "the discovery URL is not Intune's"
        return {
            "counts": {
                "by": word.by,
                "on": word.on.isoformat(),
                "scope": word.scope,
                "group_ids": list(word.group_ids),
                "discovery_url": word.discovery_url,
                "valid_until": (word.on + word.valid_for).isoformat(),
                "from": "settings" if word is self.attested else "storage",
            },
            "problem": problem,
        }

    async def by_hand(
        self,
        *,
        by: str,
        scope: str,
        discovery_url: str = "",
        group_ids: Sequence[str] = (),
        on: date | None = None,
    ) -> EnrolmentAttestation:
        """A person's word of a day (None: today, UTC). Raises BadInput for what cannot be, and for an older day's word."""
        today = self.clock.now().date()
        on = on or today
        if not _WORDS.fullmatch(by.strip()):
            raise BadInput("by must be a name of 1 to 200 characters")
        if scope not in SCOPES.values():
            raise BadInput("scope must be all, some or none")
        if discovery_url and not _WORDS.fullmatch(discovery_url.strip()):
            raise BadInput("the discovery URL must be a URL of at most 200 characters")
        if (scope == "some") is not bool(group_ids) or len(group_ids) > MOST_GROUPS:
            raise BadInput(f"scope some needs 1 to {MOST_GROUPS} group ids, the others none")
        if not all(_GROUP_ID.fullmatch(group) for group in group_ids):
            raise BadInput("every group must be the id of a group")
        word = EnrolmentAttestation(
            by=by.strip(),
            on=on,
            scope=scope,
            group_ids=tuple(group.lower() for group in group_ids),
            discovery_url=discovery_url.strip(),
        )
        if not is_in_time(word, today):
            raise BadInput(f"{on} is in the future or more than {word.valid_for.days} days ago")
        return await self._write(word, how="by hand")

    async def by_sign_in(self, policies: MobilityPolicies, *, who: str) -> EnrolmentAttestation:
        """What the signed-in administrator reads. Raises what reading raises, and Unexpected for a policy that is none."""
        policy = await policies.intune()
        if policy is MISSING:
            raise Unexpected("Entra ID has no mobility management policy of Microsoft Intune")
        scope = SCOPES.get(policy.applies_to)
        if scope is None or not policy.is_valid:
            raise Unexpected("Entra ID calls Intune's mobility management policy invalid, or its scope is not known")
        if len(policy.group_ids) > MOST_GROUPS:
            raise Unexpected(f"the MDM user scope names more than {MOST_GROUPS} groups")
        word = EnrolmentAttestation(
            by=who,
            on=self.clock.now().date(),
            scope=scope,
            group_ids=policy.group_ids if scope == "some" else (),
            discovery_url=policy.discovery_url or "none",
        )
        return await self._write(word, how="by a sign-in")

    async def _write(self, word: EnrolmentAttestation, *, how: str) -> EnrolmentAttestation:
        stored = await self.book.newest()
        if isinstance(stored, EnrolmentAttestation) and stored.on > word.on:
            raise BadInput(f"a newer word is stored, of {stored.on} by {stored.by}")
        await self.book.write(word, at=self.clock.now(), how=how)
        return word
