// Verifies a Sigstore bundle with a public key, as sigstore-js does: verify.js BUNDLE PUBLIC-KEY DIGEST.
// Prints the type of the statement that was signed.
const { createPublicKey } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { bundleFromJSON } = require('@sigstore/bundle');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');

const [bundlePath, keyPath, digest] = process.argv.slice(2);
const bundle = bundleFromJSON(JSON.parse(readFileSync(bundlePath, 'utf8')));
const publicKey = createPublicKey(readFileSync(keyPath, 'utf8'));
const root = {
  mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  tlogs: [],
  certificateAuthorities: [],
  ctlogs: [],
  timestampAuthorities: [],
};
const trusted = toTrustMaterial(root, () => ({ publicKey, validFor: () => true }));
// A key pair has no entry in a log.
const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
const signer = verifier.verify(toSignedEntity(bundle));
if (!signer.key) throw new Error('no key');
const statement = JSON.parse(bundle.content.dsseEnvelope.payload.toString());
if (!statement.subject.some((subject) => `sha256:${subject.digest.sha256}` === digest)) {
  throw new Error(`the statement is not about ${digest}`);
}
console.log(statement.predicateType);
