"""Commands, one module each, named as the command.

- `audit`: `remembrancer audit export`: the audit log, for machines.
- `backup`: `remembrancer backup`.
- `cancel`: `remembrancer cancel`.
- `check`: `remembrancer check`: readability and consistency of a whole graph, and its repair.
- `copy`: `remembrancer copy`.
- `defer`: `remembrancer defer`.
- `doctor`: `remembrancer doctor`: ten diagnostic checks.
- `history`: `remembrancer history`.
- `import_crontab`: `remembrancer import crontab`.
- `list`: `remembrancer list`.
- `pause`: `remembrancer pause`.
- `preview`: `remembrancer preview`: the next fires of a cron expression.
- `prune`: `remembrancer prune`.
- `recheck`: `remembrancer recheck`.
- `query`: `remembrancer query`, and `cypher`, its other name.
- `restore`: `remembrancer restore`.
- `resume`: `remembrancer resume`.
- `run_now`: `remembrancer run-now`.
- `schedule`: `remembrancer schedule`.
- `schema`: `remembrancer schema`.
- `serve`: `remembrancer serve`: fire tasks as they fall due, and let other processes in.
- `show`: `remembrancer show`.
- `status`: `remembrancer status`.
- `token`: `remembrancer token`: the tokens of the API.
- `update`: `remembrancer update`.
- `watch`: `remembrancer watch`: live events.
"""
