//! Points and outlines on a floor, in metres: which shop a position belongs to.
//!
//! Invariant: only the four operations and square root of IEEE 754 are used, so the answer is the
//! same on every machine.

/// A position on the floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Distance in metres from a point to an outline; 0 inside it.
pub(super) fn distance(point: Point, outline: &[Point]) -> f64 {
    if contains(outline, point) {
        return 0.0;
    }
    edges(outline).map(|(a, b)| to_segment(point, a, b)).fold(f64::INFINITY, f64::min)
}

/// Whether an outline contains a point: a ray from it crosses the outline an odd number of times.
pub(super) fn contains(outline: &[Point], point: Point) -> bool {
    edges(outline)
        .filter(|(a, b)| {
            (a.y > point.y) != (b.y > point.y) && point.x < (b.x - a.x) * (point.y - a.y) / (b.y - a.y) + a.x
        })
        .count()
        % 2
        == 1
}

/// The edges of an outline, closed whether or not its last point repeats its first.
fn edges(outline: &[Point]) -> impl Iterator<Item = (Point, Point)> {
    outline.iter().copied().zip(outline.iter().copied().cycle().skip(1))
}

fn to_segment(point: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((point.x - a.x) * dx + (point.y - a.y) * dy) / length } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    let (ex, ey) = (point.x - a.x - along * dx, point.y - a.y - along * dy);
    (ex * ex + ey * ey).sqrt()
}
