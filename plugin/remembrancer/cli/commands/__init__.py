"""Commands, one module each, named as the command.

- `audit`: `remembrancer audit export`: the audit log, for machines.
- `backup`: `remembrancer backup`.
- `cancel`: `remembrancer cancel`.
- `check`: `remembrancer check`: readability and consistency of a whole graph, and its repair.
- `copy`: `remembrancer copy`.
- `defer`: `remembrancer defer`.
- `doctor`: `remembrancer doctor`: ten diagnostic checks.
- `exports`: `remembrancer export`: tasks in the forms of other systems.
- `history`: `remembrancer history`.
- `imports`: `remembrancer import`: schedules of other systems.
- `list`: `remembrancer list`.
- `pause`: `remembrancer pause`.
- `preview`: `remembrancer preview`: the next fires of a cron expression.
- `prune`: `remembrancer prune`.
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
