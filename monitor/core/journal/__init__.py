"""What comes in and goes out: records, their order and times, outputs, the chain, snapshots."""
