"""The command line for administrators: `python -m local.cli`."""
