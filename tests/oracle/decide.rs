//! Candidates, policies, withdrawals: what is sent and taken back at one tick.
//!
//! Invariant: all but the ledger is computed afresh at every tick.

use super::config::{Config, DAY};
use super::event::{Act, Time};
use super::forget::Forgotten;
use super::learning::{Learned, segment};
use super::policies::{channel, held_out, objection, quiet_from, quiet_until};
use super::pools::{Answers, Asks, midnight, needs};
use super::rules::Rule;
use super::situations::{Situation, situations};
use super::withdraw::reason_gone;
use super::world::{Brand, Person, World};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) tick: Time,
    pub(crate) offer_id: String,
    pub(crate) what: What,
}

/// Made or taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Made {
        rule: String,
        episode: String,
        person: String,
        handles: Vec<String>,
        channel: String,
        address: String,
        score: i64,
        items: Vec<String>,
    },
    Withdrawn {
        reason: String,
    },
}

/// An offer that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) offer_id: String,
    pub(crate) brand: String,
    pub(crate) rule: Rule,
    pub(crate) situation: Situation,
    /// The items offered; those of the situation that passed.
    pub(crate) items: Vec<String>,
    pub(crate) evidence: BTreeSet<String>,
    pub(crate) channel: String,
    /// The person's, when it was sent.
    pub(crate) segment: String,
    pub(crate) tick: Time,
    /// When, if it was.
    pub(crate) withdrawn: Option<Time>,
    pub(crate) score: i64,
    /// The offer whose place it took.
    pub(crate) replaces: Option<String>,
    /// How much it holds of which pools.
    pub(crate) holds: Vec<(String, i64)>,
}

/// A tick, and how far the clock has come in it.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    tick: Time,
    pub(crate) clock: Time,
}

/// A rule that applies in a standing situation.
struct Candidate<'a> {
    offer_id: String,
    rule: &'a Rule,
    situation: Situation,
    score: i64,
    items: Vec<String>,
}

/// What counts as told because it stood already when its rule came into force.
#[derive(Debug, Default)]
pub(crate) struct Primed {
    /// Rules that come into force in this tick with `backfill = "prime"`.
    pub(crate) arriving: Vec<String>,
    /// This tick.
    tick: Time,
    /// The grid point before this tick.
    pub(crate) before: Time,
    /// Candidates of the tick before, with the end of their rule.
    stood: BTreeMap<String, Time>,
    /// With the tick in which that was said.
    told: BTreeMap<String, Time>,
}

impl Primed {
    /// Lets go of what is too old to be remembered; what stands all the same counts as told from then on.
    fn outlive(
        &mut self,
        ledger: &mut Vec<Sent>,
        stands: &BTreeSet<String>,
        clock: Time,
        kept: Time,
    ) -> Vec<Sent> {
        let is_over = |tick: Time| tick + 1 + kept <= clock;
        let sent: Vec<String> =
            ledger.iter().filter(|sent| is_over(sent.tick)).map(|sent| sent.offer_id.clone()).collect();
        let left: Vec<Sent> = ledger.extract_if(.., |sent| is_over(sent.tick)).collect();
        let told = self.told.iter().filter(|(_, tick)| is_over(**tick)).map(|(offer, _)| offer.clone());
        for offer in told.chain(sent).collect::<Vec<_>>() {
            if stands.contains(&offer) {
                self.told.insert(offer, self.tick);
            } else {
                self.told.remove(&offer);
            }
        }
        left
    }

    fn without_told<'a>(&mut self, candidates: Vec<Candidate<'a>>, ledger: &[Sent]) -> Vec<Candidate<'a>> {
        let (arriving, stood, before) = (&self.arriving, &self.stood, self.before);
        let is_new = |candidate: &&Candidate<'_>| {
            arriving.contains(&candidate.rule.toml())
                && candidate.situation.due <= before
                && candidate.rule.until.is_none_or(|until| before < until)
                && stood.get(&candidate.offer_id).is_none_or(|until| *until <= before)
                && ledger.iter().all(|sent| sent.offer_id != candidate.offer_id)
        };
        let told: Vec<(String, Time)> =
            candidates.iter().filter(is_new).map(|c| (c.offer_id.clone(), self.tick)).collect();
        self.told.extend(told);
        candidates.into_iter().filter(|candidate| !self.told.contains_key(&candidate.offer_id)).collect()
    }
}

