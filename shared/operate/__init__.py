"""What people do: look, approve, reject, cancel, retry, freeze."""
