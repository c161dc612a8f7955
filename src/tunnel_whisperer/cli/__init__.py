"""The command line: one file per command, a table of them, one way out for errors."""
