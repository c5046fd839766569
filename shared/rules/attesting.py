"""Whose word about automatic enrolment counts: the newest one, of the settings or of the storage."""

from dataclasses import replace
from datetime import date

from shared.domain.facts import Facts, Unreadable
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.domain.tenant_setup import INTUNE_DISCOVERY_URL


def newest(set_: EnrolmentAttestation | None, stored: EnrolmentAttestation | None) -> EnrolmentAttestation | None:
    """The word of the settings, unless a later day's is stored."""
    if stored is None or (set_ is not None and stored.on <= set_.on):
        return set_
    return stored


def with_newest_word(policy: Policy, facts: Facts) -> Policy:
    """The policy with the word that counts. A stored one that cannot be read leaves none: it may have been a no."""
    if isinstance(facts.attestation, Unreadable):
        return replace(policy, enrolment_attestation=None)
    if facts.attestation is None:
        return policy
    return replace(policy, enrolment_attestation=newest(policy.enrolment_attestation, facts.attestation))


def is_in_time(word: EnrolmentAttestation, today: date) -> bool:
    """Not of the future, and not older than it is valid for."""
    return 0 <= (today - word.on).days <= word.valid_for.days


def leads_to_intune(word: EnrolmentAttestation) -> bool:
    """The discovery URL, if one was seen, is Intune's."""
    return not word.discovery_url or word.discovery_url.strip().lower() == INTUNE_DISCOVERY_URL


def scope_that_counts(word: EnrolmentAttestation | None, today: date) -> str | None:
    """The MDM user scope; None when nobody's word is valid on that day."""
    if word is None or not is_in_time(word, today) or not leads_to_intune(word):
        return None
    return word.scope
