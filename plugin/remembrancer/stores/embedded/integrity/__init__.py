"""The embedded engine's own files and indexes: their check, their repair, and reads around damage.

- `bucket_renewal`: replacement of damaged buckets of the embedded engine by new ones with their readable records.
- `engine_check`: the embedded engine's own check, and its indexes compared with their records.
- `engine_repair`: repair of the embedded engine's links, counts and indexes, after its files were saved elsewhere.
- `index_bypass`: reads of the embedded graph around a damaged record: by a scan of the label instead of its index.
"""
