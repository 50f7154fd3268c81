//! Tables of decisions: consent, channels, caps at their edges, quiet hours, order, withdrawals.

use super::*;
use crate::rows::{End, Interest, Scene};
use crate::samples::{found, handle, line, line_rule, person};
use shopbell_model::facts::Moment;
use shopbell_model::policy::QuietHours;
use shopbell_model::rules::{Cap, Rule};

const SECOND: Time = 1000;

/// What a decision is made from. Nothing but what a test sets.
struct Case {
    policy: Policy,
    rules: Vec<Shared<Rule>>,
    grounds: Vec<Ground>,
    arrival: Arrival,
}

impl Case {
    fn new(handles: &[&str], policy: Policy) -> Self {
        let grounds = handles.iter().map(|text| Ground::Handle(handle(text))).collect();
        Case { policy, rules: Vec::new(), grounds, arrival: Arrival::default() }
    }

    /// A candidate of this rule; its situation began at `start`.
    fn candidate(mut self, rule: &Shared<Rule>, start: Time, attributes: &[(&str, &str)]) -> Self {
        let candidates = found(&line(&[start], attributes), rule);
        self.grounds.extend(candidates.into_iter().map(|one| Ground::Candidate(Shared::new(one))));
        self.rules.push(rule.clone());
        self
    }

    fn fact(mut self, fact: PersonFact) -> Self {
        self.grounds.push(Ground::Fact(handle("card:1"), fact));
        self
    }

    fn consent(self, channel: Option<&str>, category: Option<&str>, time: Time, granted: bool) -> Self {
        let [channel, category] = [channel, category].map(|scope| scope.map(Text::from));
        let at = Moment { time, arrival: time };
        self.fact(PersonFact::Consent(Shared::new(Consent { channel, category, at, granted })))
    }

    /// Offers of that rule sent then, about an episode of its own.
    fn sent(self, rule: &Shared<Rule>, channel: &str, times: &[Time]) -> Self {
        times.iter().fold(self, |case, time| {
            let candidate = found(&line(&[*time], &[]), rule).remove(0);
            let sent = Sent {
                offer_id: candidate.offer_id,
                rule: rule.id.clone(),
                rule_version: rule.version.clone(),
                category: None,
                at: *time,
                channel: Text::from(channel),
                segment: Text::default(),
                // Over, so that it is not withdrawn.
                ends: 0,
                episode: candidate.episode,
                items: candidate.items,
                person: person(),
                because: Because::default(),
                priority: rule.priority,
                replaceable: rule.offer.replaceable,
                replaces: None,
                holding: None,
            };
            case.fact(PersonFact::Sent(Shared::new(sent)))
        })
    }

    fn decide(&self, now: Time) -> Decision {
        self.decide_in(now, now)
    }

    fn decide_in(&self, tick: Time, now: Time) -> Decision {
        let mut versions = Versions::default();
        self.rules.iter().for_each(|rule| versions.update(rule, 1));
        let settings = DecideSettings { report_suppressed: true, ..DecideSettings::new(self.policy.clone()) };
        let grounds = Grounds::new(self.grounds.iter());
        decide((tick, now), &person(), &grounds, &versions, &self.arrival, &settings)
    }

    /// What was decided: rule and channel, or rule and policy; and when to look again.
    fn told(&self, now: Time) -> (Vec<String>, Option<Time>) {
        let decision = self.decide(now);
        let told = decision.messages.iter().map(|message| match &message.news {
            News::Made(made) => format!("{} by {} to {}", made.rule, made.channel, made.address),
            News::Suppressed { rule, policy, .. } => format!("{rule} stopped by {policy}"),
            News::Withdrawn(reason, _) => format!("withdrawn: {}", reason.as_str()),
        });
        (told.collect(), decision.wake)
    }
}

fn cap(text: &str) -> Option<Cap> {
    Cap::parse(text)
}

