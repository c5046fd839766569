"""The outbox of change notifications: when each is due, what becomes of it, and how it is tried again."""

import heapq
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from local.tenant.model.counts import Counts
from local.tenant.model.faults import Faults
from local.tenant.model.groups import Group, Groups
from local.tenant.model.subscriptions import Subscription, Subscriptions
from local.tenant.model.users import User, Users
from local.tenant.model.world import World

_GIVE_UP_AFTER = timedelta(hours=4)
_FIRST_RETRY = timedelta(seconds=10)
_LONGEST_RETRY = timedelta(minutes=30)
_REAUTHORIZE_BEFORE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notification on its way to one URL. ``lifecycle_event`` is set instead of ``change_type`` on lifecycle ones."""

    number: int
    subscription: Subscription
    url: str
    due_at: datetime
    first_due_at: datetime
    attempt: int = 1
    change_type: str | None = None
    collection: str = ""
    object_id: str = ""
    event_at: datetime
    lifecycle_event: str | None = None


class Notifications:
    """Raises notifications for what changes in users and groups, and keeps them until they are delivered."""

    def __init__(self, world: World, subscriptions: Subscriptions, faults: Faults, counts: Counts) -> None:
        self._world = world
        self._subscriptions = subscriptions
        self._faults = faults
        self._counts = counts
        self._sent = 0
        self._outbox: list[tuple[datetime, int, Notification]] = []

    def watch(self, users: Users, groups: Groups) -> None:
        """From now on every change of a user or group is notified."""
        users.store.on_change(self._user_changed)
        groups.store.on_change(self._group_changed)

    def next_at(self) -> datetime | None:
        """When the next notification is due, or None."""
        return self._outbox[0][0] if self._outbox else None

    def take_due(self) -> list[Notification]:
        """The notifications that are due now; each must be answered with ``delivered`` or ``refused``."""
        due: list[Notification] = []
        while self._outbox and self._outbox[0][0] <= self._world.now():
            due.append(heapq.heappop(self._outbox)[2])
        self._counts.notifications_sent += len(due)
        return due

    def delivered(self, *notifications: Notification) -> None:
        """The endpoint answered 2xx in time: they are never sent again."""
        self._counts.notifications_acknowledged += len(notifications)

    def refused(self, *notifications: Notification) -> None:
        """The endpoint did not answer 2xx in time: tried again with growing pauses for four hours, then lost."""
        self._counts.notifications_refused += len(notifications)
        for notification in notifications:
            self._try_again(notification)

    def _try_again(self, notification: Notification) -> None:
        pause = min(_FIRST_RETRY * 2 ** min(notification.attempt - 1, 20), _LONGEST_RETRY)
        due_at = self._world.now() + pause
        if due_at - notification.first_due_at > _GIVE_UP_AFTER:
            self._counts.notifications_lost += 1
        else:
            self._put(replace(notification, due_at=due_at, attempt=notification.attempt + 1))

    def warn_before_expiry(self, subscription: Subscription) -> None:
        """Plan the reauthorizationRequired lifecycle notification of a new or renewed subscription."""
        if subscription.lifecycle_url is not None:
            at = max(self._world.now(), subscription.expires_at - _REAUTHORIZE_BEFORE)
            self._world.clock.schedule(at, lambda: self._require_reauthorization(subscription))

    def _require_reauthorization(self, subscription: Subscription) -> None:
        live = {s.id: s for s in self._subscriptions.live()}.get(subscription.id)
        if live is not None and live.expires_at == subscription.expires_at:
            self._tell(live, "reauthorizationRequired")

    def tell_lifecycle(self, event: str) -> None:
        """Send this lifecycle notification for every subscription that has a URL for it."""
        for subscription in self._subscriptions.live():
            self._tell(subscription, event)

    def _tell(self, live: Subscription, event: str) -> None:
        if live.lifecycle_url is None:
            return
        self._put(
            Notification(
                number=self._next_number(),
                subscription=live,
                url=live.lifecycle_url,
                due_at=self._world.now(),
                first_due_at=self._world.now(),
                event_at=self._world.now(),
                lifecycle_event=event,
            )
        )

    def _user_changed(self, key: str, _before: User | None, after: User | None) -> None:
        # A soft delete is told as "updated", like a create: "deleted" would be the permanent removal.
        self._raise("Users", key if after is None else after.id, members=False)

    def _group_changed(self, key: str, before: Group | None, after: Group | None) -> None:
        had = () if before is None else before.member_ids
        has = () if after is None else after.member_ids
        self._raise("Groups", key if after is None else after.id, members=had != has)

    def _raise(self, collection: str, object_id: str, *, members: bool) -> None:
        for subscription in self._subscriptions.live():
            wanted = "updated" in subscription.change_types
            if wanted and subscription.covers(collection, object_id, members=members):
                self._add(subscription, collection, object_id)

    def _add(self, subscription: Subscription, collection: str, object_id: str) -> None:
        journey = self._faults.notification_journey()
        if journey.lost:
            self._counts.notifications_lost += 1
            return
        due_at = self._world.now() + self._world.delays.notification + journey.late
        if journey.reordered:
            due_at += timedelta(seconds=self._world.rng.randint(0, 600))
        for _ in range(journey.copies):
            self._put(
                Notification(
                    number=self._next_number(),
                    subscription=subscription,
                    url=subscription.notification_url,
                    due_at=due_at,
                    first_due_at=due_at,
                    change_type="updated",
                    collection=collection,
                    object_id=object_id,
                    event_at=self._world.now(),
                )
            )

    def _next_number(self) -> int:
        self._sent += 1
        return self._sent

    def _put(self, notification: Notification) -> None:
        heapq.heappush(self._outbox, (notification.due_at, notification.number, notification))
