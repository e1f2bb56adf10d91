"""The admin server and the status page."""

from monitor.web.protocols import Exposition, Health, Probes, StatusSource
from monitor.web.server import WebParts, WebServer, build_web, start_web

__all__ = ["Exposition", "Health", "Probes", "StatusSource", "WebParts", "WebServer", "build_web", "start_web"]
