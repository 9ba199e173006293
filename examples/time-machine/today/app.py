"""Takes every request and passes it on to components of other years."""

import sys

from wit_world import exports
from wit_world.imports import incoming_handler as inner
from wit_world.imports.types import IncomingRequest, ResponseOutparam


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        print(f"today: asked for {request.path_with_query()}", file=sys.stderr, flush=True)
        inner.handle(request, response_out)
