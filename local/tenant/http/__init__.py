"""Graph's wire format over the model: paths, queries, bodies and JSON. No rule of the tenant is decided here."""
