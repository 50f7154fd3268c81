//! The telling: what happened, what was decided and why, under the headings of the story.
//!
//! Invariant: a decision is told with all the engine gave as its reason; nothing is told that did not
//! happen. Colour is written always: the stream takes it out where it is no terminal.

use super::crowd::Latency;
use super::stage::Happening;
use super::story::{Step, Story};
use super::words::{Names, dbm, list};
use anstyle::{AnsiColor, Style};
use jiff::{Timestamp, tz::TimeZone};
use shopbell_model::event::{Act, Body, Event};
use shopbell_model::key::{EventRef, Handle, Text};
use shopbell_model::offer::{Made, Message, News, Reason};
use shopbell_model::time::Time;
use std::collections::BTreeMap;
use std::io::{self, Write};

const WIDTH: usize = 92;
/// Where what is told begins, behind the clock.
const INDENT: &str = "            ";

const TITLE: Style = Style::new().bold().underline();
const HEADING: Style = Style::new().bold();
const CLOCK: Style = Style::new().dimmed();
const OFFER: Style = AnsiColor::Green.on_default().bold();
const WITHDRAWN: Style = AnsiColor::Yellow.on_default().bold();
const KEPT_BACK: Style = AnsiColor::Blue.on_default();
const MISSING: Style = AnsiColor::Magenta.on_default();
const REASON: Style = Style::new().dimmed();

/// Tells the whole story.
pub fn tell(out: &mut dyn Write, story: &Story, happenings: &[Happening]) -> io::Result<()> {
    let tz = TimeZone::get(&story.tz).unwrap_or(TimeZone::UTC);
    let mut teller = Teller {
        out,
        names: Names::new(story),
        tz,
        events: BTreeMap::new(),
        offers: BTreeMap::new(),
        day: String::new(),
        heard: None,
    };
    writeln!(teller.out, "{TITLE}{}{TITLE:#}\n", story.title)?;
    teller.paragraph("", &story.intro, Style::new())?;
    let mut rest = happenings;
    for (index, step) in story.steps.iter().enumerate() {
        let end = story.steps.get(index + 1).map_or(Time::MAX, |next| next.from);
        let count = rest.iter().take_while(|happening| happening.time() < end).count();
        let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        rest = later;
        teller.step(step, now)?;
    }
    // A story without steps still shows what happened.
    teller.happenings(rest, false)?;
    writeln!(teller.out)?;
    teller.paragraph("", &story.outro, Style::new())
}

/// Tells how fast it was.
pub fn tell_latency(
    out: &mut dyn Write,
    latency: Option<Latency>,
    copies: u64,
    workers: usize,
) -> io::Result<()> {
    let Some(Latency { answers, p50, p99, max, largest }) = latency else {
        return writeln!(out, "No event made an offer at once: there is no latency to speak of.");
    };
    let threads = if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
    writeln!(out, "{HEADING}From event to offer{HEADING:#}\n")?;
    writeln!(
        out,
        "  p50 {p50:.1?}   p99 {p99:.1?}   slowest {max:.1?}   ({answers} times an event made offers at once)\n"
    )?;
    let text = format!(
        "Measured just now, on this machine, with {threads}: the same story once more, for {copies} copies of \
         everybody in it, one tick after the other. The time runs from feeding a decoded event to its offer as \
         JSON; network and disk are not in it, nor offers that a timer made. The event that made most offers \
         made {}, all there after {:.1?}.",
        largest.offers, largest.took
    );
    wrapped(out, "", &text, Style::new())?;
    if cfg!(debug_assertions) {
        wrapped(
            out,
            "",
            "This program was built for debugging: `cargo run --release -- demo` is several times faster.",
            MISSING,
        )?;
    }
    Ok(())
}

/// One device heard by one beacon, several times in a row.
struct Heard {
    handle: Handle,
    beacon: Text,
    first: Time,
    last: Time,
    count: usize,
    weakest: i16,
    strongest: i16,
}

struct Teller<'a> {
    out: &'a mut dyn Write,
    names: Names<'a>,
    tz: TimeZone,
    /// What each event was, for offers that follow from it.
    events: BTreeMap<EventRef, (Time, String)>,
    /// Whose offer it was and what it said, for its withdrawal.
    offers: BTreeMap<Text, (String, Text)>,
    day: String,
    heard: Option<Heard>,
}

