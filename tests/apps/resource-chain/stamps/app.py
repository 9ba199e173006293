"""Is handed books of the ledger and writes into them."""

from wit_world import exports
from wit_world.imports.ledger import Book, Entry


class Stamps(exports.Stamps):
    def stamp(self, into: Book) -> None:
        into.note(Entry("python", f"stamped {into.title()}"))

    def copied(self, of: Book) -> Book:
        with of:
            copy = Book(f"copy of {of.title()}")
            for entry in of.entries():
                copy.note(entry)
            return copy
