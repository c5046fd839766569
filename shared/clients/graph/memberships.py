"""Group memberships and recovery keys, as the directory tells them for a user or a device."""

from typing import TYPE_CHECKING, cast

from shared.clients.graph.answers import json_object
from shared.clients.graph.transport import Transport
from shared.clients.graph.values import is_guid, is_user_key, own_id, quoted, same, text
from shared.domain.facts import MISSING, Missing
from shared.errors import RetryLater

if TYPE_CHECKING:  # see connection.py
    from kiota_abstractions.base_request_builder import BaseRequestBuilder


class GraphMemberships:
    """What checkMemberGroups says; it is transitive, and leaves out groups that do not exist."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def of_user(self, user_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        """See the port. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_user_key(user_id):
            return MISSING
        builder = self._transport.v1.users.by_user_id(user_id).check_member_groups
        return await self._asked("directory.groups_of_user", builder, group_ids)

    async def of_device(self, entra_device_id: str, group_ids: tuple[str, ...]) -> frozenset[str] | Missing:
        """See the port. Two requests: membership belongs to the object id, Intune knows the device id."""
        if not is_guid(entra_device_id):
            return MISSING
        query = {"filter": f"deviceId eq {quoted(entra_device_id)}", "select": "id,deviceId"}
        found = await self._transport.all_rows("directory.device_object", self._transport.v1.devices, query)
        objects = {own_id(row) for row in found if same(text(row, "deviceId"), entra_device_id)}
        if len(objects) != 1:
            return MISSING
        builder = self._transport.v1.devices.by_device_id(objects.pop()).check_member_groups
        return await self._asked("directory.groups_of_device", builder, group_ids)

    async def recovery_keys(self, entra_device_id: str) -> int:
        """See the port; every row is re-checked. Raises RetryLater, AccessDenied or Unexpected."""
        if not is_guid(entra_device_id):
            return 0
        builder = self._transport.v1.information_protection.bitlocker.recovery_keys
        query = {"filter": f"deviceId eq {quoted(entra_device_id)}"}
        found = await self._transport.all_rows("directory.recovery_keys", builder, query)
        return sum(same(text(row, "deviceId"), entra_device_id) for row in found)

    async def _asked(
        self, operation: str, builder: "BaseRequestBuilder", group_ids: tuple[str, ...]
    ) -> frozenset[str] | Missing:
        reply = await self._transport.send(operation, "POST", builder, {"groupIds": group_ids})
        if reply.status == 404:
            return MISSING
        if not reply.ok:
            raise self._transport.failure(reply, operation)
        found = json_object(reply, operation).get("value")
        if not isinstance(found, list) or not all(isinstance(each, str) for each in cast("list[object]", found)):
            raise RetryLater(f"{operation}: Graph answered without a list of group ids")
        wanted = {group.lower() for group in group_ids}
        return frozenset(group.lower() for group in cast("list[str]", found)) & wanted
