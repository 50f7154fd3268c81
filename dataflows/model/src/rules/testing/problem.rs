//! What can be wrong with a test, besides what can be wrong with any table.

/// A kind of thing that can be wrong in a `[[test]]` table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TestProblem {
    /// More tests than are read.
    #[error("more than {} tests", super::limits::TESTS)]
    TooManyTests,
    /// More entries than a test may have.
    #[error("`{what}` has {found} entries, more than {limit}")]
    TooMany {
        /// The key.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// An event's line that is longer than is read.
    #[error("the line has {bytes} bytes, more than {}", super::limits::TEST_LINE_BYTES)]
    LineTooLong {
        /// Its size.
        bytes: usize,
    },
    /// Not a time of a test.
    #[error("`{0}` is not a time of a test")]
    Time(String),
    /// Not a day.
    #[error("`{0}` is not a day")]
    Day(String),
    /// Not a time zone.
    #[error("`{0}` is not a time zone")]
    TimeZone(String),
    /// A type of event that does not exist.
    #[error("unknown type of event `{word}`")]
    Type {
        /// The word.
        word: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A line that is not what its type of event needs.
    #[error("{what}")]
    Line {
        /// What is wrong.
        what: String,
        /// How such a line is written.
        usage: String,
    },
    /// An event that the engine would refuse.
    #[error("this event would be refused: {reason}")]
    Event {
        /// Why.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The clock would stop before the last event.
    #[error("`until` is before the last event ({event})")]
    Until {
        /// When that is.
        event: String,
    },
    /// The clock would stop before something that is expected.
    #[error("`until` is before something that is expected ({claim})")]
    UntilBeforeClaim {
        /// When that is.
        claim: String,
    },
    /// Not exactly one thing is expected.
    #[error("an expectation has one of `offer`, `withdrawn` and `kept_back`")]
    OneOf,
    /// A test that holds whatever happens.
    #[error("this test cannot fail: it expects nothing, and lets everything come")]
    CannotFail,
    /// A rule that does not exist.
    #[error("there is no rule `{rule}`")]
    NoSuchRule {
        /// Its name.
        rule: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A rule that is not part of the test.
    #[error("the rule `{rule}` is not part of this test")]
    NotInTest {
        /// Its name.
        rule: String,
    },
}

impl TestProblem {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            TestProblem::TooManyTests => "test.too_many",
            TestProblem::TooMany { .. } => "test.too_many_entries",
            TestProblem::LineTooLong { .. } => "test.line_too_long",
            TestProblem::Time(_) => "test.time",
            TestProblem::Day(_) => "test.day",
            TestProblem::TimeZone(_) => "test.time_zone",
            TestProblem::Type { .. } => "test.event_type",
            TestProblem::Line { .. } => "test.line",
            TestProblem::Event { .. } => "test.event",
            TestProblem::Until { .. } | TestProblem::UntilBeforeClaim { .. } => "test.until",
            TestProblem::OneOf => "test.expectation",
            TestProblem::CannotFail => "test.cannot_fail",
            TestProblem::NoSuchRule { .. } => "test.no_such_rule",
            TestProblem::NotInTest { .. } => "test.rule_not_in_test",
        }
    }

    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            TestProblem::TooManyTests => "remove tests that say the same".to_owned(),
            TestProblem::TooMany { .. } => "split the test in two".to_owned(),
            TestProblem::LineTooLong { .. } => "split the event in two".to_owned(),
            TestProblem::Time(_) => {
                "a time of the test's day, as \"14:30\", \"14:30:20\" or \"14:30:20.250\"; a span from its midnight, \
                 as \"+90m\"; or both, as \"+2d 14:30\""
                    .to_owned()
            }
            TestProblem::Day(_) => "a date, as 2026-11-14, from 2000-01-02 on".to_owned(),
            TestProblem::TimeZone(_) => "a name of the IANA database, as \"Europe/Berlin\"".to_owned(),
            TestProblem::Type { near: Some(near), .. } => format!("did you mean `{near}`?"),
            TestProblem::Type { near: None, .. } => {
                "TIME, then who (not for stock and catalogue), then the type: \"10:00 phone:1 web.add_to_cart mask\""
                    .to_owned()
            }
            TestProblem::Line { usage, .. } => format!("write \"{usage}\""),
            TestProblem::Event { hint, .. } => hint.clone(),
            TestProblem::Until { .. } | TestProblem::UntilBeforeClaim { .. } => {
                "let the clock go on for longer, or leave `until` out".to_owned()
            }
            TestProblem::OneOf => {
                "name a rule: { at = \"12:00\", offer = \"cart_reminder\" }, with withdrawn or kept_back instead of \
                 offer where that is meant"
                    .to_owned()
            }
            TestProblem::CannotFail => "expect something, or leave out `others`".to_owned(),
            TestProblem::NoSuchRule { near: Some(near), .. } => format!("did you mean `{near}`?"),
            TestProblem::NoSuchRule { near: None, .. } => {
                "name a rule of these files; where it stands in another file, give the folder".to_owned()
            }
            TestProblem::NotInTest { .. } => "add it to the test's `rules`".to_owned(),
        }
    }
}
