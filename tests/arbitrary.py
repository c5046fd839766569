"""Arbitrary cases, facts, policies and times for generative tests: the story with some of its values changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from shared.domain.case import Case, Readings
from shared.domain.effects import Matter
from shared.domain.facts import MISSING, ActionResult, Compliance, Facts, Freeze, ManagedDevice
from shared.domain.policy import EnrolmentAttestation, Mode, Policy
from shared.domain.states import CaseState
from shared.domain.weekly_hours import DAYS, WeeklyHours
from shared.rules.clearing import BY_POLICY
from shared.rules.confirm import identity_of
from tests.builders import (
    A_SECOND,
    DEVICE_ID,
    ENROLLED_AT,
    NOW,
    OTHER,
    OTHER_ID,
    OWNER,
    OWNER_ID,
    RETURNED_ID,
    SENT_AT,
    SERIAL,
    STAGING,
    STAGING_ID,
    a_budget,
    a_device,
    a_licensed_user,
    a_returned_device,
    a_status_page,
    a_user,
    all_facts,
    an_approval_request,
    an_autopilot_device,
    an_owners_device,
    plans,
    spb,
    staging_user,
    tenant_facts,
    users,
)
from tests.case_builders import a_case, a_licence_request, a_notice, a_policy, an_approval, an_owner, an_unenrolled_case

Alternatives = Mapping[str, Sequence[object]]

OFFSETS = [
    timedelta(),
    A_SECOND,
    -A_SECOND,
    timedelta(minutes=10),
    timedelta(hours=23),
    timedelta(hours=23, seconds=1),
    timedelta(days=7),
    timedelta(days=40),
    -timedelta(days=40),
]
times = st.sampled_from([NOW + offset for offset in OFFSETS])

_DEVICE: Alternatives = {
    "id": [DEVICE_ID.upper(), RETURNED_ID],
    "entra_device_id": [None, "another"],
    "serial_number": ["", "Default string", SERIAL.lower(), "5CG9999XYZ"],
    "name": ["", "PC-Zoë “1”"],
    "user_id": [None, STAGING_ID, OWNER_ID, OTHER_ID],
    "user_principal_name": [None, STAGING, OWNER, OTHER, "Zoë.O'Neill@contoso.example"],
    "enrolled_by": [None, OWNER, OTHER],
    "enrolled_at": [None, ENROLLED_AT + A_SECOND, SENT_AT, SENT_AT + A_SECOND, NOW],
    "last_sync_at": [None, NOW, NOW - timedelta(days=2), NOW + timedelta(days=2)],
    "compliance": list(Compliance),
    "management_state": ["", "wipePending", "wipeIssued", "wipeFailed", "wipeCanceled", "somethingNew"],
    "management_agent": ["", "configurationManagerClientMdm"],
    "owner_type": ["", "personal", "unknown"],
    "operating_system": ["", "iOS", "windows"],
    "model": ["", "Cloud PC Enterprise"],
    "logged_on_user_ids": [(), (OTHER_ID, OWNER_ID), (STAGING_ID, "a", "b", OWNER_ID)],
    "actions": [(ActionResult(name="factoryReset", state="pending", started_at=SENT_AT),)],
}
_POLICY: Alternatives = {
    "mode": list(Mode),
    "staging_accounts": [(), ("*",)],
    "excluded_devices": [frozenset({"pc-0427"}), frozenset({SERIAL.lower()})],
    "excluded_users": [frozenset({OWNER.lower()}), frozenset({STAGING}), frozenset({OTHER.lower()})],
    "licence_skus": [(), ("SPE_E5",), ("O365_BUSINESS_PREMIUM", "SPB")],
    "usage_location": ["GB"],
    "enrolment_attestation": [None, EnrolmentAttestation(by="admin", on=NOW.date(), scope="none")],
    "wipes_per_hour": [0],
    "readings_needed": [1, 5],
    "noncompliant_for": [timedelta(hours=1)],
    "tells_owner": [True],
    "grace": [timedelta()],
    "deferrals": [0],
    "wipe_hours": [
        WeeklyHours.parse(f"{DAYS[NOW.weekday()]} 09:00-10:00", "UTC"),
        WeeklyHours.parse(f"{DAYS[NOW.weekday()]} 10:00-11:00", "Europe/Berlin"),
        WeeklyHours.parse(f"{DAYS[NOW.weekday()]} 10:00-09:00", "UTC"),
    ],
}
_FACTS: Alternatives = {
    "device": [None, MISSING],
    "same_serial": [None, ()],
    "autopilot": [
        None,
        (),
        (an_autopilot_device(), an_autopilot_device(id="b")),
        (an_autopilot_device(user_principal_name=OWNER),),
        (an_autopilot_device(user_principal_name=OWNER), an_autopilot_device(user_principal_name=OWNER, id="b")),
        (an_autopilot_device(user_principal_name=OTHER, profile_status="pending"),),
        (an_autopilot_device(user_principal_name=OWNER, profile_detail="", enrolment_state="unknownFutureValue"),),
        (an_autopilot_device(user_principal_name=OWNER, managed_device_id="another", userless_status="blocked"),),
    ],
    "users": [
        {},
        users(a_user()),
        users(a_user(usage_location=None, display_name="")),
        users(a_user(enabled=False), staging_user()),
        users(a_licensed_user(user_type="Guest")),
        {OWNER_ID: MISSING, STAGING_ID: staging_user()},
        users(a_user(), a_licensed_user(id=OTHER_ID, user_principal_name=OTHER)),
    ],
    "plans": [None, (), plans("PendingInput"), plans(sku_id="another"), plans()[:1]],
    "tenant": [
        None,
        tenant_facts(mdm_authority=""),
        tenant_facts(skus=(spb(used=5),)),
        tenant_facts(skus=()),
        tenant_facts(status_pages=(a_status_page(blocks_use=False),)),
        tenant_facts(status_pages=(a_status_page(blocks_use=None),)),
    ],
    "freeze": [None, Freeze(frozen=True, by="somebody")],
    "budget": [None, a_budget(last_hour=5), a_budget(in_flight=10), a_budget(serial_wiped_at=NOW)],
    "nonce": [None],
    "deferral_code": [None],
    "admin_requests": [
        None,
        (),
        *(
            (an_approval_request(status=status, decided_by="Grace"),)
            for status in ("needsApproval", "approved", "rejected", "cancelled", "completed", "expired", "somethingNew")
        ),
        (an_approval_request(id="request-2", status="approved"),),
        (an_approval_request(justification="another's", status="approved"),),
    ],
}
_CASE: Alternatives = {
    "opened_at": [NOW, NOW - timedelta(days=90), NOW + timedelta(days=1)],
    "named_owner": [OTHER, STAGING, "nobody@contoso.example"],
    "serial_number": [None, "5CG9999XYZ"],
    "autopilot_id": [None],
    "device": [
        identity_of(an_owners_device()),
        identity_of(a_device(entra_device_id=None)),
        identity_of(a_device(serial_number="5CG9999XYZ")),
        identity_of(a_device(enrolled_at=None)),
    ],
    "owner": [an_owner(user_id=OTHER_ID, user_principal_name=OTHER), an_owner(display_name="Zoë “Zo” O'Neill")],
    "readings": [None, Readings(count=1, first_at=NOW, last_at=NOW)],
    "licence": [
        a_licence_request(),
        a_licence_request(refused="CountViolation: none"),
        a_licence_request(refused="BadRequest: no", sku_id="another"),
        a_licence_request(requested_at=NOW - timedelta(hours=2)),
    ],
    "licence_seen_at": [None],
    "bound": [True, False],
    "binding_refused": ["BadRequest: no"],
    "would_do": [("assign SPB to DEF456@contoso.example",)],
    "episode": [2],
    "returned_device_id": [None, RETURNED_ID],
    "notice": [
        a_notice(),
        a_notice(wipe_not_before=NOW + A_SECOND),
        a_notice(sent=False),
        a_notice(sent=False, refused="ErrorInvalidUser: no"),
        a_notice(matter=Matter.CONNECT_PERSONAL_DEVICE, wipe_not_before=None),
    ],
}


def _varied(value: Any, alternatives: Alternatives, most: int) -> st.SearchStrategy[Any]:
    """``value`` with at most so many of its fields changed."""
    names = st.lists(st.sampled_from(sorted(alternatives)), unique=True, max_size=most)
    changes = names.flatmap(lambda chosen: st.fixed_dictionaries({n: st.sampled_from(alternatives[n]) for n in chosen}))
    return changes.map(lambda chosen: replace(value, **chosen))


policies: st.SearchStrategy[Policy] = _varied(a_policy(), _POLICY, 2) | _varied(a_policy(mode=Mode.AUTO), _POLICY, 2)
devices: st.SearchStrategy[ManagedDevice] = st.sampled_from(
    [a_device(), a_device(), an_owners_device(), a_returned_device()]
).flatmap(lambda device: _varied(device, _DEVICE, 2))


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """What could have been read, contradictions included."""
    rows = tuple(draw(st.lists(devices, max_size=3)))
    status = draw(st.sampled_from(["assignedInSync", "pending"]))
    bound = (an_autopilot_device(user_principal_name=OWNER, profile_status=status),)
    unlicensed = all_facts(users=users(a_user(), staging_user()), plans=())
    known = draw(st.sampled_from([all_facts(), all_facts(autopilot=bound), unlicensed]))
    known = replace(known, device=draw(devices), same_serial=rows)
    return draw(_varied(known, _FACTS, 2))


@st.composite
def cases(draw: st.DrawFn, states: Sequence[CaseState], policy: Policy) -> Case:
    """A case in one of the states with what the state guarantees; its approval may fit the policy or not."""
    state = draw(st.sampled_from(states))
    before_approval = list(CaseState).index(state) <= list(CaseState).index(CaseState.BINDING)
    if before_approval and draw(st.booleans()) and draw(st.booleans()):
        return draw(
            _varied(an_unenrolled_case(state), {n: _CASE[n] for n in _CASE if n not in ("device", "serial_number")}, 3)
        )
    case: Case = draw(_varied(a_case(state), _CASE, draw(st.sampled_from([0, 1, 3]))))
    checked = [case.ready_at, None, NOW - timedelta(minutes=10), NOW - timedelta(days=3)]
    return replace(
        case, approval=draw(st.sampled_from(_approvals(case, policy))), ready_at=draw(st.sampled_from(checked))
    )


def _approvals(case: Case, policy: Policy) -> list[object]:
    fitting = [an_approval(case, policy)] * 4 + [an_approval(case, policy, by=BY_POLICY)] * 2
    changes: list[dict[str, object]] = [{"used": True}, {"expires_at": NOW - A_SECOND}, {"proposal": "of another"}]
    return [*fitting, *(an_approval(case, policy, **change) for change in changes), None]
