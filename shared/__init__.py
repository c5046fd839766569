"""The product: pure domain and rules, use cases over ports, and the clients that know vendors."""
