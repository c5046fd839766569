"""The command line: what operators and administrators do from a terminal. One file per group of commands."""
