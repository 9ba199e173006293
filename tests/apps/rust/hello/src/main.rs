mod words;

fn main() {
    println!("{} {} {}", include_str!("../../text/greeting.txt"), words::WORDS, shared::answer());
    println!("{}", option_env!("GREETING").unwrap_or("unset"));
}
