"""Commands, one module each, named as the command.

- `audit`: `remembrancer audit export`: everything that was done to tasks and to the graph, for machines.
- `backup`: `remembrancer backup` and `remembrancer restore`.
- `check`: `remembrancer check`: readability and consistency of a whole graph, and its repair.
- `copy`: `remembrancer copy`, and `schema`: what a graph needs before it is somewhere else.
- `doctor`: `remembrancer doctor`: ten diagnostic checks.
- `import_crontab`: `remembrancer import crontab`.
- `preview`: `remembrancer preview`: the next fires of a cron expression.
- `prune`: `remembrancer retain`.
- `queries`: `remembrancer list`, `show`, `history` and `cypher`: they change nothing, and fire nothing.
- `schedule`: `remembrancer schedule`.
- `serve`: `remembrancer serve`: fire tasks as they fall due, and let other processes in.
- `status`: `remembrancer status`.
- `task_changes`: `remembrancer cancel`, `defer` and `run-now`.
- `token`: `remembrancer token`: who may ask the API.
- `watch`: `remembrancer watch`: live events.
"""
