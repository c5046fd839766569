"""The timers. Each calls one use case."""

import azure.functions as func

from shared.bootstrap import services


async def keep_subscriptions(timer: func.TimerRequest) -> None:
    """Create and renew the Graph subscriptions."""
    await services().keep_subscriptions.run()


async def supervise_cases(timer: func.TimerRequest) -> None:
    """Send lost step messages again."""
    await services().supervise.run()


async def watch_returns(timer: func.TimerRequest) -> None:
    """Notice wiped devices that are back."""
    await services().watch_returns.run()


async def watch_fleet(timer: func.TimerRequest) -> None:
    """Count the devices, and freeze on a spike."""
    await services().watch_fleet.run()


async def watch_wipes(timer: func.TimerRequest) -> None:
    """Compare the wipes that Intune wrote down with ours, and freeze on one that is nobody's."""
    await services().watch_wipes.run()


async def sweep(timer: func.TimerRequest) -> None:
    """Look for what no event told, if it is time."""
    await services().sweep.run()


async def measure_queues(timer: func.TimerRequest) -> None:
    """Tell how full the queues are."""
    await services().measure_queues.run()


async def send_report(timer: func.TimerRequest) -> None:
    """Mail the report of the day."""
    await services().report.send()


async def look_for_drift(timer: func.TimerRequest) -> None:
    """Look whether the tenant is still as it was made, if that is wanted."""
    await services().look_for_drift.run()
