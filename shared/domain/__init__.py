"""Pure nouns. Nothing here does I/O, reads a clock or knows a vendor."""
