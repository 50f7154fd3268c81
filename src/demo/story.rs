//! The story: headings, narration and names around what the engine does.
//!
//! Invariant: steps are in order of time, and a moment belongs to the last step that began before it.

use serde::Deserialize;
use shopbell_model::time::{Time, parse_rfc3339};
use std::collections::BTreeMap;
use thiserror::Error;
use toml::value::Datetime;

/// A story as it is told.
#[derive(Clone, Debug)]
pub struct Story {
    /// Its title.
    pub title: String,
    /// What is said before it.
    pub intro: String,
    /// And after it.
    pub outro: String,
    /// IANA time zone of the clock that is shown.
    pub tz: String,
    /// How far the clock goes after the last event.
    pub until: Option<Time>,
    /// What handles are called.
    pub names: BTreeMap<String, String>,
    /// The steps, in order of time.
    pub steps: Vec<Step>,
}

/// A step of a story.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number, where it has one.
    pub number: Option<u32>,
    /// Its heading.
    pub title: String,
    /// What is told.
    pub text: String,
    /// What this version does not do of it.
    pub missing: Option<String>,
    /// When it begins.
    pub from: Time,
    /// Events are counted, not told.
    pub brief: bool,
}

/// Why a story cannot be told.
#[derive(Debug, Error)]
pub enum StoryError {
    /// The file is not as it should be.
    #[error("{file}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A moment without date, time or offset.
    #[error("{file}: `{found}` is not a moment with date, time and offset")]
    Moment {
        /// The file.
        file: String,
        /// What was found.
        found: String,
    },
    /// A step begins before the one before it.
    #[error("{file}: the step \"{title}\" begins before the one above it")]
    Order {
        /// The file.
        file: String,
        /// The step.
        title: String,
    },
    /// The time zone does not exist.
    #[error("{file}: there is no time zone `{found}`")]
    Zone {
        /// The file.
        file: String,
        /// What was found.
        found: String,
    },
}

impl StoryError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            StoryError::Syntax { .. } => "story-syntax",
            StoryError::Moment { .. } => "story-moment",
            StoryError::Order { .. } => "story-order",
            StoryError::Zone { .. } => "story-zone",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            StoryError::Syntax { .. } => "compare with the file that `shopbell demo --write DIR` writes",
            StoryError::Moment { .. } => "write 2025-06-14T14:08:00+08:00, without quotes",
            StoryError::Order { .. } => "put the steps in order of their `from`",
            StoryError::Zone { .. } => "give an IANA time zone as in \"Asia/Shanghai\"",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStory {
    title: String,
    #[serde(default)]
    intro: String,
    #[serde(default)]
    outro: String,
    #[serde(default = "utc")]
    tz: String,
    until: Option<Datetime>,
    #[serde(default)]
    names: BTreeMap<String, String>,
    #[serde(default)]
    step: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    number: Option<u32>,
    title: String,
    #[serde(default)]
    text: String,
    missing: Option<String>,
    from: Datetime,
    #[serde(default)]
    brief: bool,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Story {
    /// Reads a story; `file` is what problems are reported under.
    pub fn parse(file: &str, text: &str) -> Result<Self, StoryError> {
        let raw: RawStory = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(0, |span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
            StoryError::Syntax { file: format!("{file}:{line}"), reason: error.message().to_lowercase() }
        })?;
        if jiff::tz::TimeZone::get(&raw.tz).is_err() {
            return Err(StoryError::Zone { file: file.to_owned(), found: raw.tz });
        }
        let mut steps: Vec<Step> = Vec::with_capacity(raw.step.len());
        for step in raw.step {
            let from = moment(file, &step.from)?;
            if steps.last().is_some_and(|before| before.from > from) {
                return Err(StoryError::Order { file: file.to_owned(), title: step.title });
            }
            let RawStep { number, title, text, missing, brief, .. } = step;
            steps.push(Step { number, title, text, missing, from, brief });
        }
        let until = raw.until.map(|until| moment(file, &until)).transpose()?;
        let RawStory { title, intro, outro, tz, names, .. } = raw;
        Ok(Story { title, intro, outro, tz, until, names, steps })
    }
}

fn moment(file: &str, written: &Datetime) -> Result<Time, StoryError> {
    let found = written.to_string();
    parse_rfc3339(&found)
        .and_then(|time| Time::try_from(time).ok())
        .ok_or_else(|| StoryError::Moment { file: file.to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Story::parse("story.toml", text).expect_err("accepted what is wrong").code()
    }

    #[test]
    fn a_story_has_steps_in_order_of_time() {
        let text = "title = \"A\"\n[[step]]\ntitle = \"one\"\nfrom = 2025-01-01T00:00:00Z\n\
                    [[step]]\ntitle = \"two\"\nfrom = 2025-01-01T00:00:00.250+00:00\nbrief = true\n";
        let story = Story::parse("story.toml", text).unwrap();
        assert_eq!((story.steps.len(), story.tz.as_str()), (2, "UTC"));
        assert_eq!(story.steps[1].from - story.steps[0].from, 250);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(code("titel = \"A\""), "story-syntax");
        assert_eq!(code("title = \"A\"\nuntil = 2025-01-01"), "story-moment");
        assert_eq!(code("title = \"A\"\ntz = \"Mars\""), "story-zone");
        let steps = "title = \"A\"\n[[step]]\ntitle = \"one\"\nfrom = 2025-01-01T00:00:01Z\n\
                     [[step]]\ntitle = \"two\"\nfrom = 2025-01-01T00:00:00Z\n";
        assert_eq!(code(steps), "story-order");
    }
}
