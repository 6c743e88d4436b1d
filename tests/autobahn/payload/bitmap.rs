//! A bitmap of 512 by 512 grey pixels: gradients with grain.

use crate::random::Random;

const SIDE: u32 = 512;
/// The two headers, and the palette of 256 colors of 4 octets.
const START: u32 = 14 + 40 + 4 * 256;

pub(super) fn octets() -> Vec<u8> {
    let mut octets = header();
    octets.extend((0..=255).flat_map(|grey| [grey, grey, grey, 0]));
    let mut random = Random::new(3);
    for y in 0..SIDE {
        for x in 0..SIDE {
            octets.push(pixel(x, y, &mut random));
        }
    }
    octets
}

/// The headers of the file and of the image, little-endian.
fn header() -> Vec<u8> {
    let pixels = SIDE * SIDE;
    let one_plane_of_8_bits = 8 << 16 | 1;
    let (uncompressed, resolution, colors) = (0, 2835, 256);
    let fields = [
        START + pixels,
        0,
        START,
        40,
        SIDE,
        SIDE,
        one_plane_of_8_bits,
        uncompressed,
        pixels,
        resolution,
        resolution,
        colors,
        colors,
    ];
    b"BM".iter().copied().chain(fields.into_iter().flat_map(u32::to_le_bytes)).collect()
}

/// Waves across the image, which the octet wraps at sharp edges, and grain.
fn pixel(x: u32, y: u32, random: &mut Random) -> u8 {
    let [x, y] = [x, y].map(u64::from);
    let wave = |at: u64, length: u64| (at % length).abs_diff(length / 2) * 160 / length;
    let grain = random.below(24) + random.below(24);
    let [octet, ..] = (wave(x + y / 3, 190) + wave(y + x / 5, 260) + grain + 20).to_le_bytes();
    octet
}
