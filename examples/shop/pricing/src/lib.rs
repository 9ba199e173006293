//! The price list of the shop.

wit_bindgen::generate!({ path: "../wit", world: "pricing" });

use exports::acme::shop::prices::{Guest, Line, Problem, Quote};

struct Pricing;

/// Article and price of one piece in cents.
const ARTICLES: &[(&str, u64)] = &[("apple", 30), ("pear", 45), ("melon", 250)];

/// Nobody may order more of one article.
const MOST: u32 = 1000;

impl Guest for Pricing {
    fn price(line: Line) -> Result<Quote, Problem> {
        let Some((_, each_cents)) = ARTICLES.iter().find(|(article, _)| *article == line.article) else {
            return Err(Problem::UnknownArticle(line.article));
        };
        if line.quantity > MOST {
            return Err(Problem::TooMany(line));
        }
        let total_cents = each_cents * u64::from(line.quantity);
        Ok(Quote { line, each_cents: *each_cents, total_cents })
    }
}

export!(Pricing);
