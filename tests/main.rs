//! Integration tests of the engine: one binary, one folder a subject.

mod oracle;
