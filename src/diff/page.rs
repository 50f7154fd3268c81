//! What differs, as one page that can be sent around.
//!
//! Invariant: nothing is fetched from anywhere and nothing runs in it: no script, no font, no picture. All that comes
//! from events and rules is escaped. Light or dark as the reader's system is, from a phone's width on. The same
//! difference gives the same bytes.

use super::chart::{Bars, grouped, lying, upright};
use super::tell::{line, short, taken_back, terms, words};
use super::{Both, Change, Counts, Difference, Sample, Tally};
use std::fmt::Write;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6875;--ground:#fff;--panel:#f4f6f8;--edge:#d8dee4;--old:#9aa5b1;--new:#0b7285}\
@media(prefers-color-scheme:dark){:root{--ink:#e6eaee;--soft:#9aa5b1;--ground:#14191f;--panel:#1d242c;--edge:#323c47;--old:#77838f;--new:#3bc9db}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--ground);color:var(--ink);\
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}\
h3{font-size:1rem;margin:1.25rem 0 .5rem}.soft,figcaption{color:var(--soft);font-size:.875rem}\
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:.5rem;margin:1rem 0}\
.cards div{background:var(--panel);border-radius:.5rem;padding:.6rem .8rem}.cards b{display:block;font-size:1.5rem;line-height:1.2}\
figure{margin:0;background:var(--panel);border-radius:.5rem;padding:.75rem}svg{display:block;width:100%;height:auto}\
svg text{fill:var(--soft);font:11px system-ui,sans-serif}svg .mark{text-anchor:end}svg .label{text-anchor:middle}svg .name{fill:var(--ink);font-size:12px}\
.axis{stroke:var(--edge)}rect.old{fill:var(--old)}rect.new{fill:var(--new)}.key i{display:inline-block;width:.75rem;height:.75rem;border-radius:2px;margin:0 .3rem 0 .8rem}\
.key .old{background:var(--old)}.key .new{background:var(--new)}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}\
th,td{text-align:right;padding:.35rem .45rem;border-bottom:1px solid var(--edge);white-space:nowrap}th{white-space:normal;overflow-wrap:normal;vertical-align:bottom}th:first-child,td:first-child{text-align:left}\
tfoot td{font-weight:600}details{border:1px solid var(--edge);border-radius:.5rem;padding:.5rem .8rem;margin:.5rem 0}summary{cursor:pointer}\
details p{margin:.4rem 0;padding-left:.7rem;border-left:3px solid var(--old)}details p.new{border-color:var(--new)}";

/// Text as it stands in a page, in elements and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What no page can hold.
            letter if letter.is_control() && letter != '\n' => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// The page; `old` and `new` say what was compared.
pub fn page(difference: &Difference, old: &str, new: &str) -> String {
    let tally = &difference.tally;
    let total = tally.total();
    let outcomes = &difference.outcomes.old;
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Offers: {old} against {new}</title>\
         <style>{STYLE}</style></head><body><h1>What the new rules would have said</h1>\
         <p class=\"soft\">{} events up to {}, under the rules in <b>{old}</b> and in <b>{new}</b>.</p>",
        outcomes.events,
        short(outcomes.clock),
        old = escape(old),
        new = escape(new),
    );
    cards(&mut html, &total);
    html.push_str(
        "<p class=\"key soft\"><i class=\"old\" style=\"margin-left:0\"></i>old rules<i class=\"new\"></i>new rules</p>",
    );
    figure(&mut html, "Offers over time", &over_time(tally));
    figure(&mut html, "Offers by score", &by_score(tally));
    let rules: Vec<Bars> = tally
        .rules
        .iter()
        .map(|(rule, counts)| Bars { label: rule.clone(), counts: counts.offers })
        .collect();
    figure(&mut html, "Offers by rule", &lying("Offers by rule", &rules));
    table(&mut html, tally, &total);
    samples(&mut html, tally);
    html.push_str("</body></html>\n");
    html
}

fn cards(html: &mut String, total: &Counts) {
    html.push_str("<div class=\"cards\">");
    for (name, number) in [
        ("offers, old", total.offers.old),
        ("offers, new", total.offers.new),
        ("no longer made", total.dropped),
        ("newly made", total.added),
        ("changed", total.changed),
        ("taken back differently", total.withdrawn),
    ] {
        let _ = write!(html, "<div><b>{number}</b>{name}</div>");
    }
    html.push_str("</div>");
}

