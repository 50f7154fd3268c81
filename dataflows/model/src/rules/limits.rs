//! How much is read of rules, and printed by them.

/// Bytes of one file.
pub const FILE_BYTES: usize = 1024 * 1024;
/// Rules in all files.
pub const RULES: usize = 10_000;
/// Bytes of one expression.
pub const EXPRESSION_BYTES: usize = 4096;
/// Levels of an expression, by its operators, calls and fields; and by its brackets.
pub const DEPTH: u16 = 64;
/// Terms of a score.
pub const SCORE_TERMS: usize = 64;
/// Bytes of one template.
pub const TEMPLATE_BYTES: usize = 4096;
/// Bytes of any text made by evaluation: a template printed, texts joined.
pub const TEXT_BYTES: usize = 8192;
/// Bytes of a name: of a rule, a channel, a zone, a coupon.
pub const NAME_BYTES: usize = 128;
/// Tests in all files.
pub const TESTS: usize = 10_000;
/// Events of one test.
pub const TEST_EVENTS: usize = 1000;
/// Expectations of one test.
pub const TEST_EXPECTATIONS: usize = 200;
/// Bytes of one event written in a line.
pub const TEST_LINE_BYTES: usize = 4096;
