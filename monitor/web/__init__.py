"""The admin server and the status page."""

from monitor.web.protocols import Exposition, Health, Probes, StatusSource, WebParts
from monitor.web.server import WebServer, build_web, start_web

__all__ = ["Exposition", "Health", "Probes", "StatusSource", "WebParts", "WebServer", "build_web", "start_web"]
