"""Control channel: JSON-RPC between a serving process and other processes of the same user.

- `address`: the address of a control channel: a Unix socket in the graph's private folder, or a loopback port without
  one.
- `answer_parts`: long lists of the control channel: sent in several frames, and joined again.
- `client`: the client of the control channel: a scheduler in another process.
- `connection_file`: the beacon: `serve.json` in a graph's folder, telling others how to reach its scheduler.
- `errors`: errors of this package as the control channel carries them: raised again on the other side.
- `handshake`: the handshake of the control channel: both sides prove that they know the secret, and neither says it.
- `listener`: the listener of the control channel: bounded connections, each admitted within a deadline before it is
  heard.
- `protocol`: the frames of the control channel: JSON-RPC 2.0, one frame a line.
- `server`: the server of the control channel: processes of the same user call the operations of a running scheduler.
"""
