//! The `shopbell` command.

use std::process::ExitCode;

/// Many small rows move between threads; see Cargo.toml.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    shopbell::cli::main()
}
