"""ArcadeDB in this process: a graph in a directory of its own.

- `arcadedb`: the embedded engine as it is used here: it comes without types, so its few calls are written down once.
- `backup`: backups on the disk: a graph's folder with a draft name until it is complete, verified and marked.
- `bolt_server`: the live embedded graph over Bolt, read-only, for the `neo4j` driver and Neo4j Browser.
- `bucket_renewal`: replacement of damaged buckets of the embedded engine by new ones with their readable records.
- `connection`: the connection to ArcadeDB in this process: one writer thread, each commit on the disk before its
  answer.
- `cursor`: A cursor over an answer of the embedded engine: an answer that is too large is never wholly in memory.
- `directory`: the folder of an embedded graph: its layout, opening and closing, and its errors.
- `directory_lock`: the lock on a graph's folder, and the proof that the folder is still the one that was locked.
- `disk_full`: detection of a full disk, by the messages of operating systems and engines.
- `engine_check`: the embedded engine's own check, and its indexes compared with their records.
- `engine_repair`: repair of the embedded engine's links, counts and indexes, after its files were saved elsewhere.
- `engine_settings`: the embedded engine's settings: environment variables that must be set before its first import.
- `errors`: errors of the embedded engine: their translation, retries, and its rows without its own keys.
- `index_bypass`: reads of the embedded graph around a damaged record: by a scan of the label instead of its index.
- `migrations`: migrations of an embedded graph.
- `queries`: queries that users write, on the embedded graph: on threads of their own, bounded in time, rows and
  bytes.
- `restored`: the start of a restored graph: an id of its own, expired leases, and an entry in the audit log.
- `snapshot`: snapshots of an open embedded graph: copies of its files at one time, as a power cut would leave them.
- `sockets`: closing of this process's sockets that a library has opened and does not close.
- `temporary`: folders of graphs in memory: among the temporary files, removed at the end, or at the next start.
- `threads`: threads for calls into the embedded engine: daemons, so that a process can end while a call runs.
- `working_folder`: private working folders next to a graph, for copies of its files; leftovers of killed processes
  are removed.
- `writer`: the writer of the embedded engine: a thread that commits groups of writes, and answers each of them.
"""
