"""The command line: what operators do over the API, from a terminal. One file per group of commands."""
