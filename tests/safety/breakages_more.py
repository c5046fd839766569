"""More of breakages.py: of the device's identity, exclusion, approval, limits, repetition and the watchdog."""

from collections.abc import Sequence

from tests.safety.breakage import Breakage

_AFTER = "shared/rules/after_wipe.py"
_WIPE, _FENCE, _HOLDING = "shared/remedy/wipe.py", "shared/rules/fence.py", "shared/rules/holding.py"
_CASES = "shared/records/cases.py"
_EXCLUSION, _GUARDRAILS, _LEDGER = "shared/rules/exclusion.py", "shared/rules/guardrails.py", "shared/records/ledger.py"
_SEND, _ADMIN = "shared/clients/graph/wipe.py", "shared/rules/admin_approval.py"

MORE: Sequence[Breakage] = (
    Breakage(
        name="a licence that was taken and given anew counts as provisioned",
        file="shared/rules/plans.py",
        before="{plan for plan, at in user.plans_assigned_at if at <= seen_at}",
        after="{plan for plan, _ in user.plans_assigned_at}",
        test="tests/unit/test_fence.py",
    ),
    Breakage(
        name="the fence forgets the enrolment time",
        file=_FENCE,
        before='        ("enrolment time", was.enrolled_at, device.enrolled_at),\n',
        after="",
    ),
    Breakage(
        name="the fence forgets the serial number",
        file=_FENCE,
        before='        ("serial number", was.serial_number, device.serial_number),\n',
        after="",
    ),
    Breakage(
        name="the fence forgets the Entra device id",
        file=_FENCE,
        before='        ("Entra device id", (was.entra_device_id or "").lower(), (device.entra_device_id or "").lower()),\n',
        after="",
    ),
    Breakage(
        name="the device is not read again before the wipe",
        file="shared/remedy/gather.py",
        before="device=await self.devices.reread(managed_device_id_of(case))",
        after="device=await self.devices.read(managed_device_id_of(case))",
    ),
    Breakage(
        name="a group that cannot be read excludes nobody",
        file=_EXCLUSION,
        before='    return next((each.unreadable or "not asked" for each in read if each.of(group) is None), None)',
        after="    return None",
        test="tests/unit/test_exclusion.py",
    ),
    Breakage(
        name="the exclusion group is not asked",
        file=_EXCLUSION,
        before="""    group = policy.exclusion_group
    if group is None:
        return None
    if (facts""",
        after="""    group = None
    if group is None:
        return None
    if (facts""",
    ),
    Breakage(
        name="an approval counts for whatever is wiped now",
        file=_HOLDING,
        before="    if approval.proposal != proposal_of(case, policy.version):",
        after="    if approval.proposal == '':",
        test="tests/unit/test_fence_permission.py",
    ),
    Breakage(
        name="whoever asked for the wipe may approve it",
        file="shared/operate/act.py",
        before="        if asked_for_it(case, who.known_as):\n",
        after="        if asked_for_it(case, 'nobody'):\n",
    ),
    Breakage(
        name="an approved wipe is asked for anew, without the administrator's code",
        file=_WIPE,
        before="""    if not attempt.second_request:
        assert attempt.admin_asked_at is None, "a wipe that waits for an administrator is not sent as a first one"
""",
        after="    if attempt.number > 0:\n",
    ),
    Breakage(
        name="a refused second request goes back to waiting for its administrator",
        file=_AFTER,
        before="""    if isinstance(answer, WipeRefused | WipeNeedsApproval):
""",
        after="""    if isinstance(answer, WipeRefused | WipeNeedsApproval) and attempt.second_request:
        return begin_to_wait(case, attempt.admin_code, attempt.admin_asked_at or now, now)
    if isinstance(answer, WipeRefused | WipeNeedsApproval):
""",
        test="tests/unit/test_wipe_two_phases.py",
    ),
    Breakage(
        name="an owner's devices are wiped one after the other",
        file=_GUARDRAILS,
        before="    if user_at is not None and now - user_at < policy.user_rest:",
        after="    if user_at is not None and now - user_at < policy.user_rest / 1000:",
    ),
    Breakage(
        name="a lost race is written over",
        file=_CASES,
        before="                raise\n            etags = [row.etag]",
        after="                writes[0] = replace(writes[0], expect=row.etag)\n"
        "                etags = await self._rows.write(CASES, case.id, writes[:1])\n            etags = [row.etag]",
    ),
    Breakage(
        name="a budget that somebody else changed counts as paid",
        file=_LEDGER,
        before="                if await self._is_ours(partition, writes[0].key, write_id):",
        after="                if await self._is_ours(partition, writes[0].key, write_id) or True:",
    ),
    Breakage(
        name="the wipe is repeated when a gateway answers",
        file=_SEND,
        before="        reply = await transport.send_once(OPERATION, request)\n",
        after="        reply = await transport.send_once(OPERATION, request)\n"
        "        if reply.status in (429, 503, 504):\n"
        "            reply = await transport.send_once(OPERATION, request)\n",
    ),
    Breakage(
        name="a token may take its time",
        file=_SEND,
        before="    if not_after is not None and transport.now() > not_after:",
        after="    if not_after is not None and transport.now() < not_after - not_after.resolution * 10**12:",
    ),
    Breakage(
        name="a switch that cannot be read is off",
        file="shared/records/freeze.py",
        before='            return Freeze(frozen=True, why="the switch could not be read")',
        after="            return Freeze(frozen=False)",
    ),
    Breakage(
        name="the watchdog takes every wipe for a person's",
        file="shared/rules/watchdog.py",
        before="    return Whose.NOT_OURS if audit.started_by is None else Whose.BY_PERSON",
        after="    return Whose.BY_PERSON",
    ),
    Breakage(
        name="the watchdog does not freeze",
        file="shared/upkeep/watch_wipes.py",
        before="        await self.brake.pull(Reason.WIPE_NOT_OURS, says(audit))\n",
        after="",
    ),
    Breakage(
        name="the owner's time does not count",
        file="shared/rules/notice.py",
        before="    if until is None or now >= until:",
        after="    if until is None or now >= until or case.notice is not None:",
        test="tests/unit/test_notice.py",
    ),
)
