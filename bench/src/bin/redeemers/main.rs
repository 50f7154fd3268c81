//! Judges a score on real redemptions: the households of each campaign, ranked before it starts, against those
//! who redeemed one of its coupons.
//!
//! Data: the Complete Journey, as CSV (`campaign_descriptions`, `campaigns`, `coupons`, `coupon_redemptions`,
//! `products`, `transactions`, `demographics`). The score is a rule as marketers write it, evaluated by the
//! engine's own model; what it asks for is known before the first day of the campaign. Nothing is fitted.
//! Invariant: the same data and seed give the same figures; AUCs are exact fractions, ties count half.
//! Cost: a pass over the transactions a campaign, then the resamples.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod auc;
mod data;
mod error;
mod ranking;
mod tell;
#[cfg(test)]
mod tests;

use clap::Parser;
use error::RedeemersError;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Ranks the households of each campaign before it starts, and compares with who redeemed.
#[derive(Clone, Debug, Parser)]
#[command(name = "redeemers")]
struct Arguments {
    /// The folder with the CSV files.
    #[arg(long, default_value = "../shared/data/completejourney_2017Q1")]
    data: PathBuf,
    /// The rule file with the one rule whose score is judged.
    #[arg(long, default_value = "bench/rules-redeemers/redeemers.toml")]
    rule: PathBuf,
    /// The column of the demographics that tells segments apart.
    #[arg(long, default_value = "income")]
    segment: String,
    /// Resamples for the intervals.
    #[arg(long, default_value_t = 10_000)]
    resamples: u32,
    /// Seed of the resamples.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is gone only where nobody would read it.
            let _ = writeln!(std::io::stderr(), "error [{}]: {error}\n  {}", error.code(), error.hint());
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), RedeemersError> {
    let data = data::Data::read(&arguments.data, &arguments.segment)?;
    let rule = ranking::rule(&arguments.rule)?;
    let judged = ranking::judge(&data, &rule);
    let report = tell::report(&judged, arguments.resamples, arguments.seed);
    std::io::stdout().write_all(report.as_bytes()).map_err(RedeemersError::Output)
}
