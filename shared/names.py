"""The names of every queue and table. infra/ creates the same; a test compares them."""

DEVICE_EVENTS = "device-events"
HINTS = "hints"
CASE_STEPS = "case-steps"
QUEUES = (DEVICE_EVENTS, HINTS, CASE_STEPS)

CASES = "cases"
WORKLIST = "worklist"
LEDGERS = "ledgers"
PARKED = "parked"
TABLES = (CASES, WORKLIST, LEDGERS, PARKED)
