"""Errors a user can act on: each says what to do next and carries the exit code of the command line (CONTRACT 3)."""

GOOD = 0
CHECK_FAILED = 1
USAGE = 2
CONFIGURATION = 3
CONNECTION = 4
UNKNOWN = 5


class MonitorError(Exception):
    """An error shown to the user as one line, without a traceback."""

    exit_code = CHECK_FAILED


class UsageError(MonitorError):
    """The command was called with something it cannot use."""

    exit_code = USAGE


class ConfigurationError(MonitorError):
    """The configuration, or what the configuration asks for, is not possible."""

    exit_code = CONFIGURATION


class ConnectionProblem(MonitorError):
    """A broker, a port or a server is not reachable."""

    exit_code = CONNECTION
