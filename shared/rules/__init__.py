"""Pure verbs: what to do about a case, given facts, policy and the time."""
