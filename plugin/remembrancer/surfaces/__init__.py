"""Thin ways in: the specification's service and the control channel.

- `control`: control channel: JSON-RPC between a serving process and other processes of the same user.
- `examples`: examples of every parameter and field of the API, for its document and for the problems that it answers.
- `frameworks`: agents of frameworks: their tools, and the way back in.
- `host_names`: names under which a server may be asked: a page of another name that was bound to this address is none
  of them.
- `jsonable`: results as plain JSON values, for `--json` and the control channel.
- `kept_access`: the password and ports of a served graph, kept from one start to the next in `access.json` in its
  folder.
- `log_context`: the id of the current request.
- `mcp`: the MCP server: the tools of models over the protocol; resources and prompts.
- `network`: the network settings of the API: on which address it listens, and what protects the tokens sent to it.
- `otel`: OpenTelemetry: what is measured and traced, through its API alone. Without an SDK in the process it says
  nothing.
- `rest`: the REST API: two lines mount it in any FastAPI application.
- `queue_worker`: a worker of queues: it claims work, calls a handler, and reports how it ended.
- `schema_errors`: schema violations in requests: the known fields at a place, and the errors that an unknown one is.
- `tools`: tools of models by purpose, made from the table of operations.
- `violations`: violations of a request's schema as the error that every surface answers.
- `wake`: the way back in: handlers that wake an agent.
- `server`: the protocol of a server that `remembrancer serve` starts beside the scheduler.
"""
