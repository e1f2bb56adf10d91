"""What is known of the sources themselves: freshness, holes, bad share."""