#[test]
fn the_most_specific_consent_counts_and_of_those_the_latest() {
    type Said = (Option<&'static str>, Option<&'static str>, Time, bool);
    let (sms, promo) = (Some("sms"), Some("promo"));
    let cases: [(&str, &[Said], bool, bool); 12] = [
        ("nothing said", &[], false, true),
        ("nothing said, opt in", &[], true, false),
        ("all", &[(None, None, 1, false)], false, false),
        ("all, opt in", &[(None, None, 1, true)], true, true),
        ("channel over all, however old", &[(None, None, 9, false), (sms, None, 1, true)], false, true),
        ("category over all", &[(None, None, 9, true), (None, promo, 1, false)], false, false),
        ("channel over category", &[(None, promo, 9, true), (sms, None, 1, false)], false, false),
        ("both over channel", &[(sms, None, 9, false), (sms, promo, 1, true)], false, true),
        ("another channel", &[(Some("email"), None, 1, false)], false, true),
        ("another category", &[(None, Some("news"), 1, false)], false, true),
        ("the right channel of another category", &[(sms, Some("news"), 1, false)], false, true),
        ("the latest", &[(sms, None, 2, true), (sms, None, 1, false)], false, true),
    ];
    for (name, said, opt_in, expected) in cases {
        let said: Vec<Consent> = said
            .iter()
            .map(|(channel, category, time, granted)| Consent {
                channel: channel.map(Text::from),
                category: category.map(Text::from),
                at: Moment { time: *time, arrival: *time },
                granted: *granted,
            })
            .collect();
        let said: Vec<&Consent> = said.iter().collect();
        assert_eq!(consents(&said, "sms", Some(&Text::from("promo")), opt_in), expected, "{name}");
    }
    let news = Consent {
        channel: None,
        category: Some(Text::from("news")),
        at: Moment { time: 1, arrival: 1 },
        granted: false,
    };
    assert!(consents(&[&news], "sms", None, false), "a rule without a category has none of its own");
}

