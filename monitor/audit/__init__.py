"""Evidence for outsiders: signed checkpoints, proofs, bundles that verify without Kafka and without a network (DESIGN P7)."""
