"""The admin server: probes, metrics, status as JSON and as a page (CONTRACT 5).

It answers from memory only, so it stays reachable whatever Kafka does. Read-only: nothing here changes state.
"""

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from monitor.core.components.worst import worst_rule
from monitor.core.foresight.scenarios import NotApplicable
from monitor.core.values.times import format_time
from monitor.errors import ConfigurationError, ConnectionProblem
from monitor.methods.stresses import scenario_of
from monitor.nesting import json_of
from monitor.web.access import Handler, logged_in
from monitor.web.history import CoverageHistory
from monitor.web.page import render_page
from monitor.web.pages.actions import render_actions
from monitor.web.pages.candidates import render_candidates
from monitor.web.pages.day import render_day
from monitor.web.protocols import Certificate, Health, NotDelivered, StatusSource, WebParts
from monitor.web.runbooks import INDEX, render_runbook
from monitor.web.runbooks import PATH as RUNBOOKS
from monitor.web.sparing import Questions
from monitor.web.staleness import judged
from monitor.web.text import refused_count

TEMPLATES = Path(__file__).parent / "templates"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_KEPT = ("Allow", "WWW-Authenticate", "Retry-After")
"""Headers of an error that its answer keeps."""
_RENEW_S = 30.0
_ASSETS = {"status.css": "text/css", "status.js": "text/javascript", "icon.svg": "image/svg+xml"}

log = structlog.get_logger(__name__)


class WebServer:
    """A running server; `port` is the one it listens on, also when port 0 was asked for."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, scheme: str = "http") -> None:
        self._runner = runner
        self._scheme = scheme
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """Base URL of the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{host}:{self.port}"

    async def stop(self) -> None:
        """Close the port; requests under way get a second."""
        await self._runner.cleanup()


async def start_web(parts: WebParts, host: str, port: int, certificate: Certificate | None = None) -> WebServer:
    """Serve `parts` at host and port; ConnectionProblem when the address cannot be had."""
    app = build_web(parts)
    if certificate is not None:
        app.cleanup_ctx.append(_renewing(certificate))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=certificate.context if certificate else None).start()
    except OSError as error:
        await runner.cleanup()
        if error.errno == errno.EADDRINUSE:
            text = f"port {port} on {host} is in use: stop what listens there, or set http.port (RESERVE_HTTP__PORT)"
        else:
            text = f"cannot listen on {host} port {port} ({error.strerror}): set http.host and http.port"
        raise ConnectionProblem(text) from None
    return WebServer(runner, host, runner.addresses[0][1], "https" if certificate else "http")


