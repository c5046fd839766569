"""Our own records, kept as rows with conditional writes: cases, budgets, the freeze switch, locks, gates."""
