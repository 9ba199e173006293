"""Greets, with a word from a file that is read while the component is built."""

import os
import pathlib

from words import WORD
from wit_world import exports

MARK = pathlib.Path(__file__).with_name("data").joinpath("mark.txt").read_text()
GREETING = os.environ.get("GREETING", "unset")


class Greetings(exports.Greetings):
    def greet(self, name: str) -> str:
        return f"{WORD} {name}{MARK} {GREETING}"
