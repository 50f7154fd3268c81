//! Bars of two sides as SVG within a page.
//!
//! Invariant: a chart is a function of its numbers; every bar has its figures in a `title`. Text is escaped here.
//! At most [`MOST_BARS`] pairs of bars, so that a year of history is no larger a page than a day of it.

use super::Both;
use super::page::escape;
use std::fmt::Write;

/// Pairs of bars in one chart.
pub(super) const MOST_BARS: usize = 96;
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 44.0;
const BASE: f64 = 172.0;
const TOP: f64 = 12.0;

/// A pair of bars with what stands below it.
pub(super) struct Bars {
    pub(super) label: String,
    pub(super) counts: Both<u64>,
}

/// Upright bars, two side by side for each label.
pub(super) fn upright(name: &str, bars: &[Bars]) -> String {
    let most = bars.iter().map(|bar| bar.counts.old.max(bar.counts.new)).max().unwrap_or(0).max(1);
    let slot = (WIDTH - LEFT) / bars.len().max(1) as f64;
    let bar = (slot * 0.42).clamp(0.5, 26.0);
    let height = |count: u64| count as f64 / most as f64 * (BASE - TOP);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\"><line class=\"axis\" x1=\"{LEFT}\" \
         y1=\"{BASE}\" x2=\"{WIDTH}\" y2=\"{BASE}\"/><text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\">{most}</text>\
         <text class=\"mark\" x=\"{:.1}\" y=\"{BASE}\">0</text>",
        escape(name),
        LEFT - 6.0,
        TOP + 8.0,
        LEFT - 6.0,
    );
    // As many labels as can be read.
    let every = bars.len().div_ceil(8).max(1);
    for (place, Bars { label, counts }) in bars.iter().enumerate() {
        let middle = LEFT + slot * (place as f64 + 0.5);
        let title = format!("{}: {} old, {} new", escape(label), counts.old, counts.new);
        let _ = write!(svg, "<g><title>{title}</title>");
        for (class, x, count) in [("old", middle - bar, counts.old), ("new", middle, counts.new)] {
            let tall = height(count);
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"{tall:.1}\"/>",
                BASE - tall
            );
        }
        svg.push_str("</g>");
        if place % every == 0 {
            let _ = write!(
                svg,
                "<text class=\"label\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
                BASE + 18.0,
                escape(label)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// Lying bars, one below the other for each label.
pub(super) fn lying(name: &str, bars: &[Bars]) -> String {
    const ROW: f64 = 40.0;
    let most = bars.iter().map(|bar| bar.counts.old.max(bar.counts.new)).max().unwrap_or(0).max(1);
    let long = |count: u64| count as f64 / most as f64 * (WIDTH - 80.0);
    let height = ROW * bars.len() as f64 + 4.0;
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">", escape(name));
    for (place, Bars { label, counts }) in bars.iter().enumerate() {
        let top = ROW * place as f64;
        let _ = write!(svg, "<text class=\"name\" x=\"0\" y=\"{:.1}\">{}</text>", top + 13.0, escape(label));
        for (class, y, count) in [("old", top + 18.0, counts.old), ("new", top + 28.0, counts.new)] {
            let wide = long(count);
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"0\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"9\"/>\
                 <text class=\"count\" x=\"{:.1}\" y=\"{:.1}\">{count}</text>",
                wide + 6.0,
                y + 8.5
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// Neighbours together, so that there are at most [`MOST_BARS`] groups; how many are in one.
pub(super) fn grouped(count: usize) -> usize {
    count.div_ceil(MOST_BARS).max(1)
}