fn figure(html: &mut String, name: &str, svg: &str) {
    let _ = write!(html, "<h2>{name}</h2><figure>{svg}</figure>");
}

/// Offers by the hour; by several hours together where there are very many.
fn over_time(tally: &Tally) -> String {
    const HOUR: u64 = 3_600_000;
    let (Some(first), Some(last)) = (tally.hours.keys().next(), tally.hours.keys().next_back()) else {
        return upright("Offers over time", &[]);
    };
    let span = usize::try_from((last - first) / HOUR).unwrap_or(usize::MAX).saturating_add(1);
    let step = (grouped(span) as u64).saturating_mul(HOUR);
    let bars: Vec<Bars> = (0..span.div_ceil(grouped(span)) as u64)
        .map(|place| {
            let from = first + place * step;
            let mut counts = Both::default();
            for count in tally.hours.range(from..from.saturating_add(step)).map(|(_, count)| count) {
                counts.old += count.old;
                counts.new += count.new;
            }
            let label = short(from);
            Bars { label: label.get(5..16).unwrap_or(&label).to_owned(), counts }
        })
        .collect();
    upright("Offers over time", &bars)
}

/// Offers by score, in steps of five.
fn by_score(tally: &Tally) -> String {
    let bars: Vec<Bars> = (0..=20_u8)
        .map(|step| {
            let mut counts = Both::default();
            for count in tally.scores.range(step * 5..step * 5 + 5).map(|(_, count)| count) {
                counts.old += count.old;
                counts.new += count.new;
            }
            let label =
                if step == 20 { "100".to_owned() } else { format!("{}–{}", step * 5, step * 5 + 4) };
            Bars { label, counts }
        })
        .collect();
    upright("Offers by score", &bars)
}

fn table(html: &mut String, tally: &Tally, total: &Counts) {
    html.push_str(
        "<h2>By rule</h2><div class=\"wide\"><table><thead><tr><th>rule</th><th>old</th><th>new</th><th>same</th>\
         <th>no longer</th><th>newly</th><th>changed</th><th>score</th><th>text</th><th>channel</th><th>time</th>\
         <th>taken back, old</th><th>new</th><th>differently</th></tr></thead><tbody>",
    );
    for (rule, counts) in &tally.rules {
        row(html, rule, counts);
    }
    html.push_str("</tbody><tfoot>");
    row(html, "all rules", total);
    html.push_str("</tfoot></table></div>");
}

fn row(html: &mut String, name: &str, counts: &Counts) {
    let _ = write!(html, "<tr><td>{}</td>", escape(name));
    for number in [
        counts.offers.old,
        counts.offers.new,
        counts.same,
        counts.dropped,
        counts.added,
        counts.changed,
        counts.rescored,
        counts.reworded,
        counts.rerouted,
        counts.moved,
        counts.withdrawals.old,
        counts.withdrawals.new,
        counts.withdrawn,
    ] {
        let _ = write!(html, "<td>{number}</td>");
    }
    html.push_str("</tr>");
}

fn samples(html: &mut String, tally: &Tally) {
    if tally.samples.is_empty() {
        html.push_str("<h2>Samples</h2><p>There is no difference.</p>");
        return;
    }
    html.push_str("<h2>Samples</h2>");
    for (rule, samples) in &tally.samples {
        let _ = write!(html, "<h3>{}</h3>", escape(rule));
        for change in Change::ALL {
            for sample in samples.iter().filter(|sample| sample.change == change) {
                one(html, sample);
            }
        }
    }
}

fn one(html: &mut String, sample: &Sample) {
    let _ = write!(
        html,
        "<details><summary>{} for {}</summary><p class=\"soft\">{}</p>",
        words(sample.change),
        escape(&sample.person),
        escape(&sample.offer_id)
    );
    for (class, offer) in [("old", &sample.offers.old), ("new", &sample.offers.new)] {
        if let Some((at, offer)) = offer {
            let (text, because) = (escape(&line(*at, offer)), escape(&terms(&offer.because.score)));
            let _ = write!(html, "<p class=\"{class}\">{text}<br><span class=\"soft\">{because}</span></p>");
        }
    }
    if sample.change == Change::Withdrawn {
        for (class, taken) in [("old", &sample.withdrawals.old), ("new", &sample.withdrawals.new)] {
            let _ = write!(html, "<p class=\"{class}\">{}</p>", escape(&taken_back(taken.as_ref())));
        }
    }
    html.push_str("</details>");
}
