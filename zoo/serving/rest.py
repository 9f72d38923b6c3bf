"""The REST API as an ASGI application."""

import asyncio
import hmac
import logging
from concurrent.futures import Future
from importlib import resources

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from zoo.serving import paths
from zoo.serving.answering import NOT_OFFERED, Answering, error_json
from zoo.serving.bodies import Bodies
from zoo.serving.hosts import refusal
from zoo.serving.limits import Pool
from zoo.serving.status import Code, ServingError, http_status

_LOG = logging.getLogger(__name__)
# The page is one file: nothing from elsewhere is loaded, and nothing may be.
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src blob:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class _Anything(PathConvertor):
    """Any rest of a path: Starlette's own has no line's end, which a name may have."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())


def make_app(answering: Answering, pool: Pool, token: str | None) -> Starlette:
    """Makes the application.

    Args:
        answering: The models.
        pool: Does the work.
        token: That a request must bear, or None for no such thing.
    """
    page = resources.files("zoo.serving").joinpath("page.html").read_text(encoding="utf-8")

    async def show_page(request: Request) -> Response:
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    async def list_models(request: Request) -> Response:
        if denied := _denied(request, token):
            return denied
        return JSONResponse({"models": answering.repository.names()})

    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/models", list_models),
            Route("/{path:anything}", _Api(answering, pool, token)),
        ]
    )


class _Api:
    """Everything below ``/v1/``, whatever its method."""

    def __init__(self, answering: Answering, pool: Pool, token: str | None):
        self._answering, self._pool, self._token = answering, pool, token
        self._bodies = Bodies(answering.limits, answering.memory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        deadline = asyncio.get_running_loop().time() + self._answering.limits.timeout
        path = request.scope["raw_path"].decode("latin-1")
        if path.startswith("/monitoring/"):
            return _json(error_json(f"Prometheus {NOT_OFFERED}"), 501)
        if not paths.is_api(path):
            return PlainTextResponse("Not found\n", 404)
        if denied := _denied(request, self._token):
            return denied
        try:
            target = paths.parse(request.method, path)
            if target.verb != "predict":
                return _json(self._answering.rest(target, b""), 200)
            gzipped = request.headers.get("content-encoding", "").strip().lower() == "gzip"
            async with self._bodies.read(request, deadline) as body:
                # Named in no frame, which a traceback that it carries would hold, and so itself.
                return _json(
                    await self._result(
                        self._pool.submit(self._answering.rest, target, body, gzipped), deadline
                    ),
                    200,
                )
        except ServingError as error:
            return _refused(error)
        except Exception:
            _LOG.exception("%s %s", request.method, path)
            return _json(error_json("The server has a fault; its log says which"), 500)

    async def _result(self, future: "Future[bytes]", deadline: float) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            seconds = self._answering.limits.timeout
            raise ServingError(
                Code.DEADLINE_EXCEEDED, f"The request was not answered within {seconds:g} s"
            ) from None
        finally:
            del future


def _denied(request: Request, token: str | None) -> Response | None:
    headers = request.headers
    if token is None:
        why = refusal(headers.get("host", ""), headers.get("origin"))
        return _json(error_json(why), http_status(Code.PERMISSION_DENIED)) if why else None
    if allows(token, headers.get("authorization", "")):
        return None
    body = error_json("This server asks for its token: Authorization: Bearer TOKEN")
    return _json(body, 401, {"WWW-Authenticate": "Bearer"})


def allows(token: str, authorization: str | bytes) -> bool:
    """Returns whether an ``authorization`` header, or gRPC's metadata, bears the token."""
    given = authorization.encode("latin-1") if isinstance(authorization, str) else authorization
    scheme, _, bare = given.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(bare.strip(), token.encode())


def _refused(error: ServingError) -> Response:
    # The rest of the body is not waited for.
    headers = {"Connection": "close"} if error.http in (408, 413) else None
    return _json(error_json(error.message), error.http, headers)


def _json(body: bytes, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json")
