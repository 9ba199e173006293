// The component `{{name}}`: answers http requests.

import { Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';

const encode = (text: string) => new TextEncoder().encode(text);

export const incomingHandler = {
  handle(request: IncomingRequest, responseOut: ResponseOutparam): void {
    respond(responseOut, 200, answer(request.pathWithQuery() ?? '/'));
  },
};

/** The text for a request path. */
function answer(path: string): string {
  const lines = ['Hello from {{name}}!'];
  // jointer: calls of added parts stand above this line
  return lines.join('\n') + '\n';
}

function respond(responseOut: ResponseOutparam, status: number, text: string): void {
  const headers = Fields.fromList([['content-type', encode('text/plain; charset=utf-8')]]);
  const response = new OutgoingResponse(headers);
  response.setStatusCode(status);
  const body = response.body();
  ResponseOutparam.set(responseOut, { tag: 'ok', val: response });
  const stream = body.write();
  // A stream takes at most 4096 bytes at a time.
  const data = encode(text);
  for (let start = 0; start < data.length; start += 4096) {
    stream.blockingWriteAndFlush(data.subarray(start, start + 4096));
  }
  stream[Symbol.dispose]();
  OutgoingBody.finish(body, undefined);
}
