"""ArcadeDB in this process: a graph in a directory of its own."""
