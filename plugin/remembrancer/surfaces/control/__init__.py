"""The control channel: processes of the same user call the operations of a running scheduler.

- `protocol`: JSON-RPC frames
- `server`, `listener`: connections and their calls
- `client`: the scheduler of another process
- `handshake`, `address`, `connection_file`: the proof of the secret, and where the channel is
- `errors`, `answer_parts`: errors and long lists on the wire
"""
