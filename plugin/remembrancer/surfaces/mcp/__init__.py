"""The MCP server: the tools of models over the protocol; resources and prompts.

- `confirmation`: the confirmation of a call that destroys: asked of a person by the host, or given as an argument.
- `prompts`: prompts that a person may start from.
- `resources`: resources: the agenda, a task, an execution.
- `server`: the server, over any way to a scheduler.
- `stdio`: the streams of a client that started this process: its stdin and stdout, for it alone.
- `tool`: a tool as the protocol has it.
"""
