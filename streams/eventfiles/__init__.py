"""Event files: read as a journal without a broker, or published to one."""
