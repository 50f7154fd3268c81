//! The figures, as a table in Markdown.
//!
//! Invariant: only campaigns before which anything was bought, and of which somebody redeemed and somebody did
//! not, are judged; the others are named. Intervals are percentiles of resampled households, drawn
//! within each campaign; the same draw is ranked by every ranking, so that differences are those of pairs.

use super::auc::{Judged, Pairs, Random, interval, median};
use super::ranking::{RANKINGS, Ranked};
use std::fmt::Write;

/// AUCs of one resample, or of what there is: by ranking, of each campaign, all pairs within campaigns together.
struct Figures {
    each: Vec<Vec<Option<f64>>>,
    pooled: Vec<Option<f64>>,
    median: Vec<Option<f64>>,
}

fn figures(judged: &[&Ranked], pick: impl Fn(usize, &[Judged]) -> Vec<Judged>) -> Figures {
    let (mut each, mut pooled, mut medians) = (Vec::new(), Vec::new(), Vec::new());
    for ranking in 0..RANKINGS.len() {
        let pairs: Vec<Pairs> = judged
            .iter()
            .enumerate()
            .map(|(campaign, ranked)| {
                let scores = ranked.rankings.get(ranking).map(Vec::as_slice).unwrap_or_default();
                Pairs::of(&pick(campaign, scores))
            })
            .collect();
        pooled.push(pairs.iter().fold(Pairs::default(), |sum, pairs| sum.and(*pairs)).auc());
        medians.push(median(pairs.iter().filter_map(|pairs| pairs.auc()).collect()));
        each.push(pairs.into_iter().map(Pairs::auc).collect());
    }
    Figures { each, pooled, median: medians }
}

/// The report.
pub(crate) fn report(campaigns: &[Ranked], resamples: u32, seed: u64) -> String {
    let is_judged =
        |ranked: &&Ranked| ranked.known > 0 && ranked.redeemed > 0 && ranked.redeemed < ranked.households;
    let judged: Vec<&Ranked> = campaigns.iter().filter(is_judged).collect();
    let found = figures(&judged, |_, scores| scores.to_vec());
    let lengths: Vec<usize> = judged.iter().map(|ranked| ranked.households).collect();
    let mut random = Random(seed);
    let drawn: Vec<Figures> = (0..resamples)
        .map(|_| {
            let draw = random.draw(&lengths);
            figures(&judged, |campaign, scores| {
                let places = draw.get(campaign).map(Vec::as_slice).unwrap_or_default();
                places.iter().filter_map(|place| scores.get(*place).copied()).collect()
            })
        })
        .collect();
    let over = |of: &dyn Fn(&Figures) -> Option<f64>| interval(drawn.iter().filter_map(of).collect());
    let mut text = String::new();
    let _ = write!(text, "| campaign | starts | households | known before | redeemed |");
    let _ = write!(text, " {} |", RANKINGS.join(" | "));
    let _ = write!(text, "\n|---|---|---|---|---|{}\n", "---|".repeat(RANKINGS.len()));
    for (place, ranked) in judged.iter().enumerate() {
        let Ranked { id, start, households, known, redeemed, .. } = ranked;
        let _ = write!(text, "| {id} | {start} | {households} | {known} | {redeemed} |");
        for ranking in 0..RANKINGS.len() {
            let of = |figures: &Figures| figures.each.get(ranking)?.get(place).copied()?;
            let _ = write!(text, " {} |", with_interval(of(&found), over(&of)));
        }
        text.push('\n');
    }
    type Pick = fn(&Figures) -> &Vec<Option<f64>>;
    let rows: [(&str, Pick); 2] = [("pooled", |f| &f.pooled), ("median", |f| &f.median)];
    for (name, pick) in rows {
        let _ = write!(text, "| {name} | | {} | | {} |", lengths.iter().sum::<usize>(), {
            judged.iter().map(|ranked| ranked.redeemed).sum::<usize>()
        });
        for ranking in 0..RANKINGS.len() {
            let of = |figures: &Figures| pick(figures).get(ranking).copied()?;
            let _ = write!(text, " {} |", with_interval(of(&found), over(&of)));
        }
        text.push('\n');
    }
    let ahead = |figures: &Figures| Some((*figures.pooled.first()?)? - (*figures.pooled.get(1)?)?);
    let sure = drawn.iter().filter_map(ahead).filter(|by| *by > 0.0).count();
    let _ = writeln!(
        text,
        "\nThe rule's score less the baseline by spend, pooled: {}; ahead in {sure} of {} resamples.",
        with_interval(ahead(&found), over(&ahead)),
        drawn.len()
    );
    for ranked in campaigns.iter().filter(|ranked| !is_judged(ranked)) {
        let why = match ranked {
            _ if ranked.known == 0 => "nothing is known before it starts",
            _ => "nobody redeemed, or everybody did",
        };
        let Ranked { id, start, households, redeemed, .. } = ranked;
        let _ = writeln!(
            text,
            "Not judged: campaign {id} of {start} ({households} households, {redeemed} redeemed): {why}."
        );
    }
    text
}

fn with_interval(value: Option<f64>, interval: Option<(f64, f64)>) -> String {
    match (value, interval) {
        (Some(value), Some((low, high))) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), None) => format!("{value:.3}"),
        (None, _) => "–".to_owned(),
    }
}
