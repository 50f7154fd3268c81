//! Shopbell engine.
