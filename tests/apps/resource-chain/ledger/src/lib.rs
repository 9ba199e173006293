//! The resource of the chain.

use std::cell::RefCell;

wit_bindgen::generate!({ path: "../wit", world: "ledger-part" });

use exports::acme::chain::ledger::{Entry, Guest, GuestBook};

struct Ledger;

struct Book {
    title: String,
    entries: RefCell<Vec<Entry>>,
}

impl Guest for Ledger {
    type Book = Book;
}

impl GuestBook for Book {
    fn new(title: String) -> Self {
        let opened = Entry { author: "rust".to_owned(), text: format!("opened {title}") };
        Self { title, entries: RefCell::new(vec![opened]) }
    }

    fn note(&self, entry: Entry) {
        self.entries.borrow_mut().push(entry);
    }

    fn entries(&self) -> Vec<Entry> {
        self.entries.borrow().clone()
    }

    fn title(&self) -> String {
        self.title.clone()
    }
}

export!(Ledger);
