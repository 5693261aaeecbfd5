"""Commands, one module each, named as the command.

- `agenda`: `remembrancer agenda`: every fire to come, of all tasks.
- `apply`: `remembrancer apply`: the tasks that a file declares.
- `audit`: `remembrancer audit export`: the audit log, for machines.
- `backup`: `remembrancer backup`.
<<<<<<< HEAD
- `blocked`: `remembrancer blocked`: what waits for what.
=======
- `budget`: `remembrancer budget`: the bounds of lineages.
>>>>>>> main
- `calendar`: `remembrancer calendar`: calendars with a name.
- `cancel`: `remembrancer cancel`.
- `check`: `remembrancer check`: readability and consistency of a whole graph, and its repair.
- `copy`: `remembrancer copy`.
- `defer`: `remembrancer defer`.
- `doctor`: `remembrancer doctor`: ten diagnostic checks.
- `exports`: `remembrancer export`: tasks in the forms of other systems.
- `history`: `remembrancer history`.
- `imports`: `remembrancer import`: schedules of other systems.
- `lineage`: `remembrancer lineage`: the trees of tasks that thoughts started.
- `list`: `remembrancer list`.
- `add_fire`: `remembrancer add-fire`.
- `backfill`: `remembrancer backfill`.
- `skip`: `remembrancer skip`.
- `reschedule`: `remembrancer reschedule`.
- `pause`: `remembrancer pause`.
- `preview`: `remembrancer preview`: what a schedule means, and its next fires.
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
- `template`: `remembrancer template`: templates of tasks.
- `token`: `remembrancer token`: the tokens of the API.
- `update`: `remembrancer update`.
- `watch`: `remembrancer watch`: live events.
"""
