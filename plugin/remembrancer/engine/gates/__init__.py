"""Gates that an occurrence passes before it begins.

- `halt_gate`: the gate that is closed while the scheduler is halted.
"""
