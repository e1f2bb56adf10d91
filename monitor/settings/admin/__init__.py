"""The admin port: where it is found, its certificate, and what opens it."""
