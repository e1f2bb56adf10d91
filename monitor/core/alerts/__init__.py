"""The life of an alert: when a condition holds, what state the alert is in, and the one constructor of its record."""
