"""Views: what long-running commands show on a terminal.

- `imports`: the result of an import, entry by entry.
- `sources`: files that imports read.
- `serve`: what `remembrancer serve` prints while it runs: where it listens, and a line for each execution.
- `watch`: views of `remembrancer watch`: a live display on a terminal, and lines elsewhere.
"""
