"""What the world told us, turned into hints and then into cases."""
