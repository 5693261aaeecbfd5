"""The graph, as data: named queries, migrations and the data dictionary. Standard library only."""
