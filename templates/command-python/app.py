"""The component `{{name}}`: a command."""

import sys

from wit_world import exports


class Run(exports.Run):
    def run(self) -> None:
        name = sys.argv[1] if len(sys.argv) > 1 else "world"
        lines = [f"Hello, {name}, from {{name}}!"]
        # jointer: calls of added parts stand above this line
        print("\n".join(lines))