/// First 32 hexadecimal digits of the SHA-256 of brand, rule and episode.
pub(crate) fn offer_id(brand: &str, rule: &str, episode: &str) -> String {
    let digest = Sha256::digest([brand, rule, episode].join("\u{1f}").as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What the oracle remembers from tick to tick, besides events.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) ledger: Vec<Sent>,
    /// Offers that are in it no longer, and hold something all the same.
    pub(crate) holders: Vec<Sent>,
    pub(crate) asks: Asks,
    pub(crate) primed: Primed,
    pub(crate) learned: Learned,
}

/// One tick: rows in order of offer id, and later moments at which something may come due.
pub(crate) fn decide(
    tick: Time,
    world: &World<'_>,
    forgotten: &Forgotten,
    rules: &[Rule],
    config: &Config,
    Memory { ledger, holders, asks, primed, learned }: &mut Memory,
    moments: &mut BTreeSet<Time>,
) -> Vec<Row> {
    let (mut stands, mut spoke) = (BTreeSet::new(), BTreeMap::new());
    let (mut rows, now) = (Vec::new(), Now { tick, clock: world.clock });
    let holds = |sent: &Sent| sent.tick + 1 + sent.holds_for(config) > now.clock;
    holders.retain(holds);
    let holding: Vec<&Sent> = ledger.iter().filter(|sent| holds(sent)).chain(&*holders).collect();
    let answers = Answers::of(asks, ledger, &holding, world, forgotten, moments);
    let mut asking = Asks::new();
    let mut of_brands = Vec::new();
    for brand in &world.brands {
        let mut standing: BTreeMap<String, bool> = BTreeMap::new();
        let mut found: Vec<Vec<Candidate<'_>>> = Vec::new();
        for person in &brand.persons {
            let candidates =
                candidates(person, brand, rules, config, world.clock, learned, &mut standing, moments);
            stands.extend(candidates.iter().map(|candidate| candidate.offer_id.clone()));
            let over = |candidate: &Candidate<'_>| candidate.rule.until.unwrap_or(Time::MAX);
            spoke.extend(candidates.iter().map(|candidate| (candidate.offer_id.clone(), over(candidate))));
            found.push(candidates);
        }
        of_brands.push((standing, found));
    }
    primed.tick = tick;
    let left = primed.outlive(ledger, &stands, now.clock, config.ledger_kept);
    holders.extend(left.into_iter().filter(holds));
    moments.extend(holders.iter().map(|sent| sent.tick + 1 + sent.holds_for(config)));
    for (brand, (standing, found)) in world.brands.iter().zip(of_brands) {
        let found: Vec<Vec<Candidate<'_>>> =
            found.into_iter().map(|candidates| primed.without_told(candidates, ledger)).collect();
        rows.extend(take_back(brand, forgotten, &standing, rules, config, now, ledger));
        for (person, candidates) in brand.persons.iter().zip(found) {
            if !forgotten.has(&brand.name, &person.name) {
                let about = About { person, brand, config, now };
                rows.extend(send(about, candidates, &answers, ledger, &mut asking, moments));
            }
        }
    }
    primed.stood = spoke;
    let remembered = ledger.iter().map(|sent| sent.tick).chain(primed.told.values().copied());
    moments.extend(remembered.map(|tick| tick + 1 + config.ledger_kept));
    learned.count(tick, world, forgotten, ledger);
    moments.extend(learned.next(tick));
    let same = asks.keys().eq(asking.keys());
    if !asking.is_empty() && (!same || !rows.is_empty()) {
        moments.insert(tick + 1);
    }
    *asks = asking;
    rows.sort_by(|a, b| (&a.offer_id, &a.what).cmp(&(&b.offer_id, &b.what)));
    rows
}

