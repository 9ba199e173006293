"""Verifies the envelope of a Sigstore bundle with a public key: verify.py BUNDLE PUBLIC-KEY DIGEST.

Prints the type of the statement that was signed.
"""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

bundle_path, key_path, digest = sys.argv[1:]
with open(bundle_path, "rb") as file:
    envelope = json.load(file)["dsseEnvelope"]
with open(key_path, "rb") as file:
    key = SSlibKey.from_crypto(load_pem_public_key(file.read()))
# Bundles name their key elsewhere; the library wants it here.
for signature in envelope["signatures"]:
    signature["keyid"] = key.keyid
parsed = Envelope.from_dict(envelope)
assert parsed.verify([key], 1)
statement = json.loads(parsed.payload)
assert any("sha256:" + subject["digest"]["sha256"] == digest for subject in statement["subject"])
print(statement["predicateType"])
