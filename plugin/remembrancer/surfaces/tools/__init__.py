"""Tools of models by purpose, made from the table of operations, for hosts of this process and over MCP.

- `blast_radius`: the question before a call that destroys: what it would end or remove.
- `calling_context`: the name in which an agent calls, and what its calls get from there.
- `instructions`: the instructions of a model that has these tools.
- `operation_tool`: one tool over one operation: its definition, its arguments, its answer.
- `ownership`: the tasks that an agent manages: those that it made.
- `results`: results as models read them: plain values, without what is empty, internal, or as by default.
- `scheduler_access`: the way to the scheduler, and the errors on it as answers.
- `scheduler_tools`: the tools as one object, for an agent that runs in this process.
- `schemas`: JSON schemas of tools, short enough for a model to read.
- `signatures`: tools as functions with real signatures, for hosts that read those.
- `tool_table`: the tools of each profile, and the operations that are no tool.
"""
