// The component `{{name}}`: stands in front of an http handler and lets only those in who bring the token.

import { handle as inner } from 'wasi:http/incoming-handler@0.2.12';
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';

const TOKEN = 'Bearer open-sesame';

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);

export const incomingHandler = {
  handle(request, responseOut) {
    // The headers must be given back before the request can be passed on.
    const headers = request.headers();
    const admitted = headers.get('authorization').some((value) => decode(value) === TOKEN);
    headers[Symbol.dispose]();
    log(admitted);
    if (admitted) {
      inner(request, responseOut);
    } else {
      refuse(responseOut);
    }
  },
};

function log(admitted) {
  const lines = [`{{name}}: ${admitted ? 'admitted' : 'refused'}`];
  // jointer: calls of added parts stand above this line
  console.error(lines.join(' '));
}

function refuse(responseOut) {
  const response = new OutgoingResponse(Fields.fromList([['www-authenticate', encode('Bearer')]]));
  response.setStatusCode(401);
  const body = response.body();
  ResponseOutparam.set(responseOut, { tag: 'ok', val: response });
  OutgoingBody.finish(body, undefined);
}
