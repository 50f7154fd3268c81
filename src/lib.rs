//! Shopbell engine.

pub mod import;