/// Candidates of a person, best first. `standing` takes every offer id whose situation stands, and
/// whether it is a candidate.
#[expect(clippy::too_many_arguments, reason = "all that a candidate follows from")]
fn candidates<'a>(
    person: &Person<'_>,
    brand: &Brand<'_>,
    rules: &'a [Rule],
    config: &Config,
    clock: Time,
    learned: &Learned,
    standing: &mut BTreeMap<String, bool>,
    moments: &mut BTreeSet<Time>,
) -> Vec<Candidate<'a>> {
    let mut found: Vec<Candidate<'_>> = Vec::new();
    for rule in rules {
        moments.extend(rule.from.into_iter().chain(rule.until));
        for situation in situations(rule.id, &rule.when, person, brand, config, clock) {
            moments.insert(situation.due);
            moments.extend(situation.until.map(|until| until + 1));
            let id = offer_id(&brand.name, rule.id, &situation.episode);
            if clock < situation.due || situation.until.is_some_and(|until| clock > until) {
                continue;
            }
            let in_time = rule.from.is_none_or(|from| from <= clock);
            let history = learned.seen(clock, &brand.name, rule, person);
            let scored = evaluate(rule, &situation, person, brand, history).filter(|_| in_time);
            *standing.entry(id.clone()).or_default() |= scored.is_some();
            let Some((score, items)) = scored else { continue };
            // Of two with the same episode the better counts.
            match found.iter_mut().find(|other| other.offer_id == id) {
                Some(other) if other.score > score => {}
                Some(other) if other.score == score && other.situation.evidence <= situation.evidence => {}
                Some(other) => *other = Candidate { offer_id: id, rule, situation, score, items },
                None => found.push(Candidate { offer_id: id, rule, situation, score, items }),
            }
        }
    }
    found.sort_by(|a, b| {
        let key = |c: &Candidate<'_>| (-c.score, -c.rule.priority, c.rule.id, c.offer_id.clone());
        key(a).cmp(&key(b))
    });
    found
}

/// Score and items of a rule in a situation, where its condition holds.
fn evaluate(
    rule: &Rule,
    situation: &Situation,
    person: &Person<'_>,
    brand: &Brand<'_>,
    history: (i64, i64),
) -> Option<(i64, Vec<String>)> {
    let known = &brand.catalogue;
    let view = |item| {
        let mut view = person.view(known, item, situation.due);
        view.dwell = situation.dwell;
        view.history = history;
        if let Some(place) = &situation.place {
            view.location_kind = known.kinds_of_place.get(place).copied();
            view.location_tz = known.zones_of_time.get(place).cloned();
        }
        view
    };
    if !situation.about_items {
        let view = view(None);
        let mut items: Vec<String> = situation.items.iter().map(|item| item.id.clone()).collect();
        items.sort();
        return rule.passes(&view).then(|| (rule.score_in(&view), items));
    }
    let mut passing: Vec<(i64, String)> = Vec::new();
    for item in &situation.items {
        let item = person.item_view(known, item, situation.place.as_deref());
        let view = view(Some(item));
        if rule.passes(&view) {
            passing.push((-rule.score_in(&view), view.item.map(|item| item.id).unwrap_or_default()));
        }
    }
    passing.sort();
    passing.dedup();
    let best = passing.first()?.0;
    Some((-best, passing.into_iter().map(|(_, item)| item).collect()))
}

/// Whom a decision is about, and what it rests on.
#[derive(Clone, Copy)]
struct About<'a> {
    person: &'a Person<'a>,
    brand: &'a Brand<'a>,
    config: &'a Config,
    now: Now,
}

/// How a candidate may be sent.
#[derive(PartialEq)]
struct Way {
    channel: String,
    address: String,
    /// The offer whose place it takes.
    replaces: Option<String>,
}

