"""The capital-adequacy report: one model compiled from what was published, and every format rendered from that."""
