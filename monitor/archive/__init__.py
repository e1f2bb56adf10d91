"""The archive: journal and outputs as immutable files that outlast Kafka, written once and checked whenever they are read."""
