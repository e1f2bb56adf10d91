"""The archiver: journal and outputs, written to files that outlast Kafka."""
