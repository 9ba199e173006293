// A Sigstore on loopback, out of the parts that sigstore-js tests itself with: mock.js FOLDER.
//
// Fulcio, Rekor (version 1), a log of certificates and a time stamp authority with keys of their own, and a CI that gives
// tokens. FOLDER gets the trusted root, signing configs and tokens; the file `address` comes last. What is below /early has
// a log whose clock is half an hour slow, what is below /unlogged a Fulcio without a log of certificates.
const { createHash, generateKeyPairSync, X509Certificate } = require('node:crypto');
const { renameSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');
const mock = require('@sigstore/mock');
const asn1js = require('asn1js');
const pkijs = require('pkijs');

// The authority of time stamps takes nonces that are numbers, and real ones are larger.
const { Integer } = asn1js;
asn1js.Integer = class extends Integer {
  constructor(wish = {}) {
    super(wish.value instanceof ArrayBuffer ? { valueHex: wish.value } : wish);
  }
};

const folder = process.argv[2];
const ISSUER = 'https://token.example.com';
const WORKFLOW = 'https://git.example.com/acme/greet/.ci/release.yml@refs/tags/v1.0.0';
const SECRET = 'what only the job knows';

const write = (name, text) => writeFileSync(join(folder, name), text);
const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const keys = (namedCurve) => generateKeyPairSync('ec', { namedCurve });
const start = new Date(Date.now() - 3600_000).toISOString();

// A token as a CI gives it. Nobody here looks at its signature.
function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, exp: now + 3600, aud: 'sigstore' };
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iss: ISSUER, sub: WORKFLOW, ...times, ...claims })}.c2ln`;
}

function log(pair, baseUrl) {
  const der = pair.publicKey.export({ type: 'spki', format: 'der' });
  const publicKey = { rawBytes: base64(der), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start } };
  return { baseUrl, hashAlgorithm: 'SHA2_256', publicKey, logId: { keyId: base64(sha256(der)) } };
}

function authority(uri, ...certificates) {
  const chain = { certificates: certificates.map((der) => ({ rawBytes: base64(der) })) };
  return { subject: { organization: 'mock', commonName: 'mock' }, uri, certChain: chain, validFor: { start } };
}

// A real Rekor keeps of an envelope only what it hashes to, and who signed it.
function logged(body) {
  const entry = JSON.parse(body);
  if (entry.kind !== 'dsse' || !entry.spec.proposedContent) return body;
  const { envelope, verifiers } = entry.spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope);
  const hash = (bytes) => ({ algorithm: 'sha256', value: sha256(bytes).toString('hex') });
  const pem = (verifier) => base64(new X509Certificate(Buffer.from(verifier, 'base64')).toString());
  const spec = {
    envelopeHash: hash(envelope),
    payloadHash: hash(Buffer.from(payload, 'base64')),
    signatures: signatures.map(({ sig }, at) => ({ signature: sig, verifier: pem(verifiers[at] ?? verifiers[0]) })),
  };
  return JSON.stringify({ apiVersion: '0.0.1', kind: 'dsse', spec });
}

// The token may stand in the header instead of the body.
function credentials(body, headers) {
  const wish = JSON.parse(body);
  wish.credentials ??= { oidcIdentityToken: (headers.authorization ?? '').replace(/^Bearer /, '') };
  return JSON.stringify(wish);
}

// A real authority is asked in DER.
function stamped(body) {
  const { messageImprint, nonce, certReq } = pkijs.TimeStampReq.fromBER(body);
  return {
    artifactHash: Buffer.from(messageImprint.hashedMessage.valueBlock.valueHexView),
    hashAlgorithmOID: messageImprint.hashAlgorithm.algorithmId,
    nonce: nonce ? new Uint8Array(nonce.valueBlock.valueHexView).buffer : 1,
    policyOID: '1.3.6.1.4.1.57264.2',
    certReq: certReq ?? false,
  };
}

async function main() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const address = `http://127.0.0.1:${server.address().port}`;
  const [ctKeys, logKeys, caKeys, tsaKeys] = [keys('P-256'), keys('P-256'), keys('P-384'), keys('P-384')];
  const ct = await mock.initializeCTLog(ctKeys);
  const ca = await mock.initializeCA(caKeys, ct);
  const tsa = await mock.initializeTSA(tsaKeys);
  // A time without fractions of seconds is the only one that all can read.
  tsa.getCurrentTime = () => new Date(Math.floor(Date.now() / 1000) * 1000);
  const half = new Date(Date.now() - 1800_000);
  const fulcio = mock.fulcioHandler(ca, { strict: true });
  const rekor = mock.rekorHandler(await mock.initializeTLog(address, logKeys), { strict: true });
  const { path: stamps } = mock.tsaHandler(tsa);
  const early = mock.rekorHandler(await mock.initializeTLog(address, logKeys, half), { strict: true });
  // The same authority, whose root was made above, without its log.
  const unlogged = mock.fulcioHandler(
    { issueCertificate: (wish) => Object.assign(Object.create(ca), { ctLog: undefined }).issueCertificate(wish),
      rootCertificate: ca.rootCertificate },
    { strict: true },
  );

  write('trusted_root.json', JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(logKeys, address)],
    ctlogs: [log(ctKeys, `${address}/ct`)],
    certificateAuthorities: [authority(address, ca.rootCertificate)],
    timestampAuthorities: [authority(address, tsa.intCertificate, tsa.rootCertificate)],
  }));
  const service = (url) => [{ url, majorApiVersion: 1, validFor: { start }, operator: 'mock' }];
  const config = (name, changes) => write(name, JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: service(address),
    oidcUrls: service(`${address}/oidc`),
    rekorTlogUrls: service(address),
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [],
    tsaConfig: { selector: 'ANY' },
    ...changes,
  }));
  config('signing_config.json', {});
  config('stamped.json', { tsaUrls: service(`${address}${stamps}`) });
  config('early.json', { rekorTlogUrls: service(`${address}/early`) });
  config('unlogged.json', { caUrls: service(`${address}/unlogged`) });
  write('token', token({}));
  write('other.token', token({ sub: WORKFLOW.replace('acme', 'evil') }));
  write('elsewhere.token', token({ iss: 'https://token.example.org' }));
  write('expired.token', token({ exp: 1 }));

  const answer = async (request, body) => {
    const { pathname, searchParams } = new URL(request.url, address);
    if (pathname === '/ci') {
      const known = request.headers.authorization === `bearer ${SECRET}`;
      const value = token({ aud: searchParams.get('audience') });
      return known ? { statusCode: 200, response: JSON.stringify({ value }) } : { statusCode: 401, response: '{}' };
    }
    const sent = body.toString();
    if (pathname === fulcio.path || pathname === `/unlogged${fulcio.path}`) {
      const handler = pathname === fulcio.path ? fulcio : unlogged;
      const made = await handler.fn(credentials(sent, request.headers));
      return { ...made, statusCode: made.statusCode === 201 ? 200 : made.statusCode };
    }
    if (pathname === rekor.path) return rekor.fn(logged(sent));
    if (pathname === `/early${rekor.path}`) return early.fn(logged(sent));
    if (pathname === stamps) {
      const response = await tsa.timestamp(stamped(body));
      return { statusCode: 201, response, contentType: 'application/timestamp-reply' };
    }
    return { statusCode: 404, response: '{}' };
  };
  server.on('request', (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      const { statusCode, response: text, contentType } = await answer(request, Buffer.concat(chunks));
      // What Rekor calls the entry stands in front of it.
      const uuid = statusCode === 201 && contentType === 'application/json' ? Object.keys(JSON.parse(text))[0] : 'none';
      const headers = { 'content-type': contentType ?? 'application/json', location: `${request.url}/${uuid}`, etag: uuid };
      response.writeHead(statusCode, headers);
      response.end(text);
    });
  });
  write('address.new', address);
  renameSync(join(folder, 'address.new'), join(folder, 'address'));
}

main();