impl Teller<'_> {
    fn step(&mut self, step: &Step, happenings: &[Happening]) -> io::Result<()> {
        let number = step.number.map_or(String::new(), |number| format!("{number}  "));
        writeln!(self.out, "\n{HEADING}{number}{}{HEADING:#}", step.title)?;
        self.paragraph("", &step.text, Style::new())?;
        if let Some(missing) = &step.missing {
            self.paragraph("", &format!("Not in this version: {missing}"), MISSING)?;
        }
        writeln!(self.out)?;
        self.happenings(happenings, step.brief)
    }

    fn happenings(&mut self, happenings: &[Happening], brief: bool) -> io::Result<()> {
        let mut arrived = 0;
        // The output has a tick's messages by offer id; told they are by what they mean.
        let mut happenings: Vec<&Happening> = happenings.iter().collect();
        happenings.sort_by_key(|happening| (happening.time(), rank(happening)));
        for happening in happenings {
            match happening {
                Happening::Arrived(clock, event) => {
                    arrived += 1;
                    self.names.learn(event);
                    let sentence = self.sentence(event);
                    if !brief {
                        self.arrived(*clock, event, &sentence)?;
                    }
                    self.events.insert(event.reference.clone(), (event.time, sentence));
                }
                Happening::Decided(message, _) => {
                    self.flush()?;
                    self.decided(message)?;
                }
            }
        }
        self.flush()?;
        if brief && arrived > 0 {
            writeln!(self.out, "{INDENT}{arrived} events")?;
        }
        Ok(())
    }

    /// What happened; an offer's outcome with the rule that made it.
    fn sentence(&self, event: &Event) -> String {
        let sentence = self.names.sentence(event);
        let Body::Person { act: Act::Push(_, offer), .. } = &event.body else { return sentence };
        match self.offers.get(offer) {
            Some((rule, _)) => format!("{sentence}: {rule}"),
            None => sentence,
        }
    }

    fn arrived(&mut self, clock: Time, event: &Event, sentence: &str) -> io::Result<()> {
        if let Body::Person { handle, act: Act::Reading(beacon, rssi) } = &event.body {
            match &mut self.heard {
                Some(heard) if heard.handle == *handle && heard.beacon == *beacon => {
                    heard.last = event.time;
                    heard.count += 1;
                    heard.weakest = heard.weakest.min(rssi.0);
                    heard.strongest = heard.strongest.max(rssi.0);
                    return Ok(());
                }
                _ => self.flush()?,
            }
            self.heard = Some(Heard {
                handle: handle.clone(),
                beacon: beacon.clone(),
                first: event.time,
                last: event.time,
                count: 1,
                weakest: rssi.0,
                strongest: rssi.0,
            });
            return Ok(());
        }
        self.flush()?;
        self.clock(clock)?;
        let late = if event.time < clock {
            format!(" (late: it was at {})", self.hour(event.time))
        } else {
            String::new()
        };
        writeln!(self.out, "{sentence}{late}")
    }

    /// Tells readings that came in a row as one.
    fn flush(&mut self) -> io::Result<()> {
        let Some(heard) = self.heard.take() else { return Ok(()) };
        self.clock(heard.first)?;
        let Heard { handle, beacon, first, last, count, weakest, strongest } = heard;
        let who = self.names.who(handle.as_str());
        if count == 1 {
            return writeln!(self.out, "{who} is heard by {beacon}, {} dBm", dbm(strongest));
        }
        let minutes = (last - first).div_ceil(60_000);
        let minutes = if minutes == 1 { "1 minute".to_owned() } else { format!("{minutes} minutes") };
        writeln!(
            self.out,
            "{who} is heard by {beacon} {count} times in {minutes}, {} to {} dBm",
            dbm(weakest),
            dbm(strongest)
        )
    }

    fn decided(&mut self, message: &Message) -> io::Result<()> {
        self.clock(message.tick)?;
        let person = self.names.who(message.person.as_str()).to_owned();
        match &message.news {
            News::Made(made) => self.made(message, made, person),
            News::Withdrawn(reason, channel) => {
                let unknown = (message.offer_id.to_string(), Text::default());
                let (rule, title) = self.offers.get(&message.offer_id).unwrap_or(&unknown);
                writeln!(
                    self.out,
                    "{WITHDRAWN}↩ withdrawn{WITHDRAWN:#} {rule} for {person} on {channel}: {}",
                    why(*reason)
                )?;
                writeln!(self.out, "{INDENT}  {REASON}\"{title}\"{REASON:#}")
            }
            News::Suppressed { rule, score, policy, .. } => writeln!(
                self.out,
                "{KEPT_BACK}· kept back{KEPT_BACK:#} {rule} for {person}, score {score}: {}",
                objection(policy)
            ),
        }
    }

    fn made(&mut self, message: &Message, made: &Made, person: String) -> io::Result<()> {
        let address = if made.address.is_empty() { String::new() } else { format!(" ({})", made.address) };
        writeln!(
            self.out,
            "{OFFER}► offer{OFFER:#} {} for {person} on {}{address}, score {}",
            made.rule, made.channel, made.score
        )?;
        self.paragraph(&format!("{INDENT}  "), &format!("\"{}\"", made.title), HEADING)?;
        if !made.body.is_empty() {
            self.paragraph(&format!("{INDENT}  "), &made.body, Style::new())?;
        }
        if !made.items.is_empty() {
            self.reason("about", &list(made.items.iter().map(|item| self.names.item(item).to_owned())))?;
        }
        if let Some(coupon) = &made.coupon {
            self.reason("coupon", coupon)?;
        }
        self.reason("until", &self.until(message.tick, made.valid_until))?;
        let mut causes: Vec<_> =
            made.events.iter().filter_map(|event| self.events.get(event)).cloned().collect();
        causes.sort();
        for (index, (time, sentence)) in causes.iter().enumerate() {
            let at = self.until(message.tick, *time);
            self.reason(if index == 0 { "because" } else { "" }, &format!("{at} {sentence}"))?;
        }
        // A term that gives nothing explains nothing; a number by itself is where the sum starts.
        let given = made.terms.iter().filter(|(_, points)| *points != 0);
        let terms: Vec<String> = given
            .map(|(term, points)| {
                let name = if *term == points.to_string() { "to start with" } else { bare(term) };
                format!("{points:+} {name}")
            })
            .collect();
        self.reason("score", &terms.join("\n"))?;
        if !made.over.is_empty() {
            let over = list(made.over.iter().map(|(rule, score)| format!("{rule} ({score})")));
            self.reason("beats", &over)?;
        }
        self.offers.insert(message.offer_id.clone(), (made.rule.to_string(), made.title.clone()));
        Ok(())
    }

    fn reason(&mut self, label: &str, text: &str) -> io::Result<()> {
        for (index, line) in text.lines().enumerate() {
            let label = if index == 0 { label } else { "" };
            writeln!(self.out, "{INDENT}  {REASON}{label:<8}{line}{REASON:#}")?;
        }
        Ok(())
    }

    /// The clock before what is told; the day where it is another one than before.
    fn clock(&mut self, time: Time) -> io::Result<()> {
        let day = self.strftime(time, "%A %-d %B %Y");
        if day != self.day {
            writeln!(self.out, "  {CLOCK}{day}{CLOCK:#}")?;
            self.day = day;
        }
        let hour = self.hour(time);
        write!(self.out, "  {CLOCK}{hour:<10}{CLOCK:#}")
    }

    fn hour(&self, time: Time) -> String {
        self.strftime(time, "%H:%M:%S")
    }

    /// A moment as seen from another: with its day where that differs.
    fn until(&self, from: Time, time: Time) -> String {
        let day = |time| self.strftime(time, "%-d %B");
        if day(from) == day(time) { self.hour(time) } else { format!("{} {}", day(time), self.hour(time)) }
    }

    fn strftime(&self, time: Time, format: &str) -> String {
        let moment = i64::try_from(time).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        moment.map_or(String::new(), |moment| moment.to_zoned(self.tz.clone()).strftime(format).to_string())
    }

    fn paragraph(&mut self, indent: &str, text: &str, style: Style) -> io::Result<()> {
        wrapped(self.out, indent, text, style)
    }
}

