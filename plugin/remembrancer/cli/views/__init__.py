"""Views: what commands show on a terminal, beyond one line.

- `dependencies`: tables of dependencies, and of what they block.
- `halts`: the halt of a scheduler, in one line.
- `imports`: the result of an import, entry by entry.
- `sources`: files that imports read.
- `fires`: the answers to changes of single occurrences.
- `lineage`: lineages in words: the budget of one, and its tasks as a tree.
- `serve`: what `remembrancer serve` prints while it runs: where it listens, and a line for each execution.
- `pauses`: a pause of all tasks but one, in words.
- `tasks`: tables of tasks, and of their executions and changes.
- `set_files`: files that declare sets of tasks: TOML, and YAML read into plain values only.
- `watch`: views of `remembrancer watch`: a live display on a terminal, and lines elsewhere.
- `year`: a year as a picture: twelve months, with the number of fires of each day.
"""
