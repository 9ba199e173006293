"""The component `{{name}}`."""

from wit_world import exports


class {{api_pascal}}(exports.{{api_pascal}}):
    def greet(self, name: str) -> str:
        lines = [f"Hello, {name}, from {{name}}!"]
        # jointer: calls of added parts stand above this line
        return "\n".join(lines)
