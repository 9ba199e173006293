"""The http front of the shop: `/?apple=3&pear=2` answers with a receipt."""

import sys
from urllib.parse import parse_qsl, urlsplit

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import prices, receipts
from wit_world.imports.prices import Line, Problem_TooMany, Problem_UnknownArticle
from wit_world.imports.types import Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam

TITLE = "Acme's finest"


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        status, text = answer(request.path_with_query() or "/")
        respond(response_out, status, text)


def answer(path: str) -> tuple[int, str]:
    """The status and text for a request path."""
    order = parse_qsl(urlsplit(path).query)
    print(f"gateway: an order of {len(order)} lines", file=sys.stderr)
    try:
        quotes = [prices.price(Line(article, int(quantity))) for article, quantity in order]
    except Err as problem:
        return 404, f"{describe(problem.value)}\n"
    except ValueError as problem:
        return 400, f"not a quantity: {problem}\n"
    return 200, receipts.render(TITLE, quotes)


def describe(problem: Problem_UnknownArticle | Problem_TooMany) -> str:
    match problem:
        case Problem_UnknownArticle(article):
            return f"nobody sells {article}"
        case Problem_TooMany(line):
            return f"nobody has {line.quantity} pieces of {line.article}"


def respond(response_out: ResponseOutparam, status: int, text: str) -> None:
    response = OutgoingResponse(Fields.from_list([("content-type", b"text/plain; charset=utf-8")]))
    response.set_status_code(status)
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    with body.write() as stream:
        # A stream takes at most 4096 bytes at a time.
        data = text.encode()
        for start in range(0, len(data), 4096):
            stream.blocking_write_and_flush(data[start : start + 4096])
    OutgoingBody.finish(body, None)
