"""One entity's life: what is evaluated, published, closed, and kept."""
