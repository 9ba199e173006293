// Signs without looking at what it is given, as no honest signer does: forge.js FULCIO REKOR TOKEN BUNDLE prints a bundle
// with the payload of that one.
const { createHash, createSign, generateKeyPairSync, X509Certificate } = require('node:crypto');
const { readFileSync } = require('node:fs');

const [fulcio, rekor, tokenPath, bundlePath] = process.argv.slice(2);

async function post(url, body) {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function main() {
  const old = JSON.parse(readFileSync(bundlePath, 'utf8'));
  const { payload, payloadType } = old.dsseEnvelope;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const content = publicKey.export({ type: 'spki', format: 'pem' });
  const made = await post(`${fulcio}/api/v2/signingCert`, {
    credentials: { oidcIdentityToken: readFileSync(tokenPath, 'utf8') },
    publicKeyRequest: { publicKey: { content } },
  });
  const pem = made.signedCertificateEmbeddedSct.chain.certificates[0];
  const bytes = Buffer.from(payload, 'base64');
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `;
  const sig = createSign('sha256').update(head).update(bytes).sign(privateKey).toString('base64');
  const envelope = { payload, payloadType, signatures: [{ sig }] };
  const rawBytes = new X509Certificate(pem).raw.toString('base64');
  const entries = await post(`${rekor}/api/v1/log/entries`, {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: { proposedContent: { envelope: JSON.stringify(envelope), verifiers: [rawBytes] } },
  });
  const [entry] = Object.values(entries);
  const { inclusionProof, signedEntryTimestamp } = entry.verification;
  const hex = (text) => Buffer.from(text, 'hex').toString('base64');
  const tlogEntry = {
    logIndex: String(entry.logIndex),
    logId: { keyId: hex(entry.logID) },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(inclusionProof.logIndex),
      rootHash: hex(inclusionProof.rootHash),
      treeSize: String(inclusionProof.treeSize),
      hashes: inclusionProof.hashes.map(hex),
      checkpoint: { envelope: inclusionProof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
  const verificationMaterial = { certificate: { rawBytes }, tlogEntries: [tlogEntry] };
  console.log(JSON.stringify({ mediaType: old.mediaType, verificationMaterial, dsseEnvelope: envelope }));
}

main();
