"""Pages beside the status page: a business date, and what candidates would ask."""
