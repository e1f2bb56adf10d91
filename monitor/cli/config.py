"""`config check` and `config show`."""

from __future__ import annotations

from monitor.cli import Config, command_app, emit, talk

app = command_app(no_args_is_help=True, help="Check and show the configuration.")


@app.command(epilog="Example: reserve-monitor config check --config reserve.yaml")
def check(config: Config = None) -> None:
    """Check the configuration as a start would, and warn of every limit that is absent. Exit 3 when it is wrong."""
    from monitor.settings.load import load_settings
    from monitor.settings.record import absent_limits, build_configuration, configuration_digest

    settings = load_settings(config)
    configuration = build_configuration(settings)
    for warning in absent_limits(settings):
        talk(f"warning: {warning}")
    talk(f"good: {len(settings.entities)} entities, revision {settings.revision}, {configuration_digest(configuration)}")


@app.command(epilog="Example: reserve-monitor config show | jq .digest")
def show(config: Config = None) -> None:
    """Print the effective values as JSON, secrets masked, with the digest that every output will carry."""
    from monitor.settings.load import load_settings
    from monitor.settings.record import build_configuration, configuration_digest, shown

    settings = load_settings(config)
    emit({"digest": configuration_digest(build_configuration(settings)), "settings": shown(settings)})
