"""The files of an embedded graph: its folder and its lock, snapshots, backups, and folders of graphs in memory.

- `backup`: backups on the disk: a graph's folder with a draft name until it is complete, verified and marked.
- `directory`: the folder of an embedded graph: its layout, opening and closing, and its errors.
- `directory_lock`: the lock on a graph's folder, and the proof that the folder is still the one that was locked.
- `restored`: the start of a restored graph: an id of its own, expired leases, and an entry in the audit log.
- `snapshot`: snapshots of an open embedded graph: copies of its files at one time, as a power cut would leave them.
- `temporary`: folders of graphs in memory: among the temporary files, removed at the end, or at the next start.
- `working_folder`: private working folders next to a graph, for copies of its files; leftovers of killed processes
  are removed.
"""
