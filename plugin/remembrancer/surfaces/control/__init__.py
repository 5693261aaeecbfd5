"""Control channel: JSON-RPC between a serving process and other processes of the same user.

- `address`: the address of a control channel: a Unix socket in the graph's private folder, or a loopback port without
  one.
- `answer_parts`: A list that is too long for one frame of the control channel: answered in several, and put together
  again.
- `api`: what the command line asks of a scheduler, be it in this process or behind a control channel.
- `client`: A scheduler in another process, asked over its control channel.
- `connection_file`: the beacon: `serve.json` in a graph's folder, telling others how to reach its scheduler.
- `errors`: errors of this package as the control channel carries them: raised again on the other side.
- `handshake`: the handshake of the control channel: both sides prove that they know the secret, and neither says it.
- `listener`: the listener of the control channel: bounded connections, each admitted within a deadline before it is
  heard.
- `protocol`: the language of the control channel: JSON-RPC 2.0, one frame a line.
- `server`: the control channel of a running scheduler: other processes of the same user ask it.
"""
