"""Verifies a bundle without a key, as sigstore-python does: verify.py BUNDLE ROOT IDENTITY ISSUER DIGEST.

Prints the type of the statement that was signed."""

import json
import sys

from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

bundle_path, root_path, identity, issuer, digest = sys.argv[1:]
with open(bundle_path) as file:
    bundle = Bundle.from_json(file.read())
verifier = Verifier(trusted_root=TrustedRoot.from_file(root_path))
_, payload = verifier.verify_dsse(bundle, policy.Identity(identity=identity, issuer=issuer))
statement = json.loads(payload)
if not any(f"sha256:{subject['digest']['sha256']}" == digest for subject in statement["subject"]):
    sys.exit(f"the statement is not about {digest}")
print(statement["predicateType"])
