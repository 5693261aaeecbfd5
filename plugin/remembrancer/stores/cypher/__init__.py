"""Cypher that users write: read enough to refuse what writes or reaches beyond the graph.

- `bracket_levels`: the brackets of a Cypher text: which token closes which, and what lies on one level.
- `expression_loops`: loops within one expression of Cypher: those that no time limit ends, and that are refused.
- `read_only`: the check of a user's Cypher: it reads this graph, and asks nothing else of the engine.
- `tokens`: the tokens of a Cypher text: words, quoted names and signs, without comments and the contents of strings.
"""
