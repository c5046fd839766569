"""Moving one case: load, gather, decide, save, act."""
