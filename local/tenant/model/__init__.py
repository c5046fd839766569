"""The tenant itself, in memory: directory, licences, Intune, Autopilot, subscriptions, faults and its own counts.

Pure: no HTTP, no asyncio, no wall clock, no chance but the seeded generator it is given. Time is a SimClock.
"""
