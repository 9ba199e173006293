//! A program that does what its first argument says.

use std::io::{Read, Write};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |at: usize| args.get(at).map(String::as_str).unwrap_or_default();
    match arg(1) {
        "exit" => std::process::exit(arg(2).parse().expect("a number")),
        "panic" => panic!("as asked"),
        "abort" => std::process::abort(),
        "args" => println!("{}", args[1..].join("|")),
        "env" => match std::env::var(arg(2)) {
            Ok(value) => println!("{value}"),
            Err(error) => fail(error),
        },
        "read" => match std::fs::read_to_string(arg(2)) {
            Ok(text) => print!("{text}"),
            Err(error) => fail(error),
        },
        "write" => {
            if let Err(error) = std::fs::write(arg(2), "written\n") {
                fail(error);
            }
        }
        "connect" => match std::net::TcpStream::connect(arg(2)) {
            Ok(mut stream) => {
                let mut text = String::new();
                stream.write_all(b"hello\n").expect("sent");
                stream.read_to_string(&mut text).expect("received");
                print!("{text}");
            }
            Err(error) => fail(error),
        },
        "shout" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).expect("text");
            print!("{}", text.to_uppercase());
        }
        "spin" => loop {
            std::hint::black_box(0);
        },
        "memory" => {
            let bytes = vec![1u8; arg(2).parse().expect("a number")];
            println!("{}", std::hint::black_box(bytes).len());
        }
        _ => println!("hello"),
    }
}

fn fail(error: impl std::fmt::Display) {
    eprintln!("{error}");
    std::process::exit(7);
}
