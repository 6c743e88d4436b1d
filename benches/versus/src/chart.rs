//! The chart: for each row, how many times as long as sansocket every peer takes, as bars on a
//! logarithmic scale from 1, to the right for slower ones and to the left for faster ones.

use std::fmt::Write as _;

use crate::report::Line;

/// The measures of a panel, in pixels.
const PANEL: usize = 480;
const NAMES: usize = 150;
const VALUES: usize = 48;
const BAR: usize = 14;
const HEAD: usize = 26;
const FOOT: usize = 26;
const GAP: usize = 24;
const CAPTION: usize = 30;
/// Panels side by side.
const ABREAST: usize = 2;

const TITLE: &str = "Time per message of each peer, as a multiple of sansocket's";

const STYLE: &str = "
  text { font: 11px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 12px }
  .tick { fill: #57606a; font-size: 9px }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .one { stroke: #57606a; stroke-width: 1 }
  .slower { fill: #2f7fc1 }
  .faster { fill: #d9822b }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .tick { fill: #8b949e }
    .grid { stroke: #30363d }
    .one { stroke: #8b949e }
    .slower { fill: #58a6ff }
    .faster { fill: #f0a04b }
  }
";

/// A peer in a panel.
struct Bar {
    name: &'static str,
    ratio: f64,
}

/// The chart of all rows that sansocket and a peer have done, if there are any.
pub fn svg(lines: &[Line<'_>]) -> Option<String> {
    let panels: Vec<_> = lines.iter().filter_map(|line| Some((line, bars(line)?))).collect();
    if panels.is_empty() {
        return None;
    }
    let scale = Scale::of(panels.iter().flat_map(|(_, bars)| bars));
    let mut body = format!("<text x=\"0\" y=\"10\">{TITLE}: below 1× it is faster.</text>\n");
    let mut top = CAPTION;
    for abreast in panels.chunks(ABREAST) {
        for (place, (line, bars)) in abreast.iter().enumerate() {
            let left = place * (PANEL + GAP);
            writeln!(body, "<g transform=\"translate({left} {top})\">").expect(TAKES_ALL);
            panel(&mut body, &line.row.to_string(), bars, &scale);
            body.push_str("</g>\n");
        }
        let tallest = abreast.iter().map(|(_, bars)| bars.len()).max().unwrap_or(0);
        top += HEAD + tallest * BAR + FOOT;
    }
    let width = ABREAST * (PANEL + GAP) - GAP;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-12 -12 {} {}\" role=\"img\" \
         aria-label=\"{TITLE}\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n",
        width + 24,
        top + 24,
    ))
}

/// The peers of a row, the fastest first.
fn bars(line: &Line<'_>) -> Option<Vec<Bar>> {
    let ours = line.ours()?;
    let mut bars: Vec<_> = line
        .peers()
        .map(|cell| Bar { name: cell.column.contender.name, ratio: cell.figure.median / ours })
        .collect();
    bars.sort_by(|one, other| one.ratio.total_cmp(&other.ratio));
    (!bars.is_empty()).then_some(bars)
}

/// The same for all panels, so that they can be compared.
struct Scale {
    /// The powers of two at both ends.
    least: i32,
    most: i32,
}

impl Scale {
    fn of<'b>(bars: impl Iterator<Item = &'b Bar>) -> Self {
        let powers: Vec<_> = bars.map(|bar| bar.ratio.log2()).collect();
        let least = powers.iter().copied().fold(-1.0, f64::min).floor() as i32;
        let most = powers.iter().copied().fold(1.0, f64::max).ceil() as i32;
        Self { least, most }
    }

    /// Where a ratio is in a panel.
    fn place(&self, ratio: f64) -> f64 {
        let share = (ratio.log2() - f64::from(self.least)) / f64::from(self.most - self.least);
        NAMES as f64 + share * (PANEL - NAMES - VALUES) as f64
    }

    /// The powers of two that are marked, not too many of them.
    fn ticks(&self) -> impl Iterator<Item = i32> {
        let step = (self.most - self.least) / 8 + 1;
        (self.least..=self.most).filter(move |power| power % step == 0)
    }
}

fn panel(body: &mut String, title: &str, bars: &[Bar], scale: &Scale) {
    let bottom = HEAD + bars.len() * BAR;
    writeln!(body, "<text class=\"title\" x=\"0\" y=\"12\">{title}</text>").expect(TAKES_ALL);
    for power in scale.ticks() {
        let ratio = f64::from(power).exp2();
        let (x, class) = (scale.place(ratio), if power == 0 { "one" } else { "grid" });
        writeln!(
            body,
            "<path class=\"{class}\" d=\"M{x:.1} {}V{bottom}\"/>\
             <text class=\"tick\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{ratio}×</text>",
            HEAD - 4,
            bottom + 11,
        )
        .expect(TAKES_ALL);
    }
    for (index, Bar { name, ratio }) in bars.iter().enumerate() {
        let (top, baseline) = (HEAD + index * BAR, HEAD + index * BAR + 10);
        let (one, end) = (scale.place(1.0), scale.place(*ratio));
        let class = if *ratio < 1.0 { "faster" } else { "slower" };
        writeln!(
            body,
            "<text text-anchor=\"end\" x=\"{}\" y=\"{baseline}\">{name}</text>\
             <rect class=\"{class}\" x=\"{:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{baseline}\">{}</text>",
            NAMES - 6,
            one.min(end),
            (end - one).abs(),
            BAR - 3,
            one.max(end) + 4.0,
            times(*ratio),
        )
        .expect(TAKES_ALL);
    }
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}×") } else { format!("{ratio:.0}×") }
}

const TAKES_ALL: &str = "a string takes everything";
