"""One file per way the world reaches us: decode, validate, call one use case, answer."""
