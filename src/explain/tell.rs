//! Answers as text for people.
//!
//! Invariant: all that is known is told, in the order in which somebody asks for it. Colour is written always: the
//! stream takes it out where it is no terminal.

use anstyle::{AnsiColor, Style};
use shopbell_dataflows::explain::{
    At, CaseView, EndedView, LinkView, OfferState, OfferView, PersonView, RequestView, RuleView, Verdict,
};
use std::fmt::Display;
use std::io::{self, Write};

const TITLE: Style = Style::new().bold();
const LABEL: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const WAITING: Style = AnsiColor::Yellow.on_default();
const NOTHING: Style = Style::new();

/// Lines with a label before the first of each kind.
struct Lines<'a> {
    out: &'a mut dyn Write,
}

impl Lines<'_> {
    fn tell<T: Display>(&mut self, label: &str, lines: impl IntoIterator<Item = T>) -> io::Result<()> {
        let mut label = label;
        for line in lines {
            writeln!(self.out, "  {LABEL}{label:<12}{LABEL:#}{line}")?;
            label = "";
        }
        Ok(())
    }
}

/// Why an offer was made, and what became of it.
pub fn tell_offer(out: &mut dyn Write, offer: &OfferView) -> io::Result<()> {
    let colour = if offer.state == OfferState::Standing { GOOD } else { WAITING };
    let OfferView { rule, person, channel, score, .. } = offer;
    let state = offer.state.as_str();
    writeln!(
        out,
        "{TITLE}{rule}{TITLE:#} for {person} on {channel}, score {score}: {colour}{state}{colour:#}"
    )?;
    let mut lines = Lines { out };
    lines.tell("offer", [offer.offer_id.as_str()])?;
    let in_force = if offer.rule_in_force { "in force" } else { "not in force any more" };
    lines.tell("rule", [format!("{rule}, version {}, {in_force}", offer.rule_version)])?;
    lines.tell("made", [format!("{}, for {}", offer.made_at, offer.made_for)])?;
    match offer.withdrawn {
        Some(gone) => lines.tell("withdrawn", [format!("{}: {}", gone.at, gone.reason.as_str())])?,
        None => lines.tell("ends", [offer.ends_at])?,
    }
    lines.tell("reported", &offer.outcomes)?;
    lines.tell("about", &offer.items)?;
    let because = &offer.because;
    let event = because
        .events
        .iter()
        .map(|event| format!("event {} of {} ({})", event.id, event.source, event.handle));
    lines.tell("because", event)?;
    tell_links(&mut lines, &offer.handles, &offer.links)?;
    lines.tell("score", because.score.iter().map(|term| format!("{:+} {}", term.points, term.term)))?;
    let passed = because.policies.iter().map(|passed| format!("{}: {}", passed.policy, passed.counted));
    lines.tell("passed", passed)?;
    lines.tell("beats", because.over.iter().map(|lost| format!("{} ({})", lost.rule, lost.score)))?;
    lines.tell("as of", [offer.as_of])
}

fn tell_links(lines: &mut Lines<'_>, handles: &[String], links: &[LinkView]) -> io::Result<()> {
    lines.tell("handles", handles)?;
    lines.tell("links", links.iter().map(|link| format!("{} is {} since {}", link.one, link.other, link.at)))
}

