//! Something like a PDF document: streams that are compressed already, between short objects.

use std::iter::repeat_with;

use super::corpora::{filled, index};
use crate::random::Random;

const LENGTH: usize = 1_042_328;

pub(super) fn octets() -> Vec<u8> {
    let mut random = Random::new(5);
    filled("%PDF-1.4\n%\u{e2}\u{e3}\n", "%%EOF\n", LENGTH, |index| page(&mut random, index))
}

/// The objects of a page: itself, what stands on it, and what it refers to.
fn page(random: &mut Random, number: usize) -> Vec<u8> {
    let first = 4 * number + 1;
    let (contents, fonts, annotation) = (first + 1, first + 2, first + 3);
    let length = 2000 + index(random, 6000);
    let mut octets = format!(
        "{first} 0 obj\n<< /Type /Page /Parent 0 0 R /MediaBox [0 0 612 792] /Contents {contents} \
         0 R /Resources << /Font {fonts} 0 R /ProcSet [/PDF /Text] >> /Annots [{annotation} 0 R] \
         >>\nendobj\n{contents} 0 obj\n<< /Length {length} /Filter /FlateDecode >>\nstream\n"
    )
    .into_bytes();
    octets.extend(repeat_with(|| random.next().to_le_bytes()).flatten().take(length));
    octets.extend(format!("\nendstream\nendobj\n{fonts} 0 obj\n<<").into_bytes());
    for font in 0..8 {
        octets.extend(format!(" /F{font} {} 0 R", 4 * index(random, 40) + 3).into_bytes());
    }
    octets.extend(format!(" >>\nendobj\n{annotation} 0 obj\n<<\n").into_bytes());
    for _ in 0..16 {
        let [left, bottom] = [540, 720].map(|limit| random.below(limit));
        let target = first + index(random, 100);
        let link = format!(
            "/Subtype /Link /Border [0 0 0] /Rect [{left} {bottom} {} {}] /Dest [{target} 0 R /XYZ \
             null null null]\n",
            left + 72,
            bottom + 12,
        );
        octets.extend(link.into_bytes());
    }
    octets.extend(b">>\nendobj\n");
    octets
}
