"""The simulated Microsoft tenant: a pure model (model/), Graph's wire format over it (http/), scenarios that fill it."""
