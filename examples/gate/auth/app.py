"""Lets only those in who bring the token, and passes their requests on."""

import hmac
import sys

from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports import incoming_handler as inner
from wit_world.imports.types import Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam

# A real gate would ask `wasi:config` or a key store; the example keeps it in sight.
TOKEN = b"Bearer open-sesame"


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        # The headers must be given back before the request can be passed on.
        with request.headers() as headers:
            values = headers.get("authorization")
        admitted = any(hmac.compare_digest(value, TOKEN) for value in values)
        print(f"auth: {'admitted' if admitted else 'refused'}", file=sys.stderr, flush=True)
        if admitted:
            inner.handle(request, response_out)
        else:
            refuse(response_out)


def refuse(response_out: ResponseOutparam) -> None:
    response = OutgoingResponse(Fields.from_list([("www-authenticate", b'Bearer realm="gate"')]))
    response.set_status_code(401)
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    with body.write() as stream:
        stream.blocking_write_and_flush(b"bring a token\n")
    OutgoingBody.finish(body, None)
