"""The form of a journal record: what its writers never make is refused before anything is done with it."""
