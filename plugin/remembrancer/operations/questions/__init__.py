"""Operations on questions: ask one about the next run of a task, answer it, list the open ones.

- `question_commands`: the commands of the current actor.
- `question_operations`: their entries of the table of operations.
- `question_parameters`: the models of their parameters.
"""
