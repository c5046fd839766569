"""Deliberate breakages of the code that keeps the promises: each one alone must be noticed by the histories."""

from collections.abc import Sequence

from tests.safety.breakage import Breakage
from tests.safety.breakages_more import MORE

_AFTER = "shared/rules/after_wipe.py"
_WIPE, _FENCE, _HOLDING = "shared/remedy/wipe.py", "shared/rules/fence.py", "shared/rules/holding.py"
_BUDGET, _CASES, _ADVANCE = "shared/records/budget.py", "shared/records/cases.py", "shared/remedy/advance.py"

_FIRST: Sequence[Breakage] = (
    Breakage(
        name="the fence does not compare the device with the approved one",
        file=_FENCE,
        before="    if changed := what_changed(case.device, device):",
        after="    if (changed := what_changed(case.device, device)) and changed == 'never':",
    ),
    Breakage(
        name="the fence forgets the enrolment user",
        file=_FENCE,
        before='        ("enrolment user", (was.enrolment_user_id or "").lower(), (device.user_id or "").lower()),\n',
        after="",
    ),
    Breakage(
        name="the fence wipes a compliant device",
        file=_FENCE,
        before="""    if device.compliance is Compliance.COMPLIANT:
        return go(
            CaseState.NO_ACTION_NEEDED,
            Reason.MENDED_WITHOUT_WIPE,
            f"{device.called} became compliant; no wipe was sent.",
            evidence=evidence,
        )
    if device.compliance is not Compliance.NONCOMPLIANT:""",
        after="    if device.compliance is Compliance.ERROR:",
    ),
    Breakage(
        name="the fence wipes a device in its grace period",
        file=_FENCE,
        before="    if device.compliance is not Compliance.NONCOMPLIANT:",
        after="    if device.compliance is Compliance.ERROR:",
    ),
    Breakage(
        name="the fence does not look at the owner's licence",
        file=_FENCE,
        before="    if case.licence_seen_at is None or not covered_since(owner, case.licence_seen_at):",
        after="    if case.licence_seen_at is None:",
    ),
    Breakage(
        name="the fence does not ask whether the owner is enabled",
        file=_FENCE,
        before="    if not (isinstance(owner, User) and owner.enabled):",
        after="    if not isinstance(owner, User):",
    ),
    Breakage(
        name="a wipe found as sent is sent again",
        file="shared/rules/decide.py",
        before="    CaseState.WIPE_SENT: look_for_wipe,",
        after="    CaseState.WIPE_SENT: lambda case, facts, policy, now: Decision(to=CaseState.CLEARED_TO_WIPE, reason=Reason.WIPE_NOT_SENT, says='', due=now, changes={'approval': __import__('dataclasses').replace(case.approval, used=False)}),",
    ),
    Breakage(
        name="an unknown answer counts as not sent",
        file=_AFTER,
        before="    if isinstance(answer, WipeNotSent):\n        held = go(",
        after="    if isinstance(answer, WipeNotSent) or hasattr(answer, 'why'):\n        answer = WipeNotSent(why=answer.why)\n        held = go(",
    ),
    Breakage(
        name="a wipe is not written down before it is sent",
        file=_WIPE,
        before="        sent = await self._save(stored, decision)\n        event(",
        after="        sent = stored\n        event(",
    ),
    Breakage(
        name="the kill switch always reads as off",
        file="shared/records/freeze.py",
        before='                frozen=document["frozen"] is not False,',
        after="                frozen=False,",
    ),
    Breakage(
        name="the last look at a device may be a day old",
        file=_WIPE,
        before="A_LOOK_HOLDS_FOR = timedelta(seconds=60)",
        after="A_LOOK_HOLDS_FOR = timedelta(days=1)",
    ),
    Breakage(
        name="the kill switch is read long before the wipe",
        file=_WIPE,
        before="SWITCH_AT_MOST = timedelta(seconds=5)",
        after="SWITCH_AT_MOST = timedelta(days=1)",
    ),
    Breakage(
        name="the budget is not paid",
        file=_WIPE,
        before="        if denied is not None:",
        after="        if denied is not None and denied[1] == 'never':",
    ),
    Breakage(
        name="the budget forgets who paid before",
        file=_BUDGET,
        before='        _WINDOW: {"wipes": [*_current(documents.get(_WINDOW), now), {"nonce": nonce, "at": at, "back": False}]},',
        after='        _WINDOW: {"wipes": [{"nonce": nonce, "at": at, "back": False}]},',
    ),
    Breakage(
        name="proof that was lost on its way to the record is never written",
        file="shared/upkeep/supervise.py",
        before="        await self._settle_again(now)\n",
        after="",
    ),
    Breakage(
        name="the journal leaves out what changed",
        file=_CASES,
        before="[name for name in _FIELDS if getattr(before, name) != getattr(after, name)]",
        after="[name for name in _FIELDS if getattr(before, name) != getattr(after, name) and name != 'licence']",
    ),
    Breakage(
        name="a used approval counts again",
        file=_HOLDING,
        before="    if approval.used:",
        after="    if approval.used and approval.by == 'never':",
        test="tests/unit/test_holding.py",
    ),
    Breakage(
        name="an expired approval counts",
        file=_HOLDING,
        before="    if now > approval.expires_at:",
        after="    if now > approval.expires_at + timedelta(days=365):",
    ),
    Breakage(
        name="in approve mode nobody is asked",
        file="shared/rules/clearing.py",
        before="    return go(\n        CaseState.AWAITING_APPROVAL,\n        Reason.APPROVAL_NEEDED,",
        after="    if policy.mode is Mode.APPROVE:\n        from dataclasses import replace\n        yes = clear(case, policy, now, so_far=so_far)\n"
        "        given = replace(yes.changes['approval'], by='nobody')\n"
        "        return replace(yes, changes={**yes.changes, 'approval': given})\n"
        "    return go(\n        CaseState.AWAITING_APPROVAL,\n        Reason.APPROVAL_NEEDED,",
    ),
    Breakage(
        name="a stale step is worked on",
        file=_ADVANCE,
        before="        if stored.case.version != step.version:",
        after="        if stored.case.version < step.version - 10**6:",
    ),
    Breakage(
        name="a lost race is not believed",
        file=_CASES,
        before='            if row is None or row.data.get("write_id") != write_id:',
        after="            if row is None:",
    ),
    Breakage(
        name="our own write is taken for somebody else's",
        file=_CASES,
        before='            if row is None or row.data.get("write_id") != write_id:',
        after="            if True:",
        test="tests/unit/test_advance.py",
    ),
    Breakage(
        name="report mode writes",
        file="shared/rules/licensing.py",
        before="    if policy.mode is Mode.REPORT:",
        after="    if policy.mode is Mode.OFF:",
    ),
    Breakage(
        name="the next step is not sent",
        file=_ADVANCE,
        before="        if case.state in RULES:\n            await self.steps.send(case)",
        after="        if case.state in RULES and case.state is not CaseState.WATCHING:\n            await self.steps.send(case)",
        test="tests/unit/test_advance_in_trouble.py",
    ),
    Breakage(
        name="the supervisor finds nothing",
        file="shared/upkeep/supervise.py",
        before="        async for listed in self.cases.open_cases():",
        after="        async for listed in self.cases.ended_cases('never'):",
    ),
)
BREAKAGES = (*_FIRST, *MORE)
