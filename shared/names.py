"""The names of every queue and table. infra/ creates the same; a test compares them."""

DEVICE_EVENTS = "device-events"
HINTS = "hints"
CASE_STEPS = "case-steps"
WIPE_STEPS = "wipe-steps"
NOTICES = "notices"
QUEUES = (DEVICE_EVENTS, HINTS, CASE_STEPS, WIPE_STEPS, NOTICES)
INTUNE_LOGS = "intune-logs"
"""Not a queue: what is parked of Intune's diagnostic logs."""

CASES = "cases"
WORKLIST = "worklist"
LEDGERS = "ledgers"
PARKED = "parked"
SUBSCRIPTIONS = "subscriptions"
"""Apart from the ledgers, because the webhook's identity may write here, and nowhere else."""
OUTBOX = "outbox"
OVERVIEW = "overview"
"""Derived: what lists and counts are made from."""
TABLES = (CASES, WORKLIST, LEDGERS, PARKED, SUBSCRIPTIONS, OUTBOX, OVERVIEW)
