"""The Parquet schema of every stage, sampling by seed and id, and shards."""
