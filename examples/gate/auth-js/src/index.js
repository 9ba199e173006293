// Lets only those in who bring the token, and passes their requests on.

import { handle as inner } from 'wasi:http/incoming-handler@0.2.12';
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';

// A real gate would ask `wasi:config` or a key store; the example keeps it in sight.
const TOKEN = 'Bearer open-sesame';

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);

export const incomingHandler = {
  handle(request, responseOut) {
    // The headers must be given back before the request can be passed on.
    const headers = request.headers();
    const admitted = headers.get('authorization').some((value) => decode(value) === TOKEN);
    headers[Symbol.dispose]();
    console.error(`auth: ${admitted ? 'admitted' : 'refused'}`);
    if (admitted) {
      inner(request, responseOut);
    } else {
      refuse(responseOut);
    }
  },
};

function refuse(responseOut) {
  const response = new OutgoingResponse(Fields.fromList([['www-authenticate', encode('Bearer realm="gate"')]]));
  response.setStatusCode(401);
  const body = response.body();
  ResponseOutparam.set(responseOut, { tag: 'ok', val: response });
  const stream = body.write();
  stream.blockingWriteAndFlush(encode('bring a token\n'));
  stream[Symbol.dispose]();
  OutgoingBody.finish(body, undefined);
}
