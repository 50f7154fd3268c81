//! Sets of rules with a configuration and the shape of the scripts they are tried on.

use super::config::Config;
use super::generate::Shape;
use super::rules::Rule;

mod limits;
mod persons;
mod shop;
pub(crate) mod words;

pub(crate) use words::SEGMENTS;

/// A set.
#[derive(Clone, Debug)]
pub(crate) struct RuleSet {
    pub(crate) name: &'static str,
    pub(crate) rules: Vec<Rule>,
    pub(crate) config: Config,
    pub(crate) shape: Shape,
}

/// All sets.
pub(crate) fn rule_sets() -> Vec<RuleSet> {
    vec![
        shop::carts(),
        shop::presence(),
        shop::every_zone(),
        shop::stock(),
        limits::policies(),
        limits::quiet_hours(),
        persons::identity(),
        persons::blocked(),
        shop::defaults(),
        persons::attention(),
        persons::segments(),
        limits::pools(),
        limits::days(),
        limits::places(),
        limits::learning(),
        limits::learning_together(),
        persons::customers(),
        shop::unlisted(),
    ]
}
