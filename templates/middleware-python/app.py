"""The component `{{name}}`: stands in front of an http handler and lets only those in who bring the token."""

import sys

from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports import incoming_handler as inner
from wit_world.imports.types import Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam

TOKEN = b"Bearer open-sesame"


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        # The headers must be given back before the request can be passed on.
        with request.headers() as headers:
            admitted = TOKEN in headers.get("authorization")
        log(admitted)
        if admitted:
            inner.handle(request, response_out)
        else:
            refuse(response_out)


def log(admitted: bool) -> None:
    lines = [f"{{name}}: {'admitted' if admitted else 'refused'}"]
    # jointer: calls of added parts stand above this line
    print(" ".join(lines), file=sys.stderr)


def refuse(response_out: ResponseOutparam) -> None:
    response = OutgoingResponse(Fields.from_list([("www-authenticate", b"Bearer")]))
    response.set_status_code(401)
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    OutgoingBody.finish(body, None)
