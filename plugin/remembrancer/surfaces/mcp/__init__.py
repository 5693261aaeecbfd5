"""The MCP server: tools by purpose, made from the table of operations; resources and prompts.

- `blast_radius`: the question before a call that destroys: what it would end or remove.
- `confirmation`: the confirmation of such a call: asked of a person by the host, or given as an argument.
- `prompts`: prompts that a person may start from.
- `resources`: resources: the agenda, a task, an execution.
- `results`: results as models read them: plain values, without what is empty, internal, or as by default.
- `scheduler_access`: the way to the scheduler, and the errors on it as answers.
- `schemas`: JSON schemas of tools, short enough for a model to read.
- `server`: the server, over any way to a scheduler.
- `stdio`: the streams of a client that started this process: its stdin and stdout, for it alone.
- `tool`: one tool over one operation: its definition, its arguments, its answer.
- `tool_table`: the tools of each profile, and the operations that are no tool.
"""
