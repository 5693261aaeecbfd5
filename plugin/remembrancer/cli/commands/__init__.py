"""Commands: each module has the name of its command."""
