"""The REST API: two lines mount it in any FastAPI application.

    from remembrancer.surfaces.rest import router
    app.include_router(router(service))

Needs the extra `rest`.

- `app`: the API's application and router: every operation at its routes, with its guards.
- `bounded_responses`: bounds on responses: cancelled on disconnect, timeout or shutdown, and encoded outside the
  event loop.
- `conditional_requests`: conditional and idempotent requests: the headers `If-Match` and `Idempotency-Key`.
- `connections`: connections to the API: bounded in number, and in the time for the head of a request.
- `encoded_events`: each event is encoded once, and sent to all readers.
- `event_streams`: live event streams: server-sent events, and the same events over a WebSocket.
- `gate`: the outermost layer of the API: host names, unread bodies, and headers of every response.
- `lingering_close`: lingering close of a connection whose client is still sending, so that the response is not lost.
- `operation_requests`: requests of operations: path, query, body and head of a route, made from the operation's
  parameters.
- `operation_routes`: routes of operations: each answers requests with its operation, and HTTP's own parts are hooks
  around that.
- `pages`: pages of a list: of the requested length, within the size of a response.
- `problems`: errors as RFC 9457 problem documents, built from the fields of this package's errors.
- `proxies`: reverse proxies: their forwarded headers are trusted, and without TLS no other remote client is served.
- `request_body`: request bodies: received within limits of size and time, and parsed as JSON within bounds.
- `schemas`: the parts of the API's document that no operation has: limits of a request, and answers of HTTP's own.
- `security`: checks on every request, in this order: request id, token and scope, rate, parameters, body.
- `server`: the API served on a port of this machine, in the loop that the scheduler runs in.
"""

from remembrancer.surfaces.rest.app import application, router

__all__ = ["application", "router"]
