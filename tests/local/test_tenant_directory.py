"""Users, groups and device objects on the wire: what must be selected, what is refused, and delta queries."""

from datetime import timedelta

from tests.local.simulated_tenant import DAY, OWNER, SPB, STAGING, STANDARD, Client, Json, client_of, device, story

TENANT = {
    "skus": [{"part": "SPB", "seats": 5}, {"part": "O365_BUSINESS_PREMIUM", "seats": 25}],
    "groups": [{"name": "Gets a device", "members": [STAGING]}],
}
DEVICES_DELTA = "/v1.0/devices/delta"


async def _round(client: Client, link: str) -> tuple[list[Json], str]:
    """Every row of a delta round, and the link to the next one."""
    rows: list[Json] = []
    while True:
        answer = (await client.http.get(link)).json()
        rows += answer["value"]
        assert ("@odata.nextLink" in answer) != ("@odata.deltaLink" in answer)
        if "@odata.deltaLink" in answer:
            return rows, answer["@odata.deltaLink"]
        link = answer["@odata.nextLink"]


async def test_a_user_is_found_by_id_and_by_upn_in_any_case() -> None:
    model = story()
    async with client_of(model) as client:
        by_upn = await client.get(f"/v1.0/users/{OWNER.upper()}")
        by_id = await client.get(f"/v1.0/users/{by_upn['id']}")
        by_key = await client.get(f"/v1.0/users('{by_upn['id']}')")
    assert by_upn["userPrincipalName"] == by_id["userPrincipalName"] == by_key["userPrincipalName"] == OWNER


async def test_what_decides_about_licences_comes_only_when_selected() -> None:
    async with client_of(story()) as client:
        plain = await client.get(f"/v1.0/users/{OWNER}")
        selected = await client.get(f"/v1.0/users/{OWNER}", select="id,usageLocation,assignedLicenses,accountEnabled")
    assert not {"usageLocation", "assignedLicenses", "assignedPlans", "accountEnabled", "userType"} & plain.keys()
    assert selected["assignedLicenses"] == [{"skuId": STANDARD, "disabledPlans": []}]
    assert (selected["usageLocation"], selected["accountEnabled"]) == ("GB", True)
    assert "displayName" not in selected


async def test_an_unknown_property_cannot_be_selected() -> None:
    async with client_of(story()) as client:
        status, _, message = await client.error(f"/v1.0/users/{OWNER}", select="shoeSize")
    assert status == 400
    assert "'shoeSize'" in message


async def test_an_unknown_user_is_404() -> None:
    async with client_of(story()) as client:
        status, code, message = await client.error("/v1.0/users/nobody@contoso.example")
    assert (status, code) == (404, "Request_ResourceNotFound")
    assert "nobody@contoso.example" in message


async def test_users_can_be_asked_for_by_a_list_of_ids() -> None:
    model = story()
    wanted = [model.users.require(upn).id for upn in (OWNER, STAGING)]
    async with client_of(model) as client:
        rows = (await client.get("/v1.0/users", filter=f"id in ('{wanted[0]}', '{wanted[1]}')"))["value"]
        status, code, _ = await client.error("/v1.0/users", filter="shoeSize eq 42")
    assert {row["id"] for row in rows} == set(wanted)
    assert (status, code) == (400, "Request_UnsupportedQuery")


async def test_assigning_a_licence_answers_with_the_user_and_needs_both_lists() -> None:
    model = story()
    path = f"/v1.0/users/{OWNER}/assignLicense"
    async with client_of(model) as client:
        missing = await client.post(path, {"addLicenses": [{"skuId": SPB}]})
        unknown = await client.post(path, {"addLicenses": [{"skuId": SPB, "seat": 1}], "removeLicenses": []})
        assigned = await client.post(path, {"addLicenses": [{"skuId": SPB}], "removeLicenses": []})
        details = (await client.get(f"/v1.0/users/{OWNER}/licenseDetails"))["value"]
    assert missing.status_code == unknown.status_code == 400
    assert "removeLicenses" in missing.json()["error"]["message"]
    assert "'seat'" in unknown.json()["error"]["message"]
    assert assigned.status_code == 200
    assert assigned.json()["userPrincipalName"] == OWNER
    states = {
        plan["provisioningStatus"] for detail in details if detail["skuId"] == SPB for plan in detail["servicePlans"]
    }
    assert states == {"PendingProvisioning"}