impl About<'_> {
    /// How a candidate may be sent, given what was sent to the person; or else when to ask again.
    fn way(
        &self,
        candidate: &Candidate<'_>,
        sent: &[&Sent],
        reached: &BTreeSet<String>,
    ) -> Result<Way, Option<Time>> {
        let About { person, brand, config, now } = *self;
        let (policy, rule) = (&config.policy, candidate.rule);
        if held_out(&brand.name, &person.name, policy.hold_out_percent) || candidate.score < policy.min_score
        {
            return Err(None);
        }
        let (channel, address) = channel(rule, policy, person).ok_or(None)?;
        let place = candidate.situation.place.as_deref();
        if let Some(end) = quiet_until(policy, person, brand, place, now.clock) {
            return Err(Some(end));
        }
        let Some((again, by_place)) = objection(rule, policy, &channel, sent, None, now.clock) else {
            return Ok(Way { channel, address, replaces: None });
        };
        let rank = |sent: &Sent| (-sent.score, -sent.rule.priority, sent.rule.id, sent.offer_id.clone());
        let mut lesser: Vec<&&Sent> = sent
            .iter()
            .filter(|sent| sent.gives_way(now.clock) && !reached.contains(&sent.offer_id))
            .filter(|sent| {
                (-candidate.score, -rule.priority, rule.id) < (-sent.score, -sent.rule.priority, sent.rule.id)
            })
            .collect();
        lesser.sort_by_key(|sent| std::cmp::Reverse(rank(sent)));
        let mut soonest = again;
        for other in lesser.into_iter().filter(|_| by_place) {
            match objection(rule, policy, &channel, sent, Some(&other.offer_id), now.clock) {
                None => return Ok(Way { channel, address, replaces: Some(other.offer_id.clone()) }),
                Some((again, _)) => soonest = soonest.min(again),
            }
        }
        Err(Some(soonest))
    }

    fn sent(&self, candidate: &Candidate<'_>, way: &Way) -> Sent {
        let Candidate { offer_id, rule, situation, score, items } = candidate;
        let of_items =
            situation.items.iter().filter(|item| items.contains(&item.id)).map(|item| item.handle.clone());
        Sent {
            offer_id: offer_id.clone(),
            brand: self.brand.name.clone(),
            rule: (*rule).clone(),
            situation: situation.clone(),
            items: items.clone(),
            evidence: situation.handles.iter().cloned().chain(of_items).collect(),
            channel: way.channel.clone(),
            segment: self.config.learning.as_ref().map_or(String::new(), |one| segment(one, self.person)),
            tick: self.now.tick,
            withdrawn: None,
            score: *score,
            replaces: way.replaces.clone(),
            holds: needs(rule, &self.brand.name, self.now.clock)
                .into_iter()
                .map(|(pool, n, _)| (pool, n))
                .collect(),
        }
    }

    /// What was sent to the person.
    fn of<'l>(&self, ledger: &'l [Sent]) -> Vec<&'l Sent> {
        let mine = |sent: &&Sent| {
            sent.brand == self.brand.name && self.person.handles.contains(&sent.situation.anchor)
        };
        ledger.iter().filter(mine).collect()
    }
}

impl Sent {
    /// Its last moment.
    pub(crate) fn ends(&self) -> Time {
        self.situation.until.map_or(Time::MAX, |until| until).min(self.tick + self.rule.valid)
    }

    /// How long what it holds is remembered.
    fn holds_for(&self, config: &Config) -> Time {
        let for_a_day =
            self.rule.units.is_none() && self.rule.budget.is_none_or(|(budget, _)| budget.day_in.is_some());
        match self.holds.is_empty() {
            true => 0,
            false if for_a_day => config.ledger_kept.max(2 * DAY),
            false => config.pools_kept,
        }
    }

    /// Whether a better one may take its place, as far as is known without what was heard of it.
    fn gives_way(&self, clock: Time) -> bool {
        self.rule.replaceable && self.replaces.is_none() && self.withdrawn.is_none() && clock <= self.ends()
    }
}

