"""The journal as Kafka keeps it: how statements are encoded and written."""
