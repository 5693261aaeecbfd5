"""Gates that an occurrence passes before it begins.

- `halt_gate`: the gate that is closed while the scheduler is halted.
- `host_answer`: the answer of a host's own function that opens a gate, or leaves it closed.
"""