/// Writes text in lines of at most [`WIDTH`] characters, but for words that are longer.
fn wrapped(out: &mut dyn Write, indent: &str, text: &str, style: Style) -> io::Result<()> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{indent}{style}{line}{style:#}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.is_empty() { Ok(()) } else { writeln!(out, "{indent}{style}{line}{style:#}") }
}

/// A term without brackets around the whole of it.
fn bare(term: &str) -> &str {
    let inner = term.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inner.filter(|inner| !inner.contains(['(', ')'])).unwrap_or(term)
}

/// The order of what happens in one tick.
fn rank(happening: &Happening) -> u8 {
    match happening {
        Happening::Arrived(..) => 0,
        Happening::Decided(message, _) => match message.news {
            News::Withdrawn(..) => 1,
            News::Made(_) => 2,
            News::Suppressed { .. } => 3,
        },
    }
}

/// A reason in words, with its name in the output.
fn why(reason: Reason) -> String {
    let words = match reason {
        Reason::Bought => "it was bought",
        Reason::Removed => "it is no longer wanted",
        Reason::Left => "the person is no longer there",
        Reason::OutOfStock => "it can no longer be had",
        Reason::Price => "the price went up again",
        Reason::Rule => "the rule no longer applies",
        Reason::Unlinked => "the evidence was of two persons",
        Reason::Consent => "the person does not want it",
        Reason::Forgotten => "the person asked to be forgotten",
        Reason::LateEvent => "what came late shows that there was no reason",
        Reason::Superseded => "a better one took its place",
    };
    format!("{words} ({})", reason.as_str())
}

/// A policy's objection in words, with its name in the output.
fn objection(policy: &str) -> String {
    let words = match policy {
        "hold_out" => "the person is in the group that gets nothing",
        "min_score" => "too low a score",
        "consent" => "the person does not want it",
        "no_channel" => "there is no way to reach the person",
        "quiet_hours" => "not at this hour",
        "cooldown" => "too soon after the last one of this rule",
        "rule_cap" => "enough of this rule for now",
        "cap" => "enough offers for now",
        "channel_cap" => "enough on this channel for now",
        "hold" => "one at a time",
        "units" => "none are left",
        "budget" => "nothing is left of the budget",
        _ => "a policy objects",
    };
    format!("{words} ({policy})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_between_words() {
        let mut out = Vec::new();
        wrapped(&mut out, "  ", &"word ".repeat(40), Style::new()).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lengths: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lengths.len(), 3);
        assert!(lengths.iter().all(|length| *length <= WIDTH));
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
