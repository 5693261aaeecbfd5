"""ArcadeDB in this process: a graph in a directory of its own.

- `arcadedb`: the few calls of the embedded engine that are used here, with types, which the engine does not declare.
- `bolt_server`: the live embedded graph over Bolt, read-only, for the `neo4j` driver and Neo4j Browser.
- `connection`: the connection to ArcadeDB in this process: one writer thread, each commit on the disk before its
  answer.
- `cursor`: a cursor over an answer of the embedded engine: an answer that is too large is never wholly in memory.
- `engine_settings`: the embedded engine's settings: environment variables that must be set before its first import.
- `errors`: errors of the embedded engine: their translation, retries, and its rows without its own keys.
- `files`: the files of a graph: its folder and its lock, snapshots, backups, and folders of graphs in memory.
- `integrity`: the engine's own files and indexes: their check, their repair, and reads around damage.
- `migrations`: migrations of an embedded graph.
- `queries`: queries that users write, on the embedded graph: on threads of their own, bounded in time, rows and
  bytes.
- `sockets`: closing of this process's sockets that a library has opened and does not close.
- `threads`: threads for calls into the embedded engine: daemons, so that a process can end while a call runs.
- `writer`: the writer of the embedded engine: a thread that commits groups of writes, and answers each of them.
"""
