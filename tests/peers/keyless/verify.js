// Verifies a bundle without a key, as sigstore-js does: verify.js BUNDLE ROOT IDENTITY ISSUER DIGEST.
// Prints the type of the statement that was signed.
const { readFileSync } = require('node:fs');
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');

const [bundlePath, rootPath, subjectAlternativeName, issuer, digest] = process.argv.slice(2);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const bundle = bundleFromJSON(read(bundlePath));
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(read(rootPath))));
verifier.verify(toSignedEntity(bundle), { subjectAlternativeName, extensions: { issuer } });
const statement = JSON.parse(bundle.content.dsseEnvelope.payload.toString());
if (!statement.subject.some((subject) => `sha256:${subject.digest.sha256}` === digest)) {
  throw new Error(`the statement is not about ${digest}`);
}
console.log(statement.predicateType);