async def test_an_assigned_plan_is_enabled_before_it_is_provisioned_and_deleted_after_it_is_lost() -> None:
    model = story()
    path = f"/v1.0/users/{OWNER}/assignLicense"
    intune = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"
    async with client_of(model) as client:

        async def status() -> list[str]:
            plans = (await client.get(f"/v1.0/users/{OWNER}", select="assignedPlans"))["assignedPlans"]
            return [plan["capabilityStatus"] for plan in plans if plan["servicePlanId"] == intune]

        assert await status() == []
        await client.post(path, {"addLicenses": [{"skuId": SPB}], "removeLicenses": []})
        assert await status() == ["Enabled"]
        await client.post(path, {"addLicenses": [], "removeLicenses": [SPB]})
        assert await status() == ["Deleted"]


async def test_a_usage_location_is_set_and_checked() -> None:
    model = story(user={"usage_location": None})
    async with client_of(model) as client:
        patched = await client.http.patch(f"/v1.0/users/{OWNER}", json={"usageLocation": "GB"})
        wrong = await client.http.patch(f"/v1.0/users/{OWNER}", json={"usageLocation": "Britain"})
    assert (patched.status_code, wrong.status_code) == (204, 400)
    assert model.users.require(OWNER).usage_location == "GB"


async def test_skus_show_their_seats() -> None:
    async with client_of(story()) as client:
        skus = {sku["skuPartNumber"]: sku for sku in (await client.get("/v1.0/subscribedSkus"))["value"]}
        by_id = await client.get(f"/v1.0/subscribedSkus/{skus['SPB']['id']}")
    assert (skus["SPB"]["prepaidUnits"]["enabled"], skus["SPB"]["consumedUnits"]) == (5, 1)
    assert "INTUNE_A" not in {plan["servicePlanName"] for plan in skus["O365_BUSINESS_PREMIUM"]["servicePlans"]}
    assert by_id["skuPartNumber"] == "SPB"


async def test_group_membership_can_be_checked_changed_and_listed() -> None:
    model = story(tenant=TENANT)
    group = model.groups.find("Gets a device")
    assert group is not None
    path = f"/v1.0/groups/{group.id}/members"
    owner = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{model.users.require(OWNER).id}"}
    check = f"/v1.0/users/{OWNER}/checkMemberGroups"
    async with client_of(model) as client:
        assert (await client.post(check, {"groupIds": [group.id]})).json()["value"] == []
        assert (await client.post(f"{path}/$ref", owner)).status_code == 204
        again = await client.post(f"{path}/$ref", owner)
        assert (await client.post(check, {"groupIds": [group.id]})).json()["value"] == [group.id]
        members = (await client.get(path))["value"]
        assert (await client.http.delete(f"{path}/{model.users.require(OWNER).id}/$ref")).status_code == 204
        too_many = await client.post(check, {"groupIds": [group.id] * 21})
    assert again.status_code == too_many.status_code == 400
    assert "already exist" in again.json()["error"]["message"]
    assert [member["userPrincipalName"] for member in members] == [STAGING, OWNER]
    assert members[0]["@odata.type"] == "#microsoft.graph.user"


async def test_a_device_object_mirrors_compliance_and_names_its_owner() -> None:
    model = story()
    async with client_of(model) as client:
        (row,) = (await client.get("/v1.0/devices", filter=f"deviceId eq '{device(model).entra_device_id}'"))["value"]
        (owner,) = (await client.get(f"/v1.0/devices/{row['id']}/registeredOwners"))["value"]
        model.compliance.set(device(model).id, "compliant")
        after = await client.get(f"/v1.0/devices/{row['id']}", select="isCompliant,isManaged")
    assert (row["isCompliant"], row["isManaged"]) == (False, True)
    assert owner["userPrincipalName"] == STAGING
    assert (after["isCompliant"], after["isManaged"]) == (True, True)


async def test_a_delta_starts_from_now_and_then_shows_what_changed() -> None:
    model = story()
    async with client_of(model) as client:
        rows, link = await _round(client, f"{DEVICES_DELTA}()?$deltatoken=latest&$select=deviceId,isCompliant")
        assert rows == []
        rows, link = await _round(client, link)
        assert rows == []
        model.compliance.set(device(model).id, "compliant")
        rows, link = await _round(client, link)
        (row,) = rows
        assert row.keys() == {"id", "deviceId", "isCompliant"}
        assert row["isCompliant"] is True
        assert (await _round(client, link))[0] == []


async def test_a_delta_tracks_only_what_was_selected() -> None:
    model = story()
    async with client_of(model) as client:
        _, link = await _round(client, f"{DEVICES_DELTA}?$deltatoken=latest&$select=displayName")
        model.compliance.set(device(model).id, "compliant")
        assert (await _round(client, link))[0] == []


