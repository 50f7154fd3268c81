//! The demo: a story's events through the real engine, told step by step.
//!
//! Purpose: a newcomer sees what goes in, what is decided and why; marketing operations try a rule.
//! Invariant: every decision shown came out of the engine; the story adds headings and names only.
//! How: [`material`] (files), [`story`] (headings), [`stage`] (the engine, tick by tick), [`words`] and
//! [`tell`] (text), [`crowd`] (the same story many times, for the latency).

pub mod crowd;
pub mod material;
pub mod stage;
pub mod story;
pub mod tell;
mod words;

pub use material::{Material, MaterialError};
pub use stage::{Happening, Play, play};
pub use story::Story;

use crate::runtime::EngineError;
use thiserror::Error;

/// Why a demo cannot be played.
#[derive(Debug, Error)]
pub enum DemoError {
    /// An event that cannot be understood.
    #[error("the demo's events, line {line}: {reason}")]
    Event {
        /// Its line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A message that is not JSON.
    #[error("an offer cannot be written as JSON: {0}")]
    Render(#[from] serde_json::Error),
    /// A latency that a histogram cannot hold.
    #[error("the latencies cannot be recorded: {0}")]
    Latency(String),
}

impl DemoError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            DemoError::Event { .. } => "demo-event",
            DemoError::Engine(error) => error.code(),
            DemoError::Render(_) => "render",
            DemoError::Latency(_) => "demo-latency",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            DemoError::Event { hint, .. } => hint,
            DemoError::Engine(_) | DemoError::Render(_) => {
                "this is a fault of shopbell: please report it with the files of the demo"
            }
            DemoError::Latency(_) => "try again on a machine that is less busy",
        }
    }
}
