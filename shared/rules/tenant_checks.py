"""The readiness checks of the whole tenant: MDM authority, automatic enrolment, Multi Admin Approval, the groups of the
settings. What was read for everybody says how long ago that was."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.domain.checks import Check, Verdict
from shared.domain.facts import TenantFacts, Unreadable
from shared.domain.policy import Policy
from shared.rules.decisions import in_words

GOOD_FOR = timedelta(minutes=15)
"""Older facts, or facts of the future, are not believed; whoever gathers them reads them anew after 10 minutes."""

NOT_THE_AUTHORITY = frozenset({"sccm", "office365"})
"""The values of mdmAuthority that are known not to be Intune; everything else is not understood."""


def tenant_checks(tenant: TenantFacts | None, policy: Policy, now: datetime) -> Iterator[Check]:
    """Every check that is the same for all devices."""
    if tenant is None or not believable(tenant, now):
        found = "not read" if tenant is None else f"read at {tenant.read_at:%Y-%m-%d %H:%M} UTC, which is not now"
        yield Check(name="Tenant", verdict=Verdict.CANNOT_VERIFY, found=found, of_tenant=True)
        return
    when = read_ago(tenant, now)
    yield Check(
        name="MDM authority",
        of_tenant=True,
        found=f"{tenant.mdm_authority or 'no value'}, {when}",
        verdict=_authority(tenant.mdm_authority),
        mend="Set the MDM authority to Microsoft Intune (Intune admin center, Tenant administration).",
    )
    yield from _groups_of_settings(tenant, policy, when)
    if policy.approval_policy_expected:
        yield _multi_admin_approval(tenant, when)


def believable(tenant: TenantFacts, now: datetime) -> bool:
    """The facts are fresh enough to decide on."""
    return -GOOD_FOR <= now - tenant.read_at <= GOOD_FOR


def read_ago(tenant: TenantFacts, now: datetime) -> str:
    """When the facts were read, for the evidence."""
    return f"read {in_words(now - tenant.read_at)} ago"


def _authority(value: str) -> Verdict:
    if value == "intune":
        return Verdict.OK
    return Verdict.WRONG if value in NOT_THE_AUTHORITY else Verdict.CANNOT_VERIFY


def _groups_of_settings(tenant: TenantFacts, policy: Policy, when: str) -> Iterator[Check]:
    """A group that does not exist has no members: an exclusion that is mistyped would exclude nobody."""
    attested = policy.enrolment_attestation
    named = {group.lower() for group in (policy.exclusion_group, *(attested.group_ids if attested else ())) if group}
    if not named:
        return
    missing = tenant.missing_groups
    if isinstance(missing, Unreadable):
        yield Check(
            name="Groups of the settings",
            verdict=Verdict.CANNOT_VERIFY,
            found=f"{missing.why}, {when}",
            mend="Grant GroupMember.Read.All and Device.Read.All.",
            of_tenant=True,
        )
        return
    gone = sorted(named & {group.lower() for group in missing})
    yield Check(
        name="Groups of the settings",
        verdict=Verdict.WRONG if gone else Verdict.OK,
        found=f"{'there is no group ' + ', '.join(gone) if gone else 'all exist'}, {when}",
        mend="Correct HANDOVER_EXCLUSION_GROUP and HANDOVER_ENROLMENT_ATTESTED_GROUPS.",
        of_tenant=True,
    )


def _multi_admin_approval(tenant: TenantFacts, when: str) -> Check:
    read = tenant.wipes_need_approval
    if isinstance(read, bool):
        verdict = Verdict.OK if read else Verdict.WRONG
        found = "wipes need a second administrator" if read else "no access policy covers wipes"
    else:
        verdict, found = Verdict.CANNOT_VERIFY, "not read" if read is None else read.why
    return Check(
        name="Multi Admin Approval",
        verdict=verdict,
        found=f"{found}, {when}",
        mend="Make an access policy for device wipes (Intune admin center, Multi Admin Approval), grant "
        "DeviceManagementRBAC.Read.All, or set HANDOVER_EXPECT_MULTI_ADMIN_APPROVAL to false.",
        of_tenant=True,
    )
