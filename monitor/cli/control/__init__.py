"""Commands of change control: what takes two people."""
