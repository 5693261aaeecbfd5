"""The graph behind the ports: sessions, the group commit, rows and upgrades."""
