//! A page of HTML: a table of many rows, each with the same tags and classes.

use super::corpora::{filled, pick};
use crate::random::Random;

const LENGTH: usize = 263_647;

const START: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>Timetable</title>\n</head>\n<body>\n<table class=\"timetable\">\n";
const END: &str = "</table>\n</body>\n</html>\n";

const STOPS: [&str; 12] = [
    "Harbour",
    "Old Mill",
    "Café Zoë",
    "Town Hall",
    "North Gate",
    "Garden Street",
    "Museum",
    "Stadium",
    "Rue de l’Église",
    "Station",
    "Market Square",
    "Hospital",
];
const NOTES: [&str; 5] = ["", "", "", "request stop", "not on Sundays – see notice"];

pub(super) fn octets() -> Vec<u8> {
    let mut random = Random::new(2);
    filled(START, END, LENGTH, |index| row(&mut random, index).into_bytes())
}

fn row(random: &mut Random, index: usize) -> String {
    let parity = ["even", "odd"][index % 2];
    let (line, stop) = (1 + random.below(30), pick(random, &STOPS));
    let (hour, minute) = (5 + index / 60 % 19, index % 60);
    let note = pick(random, &NOTES);
    format!(
        "<tr class=\"departure {parity}\">\n  \
         <td class=\"time\"><time datetime=\"{hour:02}:{minute:02}\">{hour:02}:{minute:02}</time></td>\n  \
         <td class=\"line\"><a href=\"/lines/{line}.html\">Line {line}</a></td>\n  \
         <td class=\"destination\">{stop}</td>\n  \
         <td class=\"note\">{note}</td>\n</tr>\n"
    )
}