/// Sends what no policy objects to, best first; what needs a part of a pool is sent where it was granted, or asks.
fn send(
    about: About<'_>,
    candidates: Vec<Candidate<'_>>,
    answers: &Answers,
    ledger: &mut Vec<Sent>,
    asking: &mut Asks,
    moments: &mut BTreeSet<Time>,
) -> Vec<Row> {
    let About { person, brand, now, .. } = about;
    let mut rows = Vec::new();
    let (mut waiting, mut reserved) = (Vec::new(), Vec::<Sent>::new());
    for candidate in candidates {
        // A rule that is over makes no offers; what it made keeps standing.
        let over = candidate.rule.until.is_some_and(|until| until <= now.clock);
        if over || ledger.iter().any(|sent| sent.offer_id == candidate.offer_id) {
            continue;
        }
        let way = match about.way(&candidate, &about.of(ledger), &answers.reached) {
            Ok(way) => way,
            Err(again) => {
                moments.extend(again);
                continue;
            }
        };
        let key = (brand.name.clone(), person.name.clone(), candidate.offer_id.clone());
        if !needs(candidate.rule, &brand.name, now.clock).is_empty() {
            if !answers.granted.contains(&key) {
                if !answers.denied.contains(&key) {
                    reserved.push(about.sent(&candidate, &way));
                }
                waiting.push((key, candidate));
                continue;
            }
        } else if !reserved.is_empty() {
            let all: Vec<&Sent> = about.of(ledger).into_iter().chain(&reserved).collect();
            if about.way(&candidate, &all, &answers.reached).ok().as_ref() != Some(&way) {
                continue;
            }
        }
        if let Some(other) = &way.replaces {
            let sent =
                ledger.iter_mut().find(|sent| sent.offer_id == *other).expect("an offer of the ledger");
            sent.withdrawn = Some(now.tick);
            let what = What::Withdrawn { reason: "superseded".to_owned() };
            rows.push(Row { tick: now.tick, offer_id: other.clone(), what });
        }
        let Candidate { offer_id, rule, situation, score, items } = &candidate;
        let what = What::Made {
            rule: rule.id.to_owned(),
            episode: situation.episode.clone(),
            person: person.name.clone(),
            handles: person.handles.iter().cloned().collect(),
            channel: way.channel.clone(),
            address: way.address.clone(),
            score: *score,
            items: items.clone(),
        };
        rows.push(Row { tick: now.tick, offer_id: offer_id.clone(), what });
        ledger.push(about.sent(&candidate, &way));
    }
    // Who asks is seen once all is sent.
    for (key, candidate) in waiting {
        match about.way(&candidate, &about.of(ledger), &answers.reached) {
            Ok(_) => {
                let place = candidate.situation.place.as_deref();
                moments.extend(quiet_from(&about.config.policy, person, brand, place, now.clock));
                moments.extend(midnight(candidate.rule, now.clock));
                asking.insert(key, (candidate.score, candidate.rule.clone()));
            }
            Err(again) => moments.extend(again),
        }
    }
    rows
}

/// Takes back what was sent and has lost its reason.
fn take_back(
    brand: &Brand<'_>,
    forgotten: &Forgotten,
    standing: &BTreeMap<String, bool>,
    rules: &[Rule],
    config: &Config,
    Now { tick, clock }: Now,
    ledger: &mut [Sent],
) -> Vec<Row> {
    let mut rows = Vec::new();
    let in_brand =
        |sent: &&mut Sent| sent.brand == brand.name && sent.withdrawn.is_none() && sent.tick < tick;
    for sent in ledger.iter_mut().filter(in_brand) {
        let over =
            sent.tick + sent.rule.valid < clock || sent.situation.until.is_some_and(|until| until < clock);
        let Some(person) =
            brand.persons.iter().find(|person| person.handles.contains(&sent.situation.anchor))
        else {
            continue;
        };
        if over || redeemed(brand, forgotten, sent) {
            continue;
        }
        let consents = person.consents(&sent.channel, sent.rule.category, !config.policy.opt_in);
        let reason = match standing.get(&sent.offer_id) {
            _ if forgotten.has(&brand.name, &person.name) => "forgotten",
            _ if !consents => "consent",
            Some(true) => continue,
            _ if !rules.iter().any(|rule| rule.toml() == sent.rule.toml()) => "rule",
            stands => reason_gone(sent, stands.is_some(), person, brand, config, clock),
        };
        sent.withdrawn = Some(tick);
        rows.push(Row {
            tick,
            offer_id: sent.offer_id.clone(),
            what: What::Withdrawn { reason: reason.to_owned() },
        });
    }
    rows
}

fn redeemed(brand: &Brand<'_>, forgotten: &Forgotten, sent: &Sent) -> bool {
    brand.persons.iter().flat_map(|person| &person.events).any(|event| {
        matches!(&event.act, Act::Redeemed(id) if *id == sent.offer_id)
            && forgotten.lets_count(&brand.name, &event.handle, &sent.situation.anchor)
    })
}