/// What is known of a person.
pub fn tell_person(out: &mut dyn Write, person: &PersonView) -> io::Result<()> {
    writeln!(out, "{TITLE}{}{TITLE:#}", person.person)?;
    let mut lines = Lines { out };
    tell_links(&mut lines, &person.handles, &person.links)?;
    lines.tell("shared", person.shared.then_some("it is linked with too many others to mean anybody"))?;
    lines.tell("profile", person.attributes.iter().map(|(name, value)| format!("{name} = {value}")))?;
    lines.tell("follows", person.fields.iter().map(|(name, value)| format!("{name} = {value}")))?;
    let consent = person.consents.iter().map(|consent| {
        let of = |scope: &Option<_>, all: &str| scope.as_ref().map_or(all.to_owned(), ToString::to_string);
        let said = if consent.granted { "granted" } else { "refused" };
        let (channel, category) = (of(&consent.channel, "all channels"), of(&consent.category, "everything"));
        format!("{said} for {channel}, {category}, at {}", consent.at)
    });
    lines.tell("consent", consent)?;
    let line = person.cart.iter().map(|line| {
        format!(
            "{} × {}, since {}, last touched {}",
            line.quantity, line.item_id, line.since, line.last_activity
        )
    });
    lines.tell("cart", line)?;
    for (label, wants) in [("wish list", &person.wishlist), ("viewed", &person.viewed)] {
        let want = wants.iter().map(|want| {
            let views = want.views.map_or(String::new(), |views| format!(", {views} times"));
            format!("{} since {}{views}", want.item_id, want.since)
        });
        lines.tell(label, want)?;
    }
    let ended = person.ended.iter().map(|ended| {
        let EndedView { item_id, interest, since, until, how } = ended;
        format!("{item_id} ({interest}) from {since}, {how} at {until}")
    });
    lines.tell("no longer", ended)?;
    let stay = |place: String, since: At, last: Option<At>| match last {
        Some(last) => format!("{place} from {since} to {last}"),
        None => format!("{place} since {since}"),
    };
    for (label, is_over) in [("in zone", false), ("was in", true)] {
        let zones = person.zones.iter().filter(|zone| zone.last.is_some() == is_over);
        let zone = zones.map(|zone| stay(format!("{}/{}", zone.location, zone.zone), zone.since, zone.last));
        lines.tell(label, zone)?;
    }
    for (label, is_over) in [("near", false), ("was near", true)] {
        let places = person.near.iter().filter(|near| near.last.is_some() == is_over);
        let place = places.map(|near| {
            stay(format!("{} (within {} metres)", near.location, near.within), near.since, near.last)
        });
        lines.tell(label, place)?;
    }
    let visit = person.visits.iter().map(|visit| {
        let end = visit.end.map_or_else(|| "and still there".to_owned(), |end| format!("to {end}"));
        format!("{} from {} {end}, noticed for {}", visit.location, visit.start, visit.dwell)
    });
    lines.tell("visits", visit)?;
    lines.tell(
        "checked in",
        person.check_ins.iter().map(|sign| format!("{} at {}", sign.location, sign.at)),
    )?;
    let purchase = person.purchases.iter().map(|purchase| {
        let place = purchase.location.as_ref().map_or(String::new(), |place| format!(" in {place}"));
        format!("{}{place} at {} ({})", purchase.items.join(", "), purchase.at, purchase.transaction_id)
    });
    lines.tell("bought", purchase)?;
    lines.tell("requested", person.requests.iter().map(|request| tell_request(request, person.as_of)))?;
    let pause = person.pauses.iter().map(|pause| match pause.until {
        Some(until) => format!("from {} to {until}", pause.since),
        None => format!("since {}", pause.since),
    });
    lines.tell("silent", pause)?;
    let segment = person.segments.iter().map(|stay| {
        let entered = stay.entered.map_or_else(|| "long ago".to_owned(), |at| format!("at {at}"));
        let left = stay.left.map_or(String::new(), |at| format!(", left at {at}"));
        format!("`{}` ({}) entered {entered}{left}", stay.segment, stay.rule)
    });
    lines.tell("segments", segment)?;
    let offer = person.offers.iter().map(|offer| {
        let mut state = offer.state.as_str().to_owned();
        if let Some(gone) = offer.withdrawn {
            state = format!("withdrawn at {}: {}", gone.at, gone.reason.as_str());
        }
        let reported = if offer.outcomes.is_empty() {
            String::new()
        } else {
            format!(" ({})", offer.outcomes.join(", "))
        };
        format!(
            "{} on {} at {}, {state}{reported}; {}",
            offer.rule, offer.channel, offer.made_at, offer.offer_id
        )
    });
    lines.tell("offers", offer)?;
    lines.tell("as of", [person.as_of])?;
    person.rules.iter().try_for_each(|rule| tell_rule(out, rule))
}

/// What an associate asked for, and what came of it.
fn tell_request(request: &RequestView, now: At) -> String {
    let RequestView { request_id, rule, location, items, at, until, decision } = request;
    let about = if items.is_empty() { String::new() } else { format!(" for {}", items.join(", ")) };
    let came = match decision {
        Some(decision) if decision.approved => format!("approved at {}", decision.at),
        Some(decision) => format!("refused at {}", decision.at),
        None => "nobody decided".to_owned(),
    };
    let counts = if *until <= now { "expired at" } else { "expires at" };
    format!("{rule}{about} in {location} at {at} ({request_id}): {came}, {counts} {until}")
}

fn tell_rule(out: &mut dyn Write, rule: &RuleView) -> io::Result<()> {
    let colour = match rule.verdict {
        Verdict::Made | Verdict::WouldBeMade => GOOD,
        Verdict::KeptBack | Verdict::NotDue => WAITING,
        _ => NOTHING,
    };
    let verdict = rule.verdict.as_str().replace('_', " ");
    writeln!(out, "{TITLE}{}{TITLE:#}: {colour}{verdict}{colour:#}", rule.rule)?;
    for CaseView { why, items, .. } in &rule.cases {
        let about = if items.is_empty() { String::new() } else { format!(" ({})", items.join(", ")) };
        writeln!(out, "  {why}{about}")?;
    }
    if rule.left_out > 0 {
        writeln!(out, "  and {} more", rule.left_out)?;
    }
    Ok(())
}
