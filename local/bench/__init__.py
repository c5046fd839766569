"""Measures what the project promises, and writes the figures down. Never part of the tests. Start at __main__.py."""