async def test_a_first_round_brings_everything_page_by_page() -> None:
    devices = [{"serial": f"S-{n}", "enrolled_by": OWNER} for n in range(7)]
    async with client_of(story(devices=devices)) as client:
        first = await client.get(DEVICES_DELTA, headers={"Prefer": "odata.maxpagesize=3"}, select="displayName")
        assert len(first["value"]) == 3
        rows, _ = await _round(client, first["@odata.nextLink"])
    assert [row["displayName"] for row in rows] == [f"PC-S-{n}" for n in range(3, 7)]


async def test_nothing_is_lost_when_something_is_removed_during_a_first_round() -> None:
    devices = [{"serial": f"S-{n}", "enrolled_by": OWNER} for n in range(4)]
    model = story(devices=devices)
    async with client_of(model) as client:
        first = await client.get(DEVICES_DELTA, headers={"Prefer": "odata.maxpagesize=2"})
        gone = first["value"][0]["deviceId"]
        model.entra_devices.delete(gone)
        rows, link = await _round(client, first["@odata.nextLink"])
        assert [row["displayName"] for row in rows] == ["PC-S-2", "PC-S-3"]
        ((removed,), _) = await _round(client, link)
    assert removed == {"id": first["value"][0]["id"], "@removed": {"reason": "changed"}}


async def test_thrown_away_and_old_tokens_need_a_new_start() -> None:
    model = story()
    async with client_of(model) as client:
        _, link = await _round(client, f"{DEVICES_DELTA}?$deltatoken=latest")
        model.devices_log.expire_tokens()
        expired = await client.http.get(link)
        assert expired.status_code == 410
        assert expired.json()["error"]["code"] == "syncStateNotFound"
        rows, link = await _round(client, expired.headers["Location"])
        assert len(rows) == 1
        model.clock.advance(7 * DAY + timedelta(seconds=1))
        assert (await client.http.get(link)).status_code == 410
        model.devices_log.expired_status = 400
        old = await client.http.get(link)
        assert (old.status_code, old.json()["error"]["code"]) == (400, "syncStateNotFound")
        assert (await client.http.get(f"{DEVICES_DELTA}?$deltatoken=rubbish")).status_code == 400


async def test_a_licence_change_is_in_the_delta_of_users_and_a_membership_in_that_of_groups() -> None:
    model = story(tenant=TENANT)
    group = model.groups.find("Gets a device")
    assert group is not None
    async with client_of(model) as client:
        _, users = await _round(client, "/v1.0/users/delta?$deltatoken=latest&$select=assignedLicenses")
        _, groups = await _round(client, "/v1.0/groups/delta()?$deltatoken=latest")
        await client.post(f"/v1.0/users/{OWNER}/assignLicense", {"addLicenses": [{"skuId": SPB}], "removeLicenses": []})
        model.groups.add_member(group.id, OWNER)
        ((user,), _) = await _round(client, users)
        ((changed,), _) = await _round(client, groups)
    assert {held["skuId"] for held in user["assignedLicenses"]} == {SPB, STANDARD}
    assert model.users.require(OWNER).id in {member["id"] for member in changed["members@delta"]}


async def test_reads_of_the_directory_can_lag_behind() -> None:
    model = story(tenant=TENANT | {"delays": {"directory": "PT2M"}})
    path = f"/v1.0/users/{OWNER}"
    async with client_of(model) as client:
        answer = await client.post(f"{path}/assignLicense", {"addLicenses": [{"skuId": SPB}], "removeLicenses": []})
        assert answer.status_code == 200
        assert len((await client.get(path, select="assignedLicenses"))["assignedLicenses"]) == 1
        model.clock.advance(timedelta(minutes=2))
        assert len((await client.get(path, select="assignedLicenses"))["assignedLicenses"]) == 2


async def test_mail_is_kept_for_whoever_wants_to_read_it() -> None:
    model = story()
    message = {
        "subject": "Your PC will be reset",
        "body": {"contentType": "text", "content": "Save your files."},
        "toRecipients": [{"emailAddress": {"address": OWNER}}],
        "importance": "high",
    }
    async with client_of(model) as client:
        sent = await client.post(f"/v1.0/users/{STAGING}/sendMail", {"message": message, "saveToSentItems": False})
        (mail,) = (await client.http.get("/_sim/outbox")).json()["mails"]
    assert sent.status_code == 202
    assert (mail["to"], mail["subject"]) == ([OWNER], "Your PC will be reset")


async def test_the_mdm_authority_comes_only_when_selected() -> None:
    async with client_of(story()) as client:
        (plain,) = (await client.get("/v1.0/organization"))["value"]
        (selected,) = (await client.get("/v1.0/organization", select="id,mobileDeviceManagementAuthority"))["value"]
    assert "mobileDeviceManagementAuthority" not in plain
    assert selected["mobileDeviceManagementAuthority"] == "intune"
