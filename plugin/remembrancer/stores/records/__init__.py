"""The records beside the tasks: events, audit log, statistics, tokens, replicas, retention, copies."""
