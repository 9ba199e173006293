//! Functions of every kind of value.

wit_bindgen::generate!({
    inline: r#"
        package test:values@1.2.0;

        interface shop {
            record line { item: string, count: u32, note: option<string> }
            enum size { small, large }
            variant shape { circle(f64), square(f64), dot }
            flags marks { new, sale, gone }
            record order { id: u64, lines: list<line>, size: size, shape: shape, marks: marks, at: tuple<s8, char> }
            echo: func(order: order) -> order;
            quote: func(item: string, count: u32) -> result<u32, string>;
            total: func(lines: list<line>) -> u64;
            nothing: func();
            trap: func();
            spin: func();
        }

        interface other {
            quote: func() -> string;
        }

        interface handles {
            resource thing { constructor(name: string); name: func() -> string; }
            make: func() -> thing;
            names: func(things: list<borrow<thing>>) -> u32;
        }

        world library {
            export shop;
            export other;
            export handles;
            export add: func(a: s32, b: s32) -> s32;
            export count: func() -> u32;
        }
    "#,
    world: "library",
});

use exports::test::values::handles::{self, Thing, ThingBorrow};
use exports::test::values::shop::{Line, Order};
use exports::test::values::{other, shop};
use std::sync::atomic::{AtomicU32, Ordering};

struct Library;

export!(Library);

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Guest for Library {
    fn add(a: i32, b: i32) -> i32 {
        a + b
    }

    fn count() -> u32 {
        COUNT.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl shop::Guest for Library {
    fn echo(order: Order) -> Order {
        order
    }

    fn quote(item: String, count: u32) -> Result<u32, String> {
        match item.as_str() {
            "tea" => Ok(249 * count),
            other => Err(format!("no {other} here")),
        }
    }

    fn total(lines: Vec<Line>) -> u64 {
        lines.iter().map(|line| u64::from(line.count)).sum()
    }

    fn nothing() {}

    fn trap() {
        panic!("as asked")
    }

    fn spin() {
        loop {
            std::hint::black_box(0);
        }
    }
}

impl other::Guest for Library {
    fn quote() -> String {
        "to be or not to be".to_owned()
    }
}

struct MyThing(String);

impl handles::GuestThing for MyThing {
    fn new(name: String) -> Self {
        Self(name)
    }

    fn name(&self) -> String {
        self.0.clone()
    }
}

impl handles::Guest for Library {
    type Thing = MyThing;

    fn make() -> Thing {
        Thing::new(MyThing("made".to_owned()))
    }

    fn names(things: Vec<ThingBorrow<'_>>) -> u32 {
        things.len() as u32
    }
}
