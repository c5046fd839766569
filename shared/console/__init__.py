"""The operator's console: what each page shows, as pure functions from what was read, and the templates that write it."""
