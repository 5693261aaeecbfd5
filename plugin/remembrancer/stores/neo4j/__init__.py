"""Neo4j: a graph on a server, shared by replicas.

- `address`: the address of a graph on a server: URI, database and login; secrets are never shown.
- `connection`: the connection to Neo4j: a graph on a server that replicas share, through the asynchronous driver.
- `credentials`: the login to a Neo4j server: the current password, and no more wrong tries than the server allows.
- `deadline`: a deadline that distinguishes a server without an answer from an event loop that was too busy to read
  it.
- `errors`: errors of the driver and of the server: their translation, and which of them are retryable.
- `migrations`: migrations of a graph on Neo4j: its constraints and indexes, declared, built and checked.
- `pool`: pools of connections that are replaced together: if one has died silently, the others have too.
- `queries`: queries that users write, on a Neo4j server: on an event loop of their own, bounded in time, rows and
  bytes.
- `sessions`: driver sessions on one database: each call on a connection of its lane, with a deadline, causally
  consistent.
- `values`: values to and from Neo4j: nodes become dicts, and times aware datetimes.
- `write_queue`: the queue of writes of one kind to Neo4j: they wait for a free writer, which commits them in groups.
- `writer`: a writer on Neo4j: it commits one group at a time, and looks up the outcome of each commit that was lost.
"""
