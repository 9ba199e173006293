"""Validates what jointer wrote with libraries of others: `validate sbom FILE`, `validate provenance FILE`.

Prints what is wrong and exits with 1, or exits with 0.
"""

import json
import sys


def sbom(text):
    """CycloneDX 1.6 by its strict schema, then package URLs, licences and references, which no schema knows."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from license_expression import get_spdx_licensing
    from packageurl import PackageURL

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        return str(error)
    spdx = get_spdx_licensing()
    references = []

    def walk(component):
        references.append(component["bom-ref"])
        if "purl" in component:
            url = PackageURL.from_string(component["purl"])
            assert url.version == component["version"], component
        for licence in component.get("licenses", []):
            if "expression" in licence:
                wrong = spdx.validate(licence["expression"]).errors
                assert not wrong, wrong
        for inside in component.get("components", []):
            walk(inside)

    document = json.loads(text)
    walk(document["metadata"]["component"])
    for component in document["components"]:
        walk(component)
    assert len(references) == len(set(references)), "a bom-ref stands twice"
    used = set()
    for one in document["dependencies"]:
        used |= {one["ref"], *one.get("dependsOn", [])}
    for one in document["compositions"]:
        used |= {*one.get("assemblies", []), *one.get("dependencies", [])}
    assert used <= set(references), f"nothing has {used - set(references)}"


def provenance(text):
    """An in-toto statement v1 with SLSA v1 provenance; unknown fields are refused."""
    import in_toto_attestation.predicates.provenance.v1.provenance_pb2 as provenance_pb2
    import in_toto_attestation.v1.statement_pb2 as statement_pb2
    from google.protobuf import json_format
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
    from in_toto_attestation.v1.statement import Statement

    statement = json.loads(text)
    Statement.copy_from_pb(json_format.ParseDict(statement, statement_pb2.Statement())).validate()
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1", statement["predicateType"]
    predicate = json_format.ParseDict(statement["predicate"], provenance_pb2.Provenance())
    assert predicate.build_definition.build_type and predicate.run_details.builder.id
    for dependency in predicate.build_definition.resolved_dependencies:
        ResourceDescriptor.copy_from_pb(dependency).validate()


if __name__ == "__main__":
    kind, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        wrong = {"sbom": sbom, "provenance": provenance}[kind](text)
    except Exception as error:  # whatever a validator throws is its verdict
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        print(wrong)
        sys.exit(1)
