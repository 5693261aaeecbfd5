"""The way back in: handlers that wake an agent, and make of its answer the outcome of the run.

- `agent_answer`: the answer of an agent, read as the result of a handler.
- `command_wake`: an agent that is a command.
- `conversations`: conversations of agents, and the next step in one.
- `http_reply`: a request over HTTP, and its reply.
- `http_wake`: an agent behind a URL.
- `run_message`: a run as an agent hears of it.
"""
