"""What the console needs besides the use cases that the API has, too."""

from dataclasses import dataclass

from shared.operate.numbers import ReadNumbers
from shared.operate.see_case import SeeCase
from shared.operate.see_tenant import SeeTenant
from shared.records.console_key import ConsoleKey
from shared.records.freeze import FreezeSwitch


@dataclass(frozen=True, slots=True, kw_only=True)
class ForConsole:
    """The console's own reads. ``app_url`` is this app's public address, if it is known."""

    numbers: ReadNumbers
    see_case: SeeCase
    see_tenant: SeeTenant
    freeze: FreezeSwitch
    key: ConsoleKey
    time_zone: str
    app_url: str | None
