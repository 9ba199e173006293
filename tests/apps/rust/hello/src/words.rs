pub const WORDS: &str = "some words";
