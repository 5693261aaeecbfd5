"""Templates of tasks: defined, filled with values, removed.

- `definitions`: the definition of a template: its parameters and its task, checked and tried.
- `places`: places of parameters in the texts of a template, and the values put there.
- `template_commands`: the commands of the current actor.
- `template_operations`: their entries of the table of operations.
- `template_parameters`: the parameters of these operations.
- `template_use`: the task that a template makes of values, and templates in a declared set.
- `trial`: the trial of a template when it is defined: the task that its defaults and examples make is checked, not
  written.
- `typed_values`: values of parameters, read by their types.
"""