def build_web(parts: WebParts) -> web.Application:
    """The application with all routes of CONTRACT 5."""
    app = web.Application(middlewares=[_guard, *([logged_in(parts.access)] if parts.access is not None else [])])
    pages = _Pages(parts)
    app.router.add_get("/", pages.page)
    app.router.add_get("/static/{name}", _static)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/version", pages.version)
    app.router.add_get("/status", pages.status)
    app.router.add_get("/status/{entity}", pages.entity)
    app.router.add_get("/foresee/{entity}", pages.foresee)
    app.router.add_get("/actions", pages.to_do)
    app.router.add_get("/actions/{entity}", pages.actions)
    app.router.add_get("/candidates", pages.candidates)
    app.router.add_get("/candidates/{entity}", pages.candidates_of)
    app.router.add_get(RUNBOOKS, _runbook)
    app.router.add_get(f"{RUNBOOKS}/{{name}}", _runbook)
    for path, probe in (("/livez", parts.probes.live), ("/readyz", parts.probes.ready), ("/startupz", parts.probes.started)):
        app.router.add_get(path, _probe(probe))
    if parts.status is not None:
        app.cleanup_ctx.append(_sampling(parts, parts.status))
    return app


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Security headers on every answer; every error as JSON with one sentence."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _json({"error": error.text or error.reason}, error.status)
        response.headers.update({name: error.headers[name] for name in _KEPT if name in error.headers})
    except Exception:
        log.exception("http_request_failed", path=request.path)
        response = _json({"error": "the request failed here; the log says why"}, 500)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _renewing(certificate: Certificate) -> Callable[[web.Application], AsyncIterator[None]]:
    """Looks for a replaced certificate while the server runs."""

    async def look() -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                if certificate.renew():
                    log.info("http_certificate_renewed")
            except ConfigurationError as error:
                log.error("http_certificate_refused", detail=str(error))  # noqa: TRY400 - the reason says it all

    async def run(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(look(), name="certificate")
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return run


class _Pages:
    """Handlers that need the parts."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._questions = Questions()

    async def page(self, request: web.Request) -> web.Response:
        """The status page: all entities held here, or the one of `?entity=`."""
        only, source = request.query.get("entity"), self._parts.status
        day = _day(request)
        if day is not None:
            return web.Response(text=self._of_day(only, day), content_type="text/html")
        names = [] if source is None else [name for name in source.entities() if only in {None, name}]
        statuses = [] if source is None else await self._statuses(source, names)
        return web.Response(text=render_page(self._parts, statuses, only), content_type="text/html")

    def _of_day(self, entity: str | None, day: date) -> str:
        if entity is None:
            raise web.HTTPBadRequest(text="a page of a day is of one entity: add entity=NAME")
        page = render_day(self._parts, entity, day)
        if page is None:
            raise web.HTTPNotFound(text=f"nothing published of {entity} on {day} is kept here: `history {entity}` has all")
        return page

    async def metrics(self, request: web.Request) -> web.Response:
        if self._parts.before_scrape is not None:
            await self._parts.before_scrape()
        body, content_type = await asyncio.to_thread(self._parts.metrics.exposition, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def version(self, _request: web.Request) -> web.Response:
        return _json(dict(self._parts.versions))

    async def status(self, _request: web.Request) -> web.Response:
        """The partitions held here, and each entity's states and coverage."""
        source = self._source()
        rows = [summary(status) for status in await self._statuses(source, source.entities())]
        return _json({"partitions": list(source.partitions()), "entities": rows})

    async def entity(self, request: web.Request) -> web.Response:
        """The status object of one entity; 421 with the owner's address where another worker holds it."""
        source, entity, day = self._source(), request.match_info["entity"], _day(request)
        if not source.holds(entity):
            return _json({"error": f"{entity} is held by another worker", "owner": source.owner(entity)}, 421)
        try:
            return _json(self._judged(source.status(entity, day)))
        except KeyError:
            raise web.HTTPNotFound(text=f"there is no entity {entity}: nothing was ever received for it") from None

    async def _statuses(self, source: StatusSource, names: Iterable[str]) -> list[Mapping[str, Any]]:
        """The status objects of these entities; the loop breathes between them, so that many do not hold up the stages."""
        found = []
        for name in names:
            with suppress(KeyError):  # it went to another worker meanwhile
                found.append(self._judged(source.status(name, None)))
            await asyncio.sleep(0)
        return found

    def _judged(self, status: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is to be believed of it now, and what of its alerts did not reach a channel."""
        return _with_delivery(judged(status, self._parts.clock(), self._parts.stale_after_s), self._parts)

    async def foresee(self, request: web.Request) -> web.Response:
        """What each method would find under the scenario in the query, a JSON object; nothing changes by asking."""
        source, entity = self._source(), request.match_info["entity"]
        if (elsewhere := self._elsewhere(entity)) is not None:
            return elsewhere
        try:
            scenario = scenario_of(request.query.get("name", "asked"), json_of(request.query.get("scenario", "")))
            async with self._questions.asking():
                return _json(source.foresee(entity, scenario))
        except KeyError:
            raise web.HTTPNotFound(text=f"there is no entity {entity}: nothing was ever received for it") from None
        except (ConfigurationError, NotApplicable, ValueError) as error:
            raise web.HTTPBadRequest(text=f"scenario: {error}") from None

    async def candidates(self, request: web.Request) -> web.Response:
        """What each candidate would ask: of all entities held here, or the one of `?entity=`."""
        only, source = request.query.get("entity"), self._parts.status
        names = [] if source is None else [name for name in source.entities() if only in {None, name}]
        found = [source.candidates(name) for name in names] if source is not None else []
        return web.Response(text=render_candidates(self._parts, found, only), content_type="text/html")

    async def candidates_of(self, request: web.Request) -> web.Response:
        """The methods of one entity side by side; 421 with the owner's address where another worker holds it."""
        source, entity = self._source(), request.match_info["entity"]
        if (elsewhere := self._elsewhere(entity)) is not None:
            return elsewhere
        try:
            return _json(judged(source.candidates(entity), self._parts.clock(), self._parts.stale_after_s))
        except KeyError:
            raise web.HTTPNotFound(text=f"there is no entity {entity}: nothing was ever received for it") from None

    async def actions(self, request: web.Request) -> web.Response:
        """The smallest moves that mend what is broken or threatened; nothing changes by asking."""
        entity = request.match_info["entity"]
        if (elsewhere := self._elsewhere(entity)) is not None:
            return elsewhere
        return _json(await self._proposals(entity))

    async def to_do(self, request: web.Request) -> web.Response:
        """The same of `?entity=` as a page."""
        entity = request.query.get("entity")
        if entity is None:
            raise web.HTTPBadRequest(text="what to do is asked of one entity: add entity=NAME")
        if (elsewhere := self._elsewhere(entity)) is not None:
            return elsewhere
        page = render_actions(self._parts, entity, await self._proposals(entity))
        return web.Response(text=page, content_type="text/html")

    async def _proposals(self, entity: str) -> Sequence[Mapping[str, Any]]:
        try:
            async with self._questions.asking():
                return self._source().actions(entity)
        except KeyError:
            raise web.HTTPNotFound(text=f"there is no entity {entity}: nothing was ever received for it") from None

    def _elsewhere(self, entity: str) -> web.Response | None:
        """The answer where another worker holds the entity."""
        source = self._source()
        if source.holds(entity):
            return None
        return _json({"error": f"{entity} is held by another worker", "owner": source.owner(entity)}, 421)

    def _source(self) -> StatusSource:
        if self._parts.status is None:
            raise web.HTTPNotFound(text="no assessor runs in this process: ask one that runs `--only assessor`")
        return self._parts.status


def _with_delivery(status: Mapping[str, Any], parts: WebParts) -> Mapping[str, Any]:
    """`worst`: the worst broken rule in force. `undelivered`: what fires and did not reach a channel; null: not known.

    Each alert has `told`, the channels that have its newest state, where that is known.
    """
    status = {**status, "worst": _worst_of(status["methods"])}
    if parts.delivery is None:
        return {**status, "undelivered": None}
    found = parts.delivery(status["alerts"])
    status["alerts"] = [one | _told(found, one["fingerprint"]) for one in status["alerts"]]
    rows = [
        {
            "fingerprint": one.fingerprint,
            "channel": one.channel,
            "since": format_time(one.since_ns) if one.since_ns else None,
            "detail": one.detail,
        }
        for one in found.rows
    ]
    return {**status, "undelivered": rows if rows or found.known else None}


def _told(found: NotDelivered, fingerprint: str) -> dict[str, list[str]]:
    return {"told": list(found.told[fingerprint])} if fingerprint in found.told else {}


def summary(status: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an entity in `/status`."""
    fields = ("method", "mode", "state", "coverage", "coverage_lower", "coverage_upper")
    methods = [{name: one[name] for name in fields} | _lead(one) for one in status["methods"]]
    row = {"entity": status["entity"], "at": status["at"], "methods": methods, "alerts": len(status["alerts"])}
    row |= {name: status[name] for name in ("state", "was", "stale_since") if name in status}
    row["refused"] = refused_count(status)
    return row | {"undelivered": None if status["undelivered"] is None else len(status["undelivered"])}


def _worst_of(assessments: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The broken rule furthest from being met of the methods in force (where there are none, of all), with its method."""
    binding = [one for one in assessments if one["mode"] == "in_force"] or assessments
    found = [(worst, one["method"]) for one in binding if (worst := worst_rule(one["components"])) is not None]
    if not found:
        return None
    rule, method = min(found, key=lambda one: (one[0].ratio is None, one[0].ratio or 0))
    return {"method": method} | {name: rule.component[name] for name in _WORST}


def _lead(assessment: Mapping[str, Any]) -> dict[str, Any]:
    """The worst broken rule, and of a stale answer what the state was."""
    worst = worst_rule(assessment["components"])
    lead = {"worst": None if worst is None else {name: worst.component[name] for name in _WORST}}
    return lead | {name: assessment[name] for name in ("was", "stale_since") if name in assessment}


_WORST = ("name", "bound", "required", "held", "shortfall", "unit")


def _day(request: web.Request) -> date | None:
    text = request.query.get("date")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise web.HTTPBadRequest(text=f"date={text[:40]!r} is not a date: write YYYY-MM-DD") from None


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _ASSETS:
        raise web.HTTPNotFound(text=f"there is no file {name[:40]!r}")
    return web.Response(body=(TEMPLATES / name).read_bytes(), content_type=_ASSETS[name], charset="utf-8")


async def _runbook(request: web.Request) -> web.Response:
    """The runbook: the list of all alerts, or the page of one."""
    page = render_runbook(request.match_info.get("name", INDEX))
    if page is None:
        raise web.HTTPNotFound(text=f"there is no such page: {RUNBOOKS} lists them")
    return web.Response(text=page, content_type="text/html")


def _probe(probe: Callable[[], Health]) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        health = probe()
        return _json({"ok": health.ok, "checks": dict(health.checks)}, 200 if health.ok else 503)

    return answer


def _remember(history: CoverageHistory, source: StatusSource, entity: str) -> None:
    try:
        if source.holds(entity):
            history.record(source.figures(entity))
    except Exception:
        log.exception("status_history_failed", entity=entity)


def _sampling(parts: WebParts, source: StatusSource) -> Callable[[web.Application], AsyncIterator[None]]:
    """Remembers each entity's evaluations while the server runs; many entities are spread over the interval."""

    async def sample() -> None:
        while True:
            entities = source.entities()
            parts.history.keep(entities)
            for entity in entities:
                _remember(parts.history, source, entity)
                await asyncio.sleep(parts.sample_s / max(len(entities), 100))
            await asyncio.sleep(parts.sample_s)

    async def run(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(sample(), name="status history")
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return run


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(value, ensure_ascii=False), status=status, content_type="application/json")
