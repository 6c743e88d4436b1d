//! What all pages have in common.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::outcome::{Behavior, ClosingBehavior};

const STYLE: &str = include_str!("style.css");

/// A page that stands on its own; `body` comes below the title.
pub(super) fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// A verdict, in its word and its colour.
pub(super) fn behavior(behavior: Behavior) -> Markup {
    verdict(class(behavior), &behavior.to_string())
}

/// A verdict on the ending.
pub(super) fn closing(closing: ClosingBehavior) -> Markup {
    let class = match closing {
        ClosingBehavior::Ok => "ok",
        ClosingBehavior::Informational => "informational",
        ClosingBehavior::WrongCode => "non-strict",
        ClosingBehavior::FailedByClient | ClosingBehavior::Unclean | ClosingBehavior::Failed => {
            "failed"
        }
    };
    verdict(class, &closing.to_string())
}

/// The class that the style has colours for.
pub(super) fn class(behavior: Behavior) -> &'static str {
    match behavior {
        Behavior::Ok => "ok",
        Behavior::NonStrict => "non-strict",
        Behavior::Informational => "informational",
        Behavior::Unimplemented => "unimplemented",
        Behavior::Failed => "failed",
    }
}

fn verdict(class: &str, word: &str) -> Markup {
    html! { span class={ "verdict " (class) } { (word) } }
}