#[test]
fn the_channel_is_the_first_with_an_address_and_consent() {
    const ALL: &[&str] = &["wechat:w", "phone:1", "device:d", "card:1", "phone:0", "email:e"];
    type Channel = (&'static str, &'static [&'static str], &'static str, &'static str, &'static str);
    // Name, handles, channels of the rule, preference, what is told.
    let cases: [Channel; 9] = [
        ("the rule's order", ALL, "channels = [\"email\", \"sms\"]", "", "r by email to e"),
        ("the preferred of them first", ALL, "channels = [\"email\", \"sms\"]", "sms", "r by sms to 0"),
        ("a preferred one that is none of them", ALL, "channels = [\"email\"]", "sms", "r by email to e"),
        (
            "one without an address is skipped",
            &["card:1", "phone:1"],
            "channels = [\"push\", \"sms\"]",
            "",
            "r by sms to 1",
        ),
        ("no address", &["card:1"], "channels = [\"push\", \"sms\"]", "", "r stopped by no_channel"),
        (
            "an associate needs none",
            &["card:1"],
            "channels = [\"push\", \"associate\"]",
            "",
            "r by associate to ",
        ),
        ("a channel of its own kind", ALL, "channels = [\"wechat\"]", "", "r by wechat to w"),
        ("none named: the address that ranks first", ALL, "", "", "r by card to 1"),
        ("none named, one preferred", ALL, "", "push", "r by push to d"),
    ];
    for (name, handles, channels, preferred, expected) in cases {
        let attributes: &[(&str, &str)] = &[("preferred_channel", preferred)];
        let case =
            Case::new(handles, Policy::default()).candidate(&line_rule("r", "", channels), 0, attributes);
        assert_eq!(case.told(20 * SECOND).0, [expected], "{name}");
    }
    let policy = Policy { channels: vec![Text::from("push"), Text::from("sms")], ..Policy::default() };
    let both = line_rule("r", "", "");
    let case = Case::new(ALL, policy.clone()).candidate(&both, 0, &[]);
    assert_eq!(case.told(0).0, ["r by push to d"], "the configuration's where the rule names none");
    let refused =
        Case::new(ALL, policy.clone()).candidate(&both, 0, &[]).consent(Some("push"), None, 1, false);
    assert_eq!(refused.told(0).0, ["r by sms to 0"], "a refused channel is passed over");
    let refused = Case::new(ALL, policy).candidate(&both, 0, &[]).consent(None, None, 1, false);
    assert_eq!(refused.told(0).0, ["r stopped by consent"]);
}

#[test]
fn caps_have_room_again_exactly_when_an_offer_leaves_the_span() {
    let (rule, other) = (line_rule("r", "", ""), line_rule("o", "", ""));
    let limited = line_rule("r", "", "[rule.r.policy]\ncap = \"2 per 10s\"");
    let pausing = line_rule("r", "", "[rule.r.policy]\ncooldown = \"10s\"");
    let policy = |cap: Option<Cap>, channel: Option<Cap>, cooldown: Option<u64>| Policy {
        cap,
        channel_caps: channel.into_iter().map(|cap| (Text::from("card"), cap)).collect(),
        cooldown: cooldown.map(shopbell_model::time::Duration),
        ..Policy::default()
    };
    let two = || cap("2 per 10s");
    let free = Policy::default;
    let now = 20 * SECOND;
    let at = |seconds: &[Time]| seconds.iter().map(|second| second * SECOND).collect::<Vec<_>>();
    type Limit<'a> =
        (&'a str, &'a Shared<Rule>, Policy, &'a Shared<Rule>, &'a str, Vec<Time>, Option<(&'a str, Time)>);
    let cases: Vec<Limit<'_>> = vec![
        ("one of two", &rule, policy(two(), None, None), &other, "sms", at(&[15]), None),
        ("both", &rule, policy(two(), None, None), &other, "sms", at(&[12, 15]), Some(("cap", 22))),
        ("the first has just left", &rule, policy(two(), None, None), &other, "sms", at(&[10, 15]), None),
        (
            "more than the cap",
            &rule,
            policy(two(), None, None),
            &other,
            "sms",
            at(&[12, 13, 15]),
            Some(("cap", 23)),
        ),
        (
            "of the channel",
            &rule,
            policy(None, two(), None),
            &other,
            "card",
            at(&[12, 15]),
            Some(("channel_cap", 22)),
        ),
        ("of another channel", &rule, policy(None, two(), None), &other, "sms", at(&[12, 15]), None),
        ("of the rule", &limited, free(), &rule, "sms", at(&[12, 15]), Some(("rule_cap", 22))),
        ("of another rule", &limited, free(), &other, "sms", at(&[12, 15]), None),
        ("pause of the rule", &pausing, free(), &rule, "sms", at(&[11]), Some(("cooldown", 21))),
        ("pause just over", &pausing, free(), &rule, "sms", at(&[10]), None),
        (
            "pause of all rules",
            &rule,
            policy(None, None, Some(10_000)),
            &rule,
            "sms",
            at(&[11]),
            Some(("cooldown", 21)),
        ),
        ("counts by rule", &rule, policy(None, None, Some(10_000)), &other, "sms", at(&[11]), None),
        (
            "the rule's own comes first",
            &pausing,
            policy(None, None, Some(1)),
            &rule,
            "sms",
            at(&[11]),
            Some(("cooldown", 21)),
        ),
        (
            "cooldown before caps",
            &pausing,
            policy(cap("1 per 5m"), None, None),
            &rule,
            "sms",
            at(&[11]),
            Some(("cooldown", 21)),
        ),
    ];
    for (name, asking, policy, earlier, channel, times, objection) in cases {
        let case = Case::new(&["card:1"], policy).candidate(asking, 0, &[]).sent(earlier, channel, &times);
        let (told, wake) = case.told(now);
        match objection {
            None => assert_eq!((told, wake), (vec!["r by card to 1".to_owned()], None), "{name}"),
            Some((policy, until)) => {
                let expected = (vec![format!("r stopped by {policy}")], Some(until * SECOND));
                assert_eq!((told, wake), expected, "{name}");
                let (before, _) = case.told(until * SECOND - 1);
                assert_eq!(before, [format!("r stopped by {policy}")], "{name}: a moment before it ends");
            }
        }
    }
}

#[test]
fn what_is_sent_counts_at_once_for_what_comes_after_it() {
    let (low, high) = (line_rule("low", "score = '40'", ""), line_rule("high", "score = '60'", ""));
    let urgent = line_rule("urgent", "score = '40'\npriority = 5", "");
    let policy = Policy { cap: cap("2 per 1d"), ..Policy::default() };
    let case = Case::new(&["card:1"], policy);
    let case = case.candidate(&low, 0, &[]).candidate(&high, 0, &[]).candidate(&urgent, 0, &[]);
    let expected = ["high by card to 1", "urgent by card to 1", "low stopped by cap"];
    assert_eq!(case.told(10 * SECOND), (expected.map(str::to_owned).to_vec(), Some(86_410 * SECOND)));
    let decision = case.decide(10 * SECOND);
    let News::Made(first) = &decision.messages[0].news else { panic!("{decision:?}") };
    assert_eq!(first.over, [(Text::from("urgent"), 40), (Text::from("low"), 40)]);
    assert_eq!(decision.facts.len(), 3, "two commitments, and that one was reported as suppressed");
}

#[test]
fn what_stood_when_its_rule_came_counts_as_told() {
    let (primes, sends) = (line_rule("p", "", ""), line_rule("s", "backfill = 'send'", ""));
    let mut case =
        Case::new(&["card:1"], Policy::default()).candidate(&primes, 0, &[]).candidate(&sends, 0, &[]);
    let due = found(&line(&[0], &[]), &primes).remove(0).due;
    let told = |case: &Case| case.told(due + SECOND).0;
    assert_eq!(told(&case), ["p by card to 1", "s by card to 1"], "rules of the beginning do not arrive");
    let arrives = |before| {
        let mut arrival = Arrival::after(before);
        case.rules.iter().for_each(|rule| arrival.note(rule));
        arrival
    };
    let (late, in_time) = (arrives(due), arrives(due - 1));
    case.arrival = in_time;
    assert_eq!(told(&case), ["p by card to 1", "s by card to 1"], "it came true in this tick");
    case.arrival = late;
    assert_eq!(told(&case), ["p stopped by backfill", "s by card to 1"]);
    let facts = case.decide(due + SECOND).facts;
    let (_, fact) = facts.into_iter().find(|(_, fact)| matches!(fact, PersonFact::Primed(_))).unwrap();
    let PersonFact::Primed(offer) = &fact else { panic!("{fact:?}") };
    let stood = BTreeSet::from([offer.clone()]);
    case.arrival.stood(stood);
    assert_eq!(told(&case), ["p by card to 1", "s by card to 1"], "an older version stood already");
    case.arrival = Arrival::default();
    assert_eq!(told(&case.fact(fact)), ["s by card to 1"], "for good");
}

#[test]
fn what_the_ledger_lets_go_of_goes_on_while_its_reason_stands() {
    let rule = line_rule("r", "", "");
    let with = || Case::new(&["card:1"], Policy::default()).candidate(&rule, 5, &[]);
    let offer = with().decide(0).messages.remove(0).offer_id;
    for (known, fact) in [
        (Known::Made, PersonFact::MadeBefore(offer.clone())),
        (Known::Told, PersonFact::Primed(offer.clone())),
    ] {
        let goes = PersonFact::LetGo(offer.clone(), known);
        let decision = with().fact(goes.clone()).decide(10 * SECOND);
        assert!(decision.messages.is_empty(), "{known:?}");
        assert_eq!(decision.facts, [(handle("card:1"), fact.clone())]);
        assert!(with().fact(fact.clone()).decide(20 * SECOND).messages.is_empty(), "known from then on");
        let both = with().fact(fact).fact(goes.clone()).decide(20 * SECOND);
        assert!(both.facts.is_empty(), "it is known already: it was said anew");
        let idle = Case::new(&["card:1"], Policy::default()).fact(goes);
        assert!(idle.decide(10 * SECOND).facts.is_empty(), "no candidate stands");
    }
}

#[test]
fn an_offer_is_made_once_and_a_suppression_reported_once() {
    let rule = line_rule("r", "", "");
    let sent = Case::new(&["card:1"], Policy::default()).candidate(&rule, 5, &[]).sent(&rule, "card", &[5]);
    assert_eq!(sent.told(10 * SECOND), (vec![], None));
    let policy = Policy { min_score: 100, ..Policy::default() };
    let case = Case::new(&["card:1"], policy).candidate(&rule, 5, &[]);
    assert_eq!(case.told(0).0, ["r stopped by min_score"]);
    let Some((_, fact)) = case.decide(0).facts.pop() else { panic!("it is kept that this was reported") };
    assert_eq!(case.fact(fact).told(0).0, [""; 0]);
}

#[test]
fn quiet_hours_are_those_of_the_person_then_of_the_configuration() {
    let rule = line_rule("r", "", "");
    let hours = QuietHours::parse("21:00-08:00");
    // 2025-03-03T20:30:00Z: half past nine in Berlin, half past three in New York.
    let now = 1_741_033_800_000;
    let case = |tz: Option<&str>, attributes: &[(&str, &str)]| {
        let policy = Policy { quiet_hours: hours, tz: tz.map(Text::from), ..Policy::default() };
        Case::new(&["card:1"], policy).candidate(&rule, now - 10 * SECOND, attributes).told(now)
    };
    let free = (vec!["r by card to 1".to_owned()], None);
    let quiet = (vec!["r stopped by quiet_hours".to_owned()], Some(1_741_071_600_000));
    assert_eq!(case(None, &[]), free, "UTC");
    assert_eq!(case(Some("Europe/Berlin"), &[]), quiet);
    assert_eq!(case(Some("America/New_York"), &[("tz", "Europe/Berlin")]), quiet);
    assert_eq!(case(Some("Europe/Berlin"), &[("tz", "America/New_York")]), free);
}

#[test]
fn hold_out_comes_before_everything_and_minimum_score_is_inclusive() {
    let rule = line_rule("r", "score = '50'", "");
    let case = |hold_out_percent, min_score| {
        let policy = Policy { hold_out_percent, min_score, ..Policy::default() };
        Case::new(&["card:1"], policy).candidate(&rule, 0, &[]).told(0).0
    };
    assert_eq!(case(100, 100), ["r stopped by hold_out"]);
    assert_eq!(case(0, 51), ["r stopped by min_score"]);
    assert_eq!(case(0, 50), ["r by card to 1"]);
}

/// An offer sent at 10 s for ten seconds, whose candidate stands or is gone.
fn offered(stands: bool) -> (Case, Text) {
    let rule = line_rule("r", "", "valid = \"10s\"");
    let case = Case::new(&["card:1"], Policy::default()).candidate(&rule, 0, &[]);
    let (anchor, fact) = case.decide(10 * SECOND).facts.remove(0);
    let PersonFact::Sent(sent) = &fact else { panic!("{fact:?}") };
    let id = sent.offer_id.clone();
    assert_eq!((sent.ends, anchor), (20 * SECOND, handle("card:1")));
    let mut case = case.fact(fact.clone());
    if !stands {
        case.grounds.retain(|ground| !matches!(ground, Ground::Candidate(_)));
    }
    (case, id)
}

#[test]
fn an_offer_is_withdrawn_once_until_it_ends_unless_redeemed() {
    assert_eq!(offered(true).0.told(15 * SECOND).0, [""; 0]);
    let (gone, id) = offered(false);
    assert_eq!(gone.told(20 * SECOND).0, ["withdrawn: late_event"]);
    assert_eq!(gone.told(20 * SECOND + 1).0, [""; 0]);
    let redeemed = offered(false).0.fact(PersonFact::Outcome(id.clone(), PushOutcome::Redeemed));
    assert_eq!(redeemed.told(15 * SECOND).0, [""; 0]);
    let opened = offered(false).0.fact(PersonFact::Outcome(id.clone(), PushOutcome::Opened));
    assert_eq!(opened.told(15 * SECOND).0, ["withdrawn: late_event"]);
    let withdrawn = offered(false).0.fact(PersonFact::Withdrawn(id, Reason::Bought, 15 * SECOND));
    assert_eq!(withdrawn.told(15 * SECOND).0, [""; 0]);
}

#[test]
fn a_clock_that_ends_within_the_tick_is_what_counts() {
    // The offer's life ends at 20 s.
    let (gone, _) = offered(false);
    let withdrawn = gone.decide_in(25 * SECOND, 20 * SECOND).messages;
    assert_eq!(withdrawn.iter().map(|message| message.tick).collect::<Vec<_>>(), [25 * SECOND]);
    assert_eq!(gone.decide_in(25 * SECOND, 20 * SECOND + 1).messages.len(), 0);
}

#[test]
fn the_first_reason_that_applies_is_told() {
    let told = |case: &Case| case.told(15 * SECOND).0;
    let (mut case, _) = offered(false);
    let Scene::Line(bought) = &line(&[0], &[]).scene else { panic!() };
    let end = Some((12 * SECOND, End::Bought));
    let bought = Interest { end, activity: Vec::new(), ..Interest::clone(bought) };
    let background = vec![Derived::Interest(Shared::new(bought))];
    case.grounds.push(Ground::Background(Shared::new(background)));
    assert_eq!(told(&case), ["withdrawn: bought"]);
    case.grounds.retain(|ground| !matches!(ground, Ground::Handle(_)));
    assert_eq!(told(&case), ["withdrawn: unlinked"]);
    case.rules.clear();
    assert_eq!(told(&case), ["withdrawn: rule"]);
    let case = case.consent(None, None, 1, false);
    assert_eq!(told(&case), ["withdrawn: consent"]);
    let refused = offered(true).0.consent(Some("card"), None, 1, false);
    assert_eq!(told(&refused), ["withdrawn: consent"], "though the situation stands");
}
