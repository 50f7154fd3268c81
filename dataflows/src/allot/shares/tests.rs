//! Shares against a naive recomputation: all offers added up, all asks in order, at every answer.

use super::super::held::Held;
use super::*;
use crate::samples::line_rule;
use proptest::prelude::*;
use shopbell_model::key::Handle;
use std::cmp::Reverse;

const RULES: [&str; 4] = [
    "units = 2",
    "units = 3\nbudget = \"b\"\ncost = 2\nunits_back = [\"withdrawn\", \"redeemed\"]",
    "budget = \"b\"\ncost = 5",
    "budget = \"d\"\ncost = 3",
];
const BUDGETS: &str = "[budget.b]\namount = 11\n[budget.d]\namount = 7\nper = \"day\"\ntz = \"Asia/Tokyo\"\n";
const HOUR: Time = 3_600_000;

fn rules() -> Vec<Shared<Rule>> {
    let of =
        |(number, text): (usize, &&str)| line_rule(&format!("r{number}"), "", &format!("{text}\n{BUDGETS}"));
    RULES.iter().enumerate().map(of).collect()
}

fn ask(rule: &Shared<Rule>, who: u8, score: u8) -> Ask {
    let person = Person::named_by(&Handle::new(&Brand::default(), &format!("card:{who}")));
    let offer = Text::from(format!("{}-{who}", rule.id));
    Ask { score: Reverse(score), priority: Reverse(0), rule: rule.id.clone(), offer, person }
}

#[derive(Clone, Debug)]
enum Step {
    /// Asks, asks with another score, or asks no more.
    Ask(u8, usize, u8),
    /// An offer is made and ends after so many hours.
    Make(u8, usize, u64),
    Withdraw(u8, usize),
    Redeem(u8, usize),
    /// Time goes on, and asks are answered.
    Answer(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, rule) = (0u8..6, 0usize..4);
    prop_oneof![
        4 => (who.clone(), rule.clone(), 0u8..4).prop_map(|(who, rule, score)| Step::Ask(who, rule, score)),
        2 => (who.clone(), rule.clone(), 0u64..30).prop_map(|(who, rule, hours)| Step::Make(who, rule, hours)),
        1 => (who.clone(), rule.clone()).prop_map(|(who, rule)| Step::Withdraw(who, rule)),
        1 => (who, rule).prop_map(|(who, rule)| Step::Redeem(who, rule)),
        4 => (0u64..10).prop_map(Step::Answer),
    ]
}

/// Everything as it is, without any sum.
#[derive(Default)]
struct Naive {
    asks: BTreeMap<(u8, usize), Ask>,
    offers: BTreeMap<(u8, usize), (Shared<Holding>, bool, bool)>,
}

impl Naive {
    fn spent(&self, pool: &Pool, now: Time) -> i128 {
        let live = self
            .offers
            .values()
            .filter(|(held, withdrawn, redeemed)| held.share(*withdrawn, *redeemed, now) != Share::Free);
        let parts = live.flat_map(|(held, ..)| &held.parts).filter(|(of, _)| of == pool);
        parts.map(|(_, amount)| i128::from(*amount)).sum()
    }

    fn granted(&self, rules: &[Shared<Rule>], now: Time) -> BTreeSet<AskKey> {
        let mut asks: Vec<_> = self.asks.iter().map(|((_, rule), ask)| (ask, &rules[*rule])).collect();
        asks.sort();
        let (mut taken, mut granted) = (BTreeMap::<Pool, i128>::new(), BTreeSet::new());
        for (ask, rule) in asks {
            let needs = rule.offer.needs(&Brand::default(), &rule.id, now);
            let fits = |(pool, amount, all): &(Pool, i64, i128)| {
                self.spent(pool, now) + taken.get(pool).unwrap_or(&0) + i128::from(*amount) <= *all
            };
            if needs.iter().all(fits) {
                needs
                    .into_iter()
                    .for_each(|(pool, amount, _)| *taken.entry(pool).or_default() += i128::from(amount));
                granted.insert((ask.person.clone(), ask.offer.clone()));
            }
        }
        granted
    }
}

proptest! {
    #[test]
    fn answers_are_those_of_adding_everything_up(steps in prop::collection::vec(step(), 1..120)) {
        let (rules, mut shares, mut naive) = (rules(), Shares::default(), Naive::default());
        shares.change(rules.iter().map(|rule| (Row::Rule(rule.clone()), 1)).collect());
        // 2026-01-05, noon in London.
        let (mut now, mut denied) = (1_767_614_400_000, BTreeSet::new());
        let held = |who: u8, rule: usize, said| {
            let offer = (Brand::default(), Text::from(format!("r{rule}-{who}")), 0);
            Row::Held(Held { offer, said })
        };
        for step in steps {
            match step {
                Step::Ask(who, rule, score) => {
                    let before = naive.asks.remove(&(who, rule));
                    let mut changes: Vec<_> = before.iter().map(|ask| (Row::Ask(ask.clone()), -1)).collect();
                    let again = ask(&rules[rule], who, score);
                    if before.is_none_or(|before| before != again) {
                        changes.push((Row::Ask(again.clone()), 1));
                        naive.asks.insert((who, rule), again);
                    }
                    shares.change(changes);
                }
                Step::Make(who, rule, hours) if !naive.offers.contains_key(&(who, rule)) => {
                    let needs = rules[rule].offer.needs(&Brand::default(), &rules[rule].id, now);
                    let parts = needs.into_iter().map(|(pool, amount, _)| (pool, amount)).collect();
                    let back = rules[rule].offer.units_back;
                    let holding = Shared::new(Holding { parts, back, ends: now + hours * HOUR, ..Holding::default() });
                    shares.change(vec![(held(who, rule, Said::Sent(holding.clone())), 1)]);
                    naive.offers.insert((who, rule), (holding, false, false));
                }
                Step::Make(who, rule, _) => {
                    // The ledger forgets it.
                    let (holding, withdrawn, redeemed) = naive.offers.remove(&(who, rule)).unwrap();
                    let mut gone = vec![(held(who, rule, Said::Sent(holding)), -1)];
                    gone.extend(withdrawn.then(|| (held(who, rule, Said::Withdrawn), -1)));
                    gone.extend(redeemed.then(|| (held(who, rule, Said::Redeemed), -1)));
                    shares.change(gone);
                }
                Step::Withdraw(who, rule) => {
                    if let Some((_, withdrawn, _)) = naive.offers.get_mut(&(who, rule)).filter(|offer| !offer.1) {
                        *withdrawn = true;
                        shares.change(vec![(held(who, rule, Said::Withdrawn), 1)]);
                    }
                }
                Step::Redeem(who, rule) => {
                    if let Some((_, _, redeemed)) = naive.offers.get_mut(&(who, rule)).filter(|offer| !offer.2) {
                        *redeemed = true;
                        shares.change(vec![(held(who, rule, Said::Redeemed), 1)]);
                    }
                }
                Step::Answer(hours) => {
                    now += hours * HOUR;
                    let (mut granted, mut after) = (BTreeSet::new(), BTreeSet::new());
                    shares.answer(now, |person, ground, diff, later| match (ground, diff, later) {
                        (Ground::Granted(offer), 1, false) => assert!(granted.insert((person, offer))),
                        (Ground::Granted(offer), -1, true) => assert!(after.insert((person, offer))),
                        (Ground::Denied(offer), 1, false) => assert!(denied.insert((person, offer))),
                        (Ground::Denied(offer), -1, false) => assert!(denied.remove(&(person, offer))),
                        other => panic!("{other:?}"),
                    });
                    prop_assert_eq!(&granted, &after);
                    let expected = naive.granted(&rules, now);
                    prop_assert_eq!(&granted, &expected);
                    let all = naive.asks.values().map(|ask| (ask.person.clone(), ask.offer.clone()));
                    let waiting: BTreeSet<AskKey> = all.filter(|key| !expected.contains(key)).collect();
                    prop_assert_eq!(&denied, &waiting);
                    for numbers in shares.numbers() {
                        prop_assert_eq!(numbers.held + numbers.used, naive.spent(&numbers.pool, now));
                    }
                    let known: BTreeSet<Pool> = shares.sums.keys().cloned().collect();
                    let counted = naive.offers.values().filter(|(held, w, r)| held.share(*w, *r, now) != Share::Free);
                    let counted: BTreeSet<Pool> =
                        counted.flat_map(|(held, ..)| &held.parts).map(|(pool, _)| pool.clone()).collect();
                    prop_assert_eq!(known, counted);
                    // Nothing is due that was answered, and what ends by itself is waited for.
                    let next = shares.next_due();
                    prop_assert!(next.is_none_or(|next| next > now));
                }
            }
        }
    }
}

#[test]
fn many_who_ask_for_a_hundred_are_answered_once() {
    const MANY: u32 = 200_000;
    let rule = line_rule("r", "", "units = 100");
    let mut shares = Shares::default();
    shares.change(vec![(Row::Rule(rule.clone()), 1)]);
    let offer = |who: u32| Text::from(format!("{who:07}"));
    let asks = (0..MANY).map(|who| {
        let plain = ask(&rule, (who % 6) as u8, (who % 90) as u8);
        (Row::Ask(Ask { offer: offer(who), ..plain }), 1)
    });
    shares.change(asks.collect());
    let answer = |shares: &mut Shares, now| {
        let (mut granted, mut all) = (Vec::new(), 0);
        shares.answer(now, |_, ground, diff, _| {
            all += 1;
            if let (Ground::Granted(offer), 1) = (ground, diff) {
                granted.push(offer);
            }
        });
        (granted, all)
    };
    let (granted, all) = answer(&mut shares, 1);
    // The best score is 89; of these the first by id.
    let expected: Vec<Text> = (0..100).map(|n| offer(89 + 90 * n)).collect();
    assert_eq!((granted.len(), all), (100, MANY - 100 + 200));
    assert_eq!(granted.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
    // All are taken, and asked for no more.
    let mut changes = Vec::new();
    for offer in &expected {
        let parts = vec![(Pool::Units(Brand::default(), rule.id.clone()), 1)];
        let said = Said::Sent(Shared::new(Holding { parts, ends: 1_000, ..Holding::default() }));
        changes.push((Row::Held(Held { offer: (Brand::default(), offer.clone(), 0), said }), 1));
        let who: u32 = offer.parse().unwrap();
        changes.push((Row::Ask(Ask { offer: offer.clone(), ..ask(&rule, (who % 6) as u8, 89) }), -1));
    }
    shares.change(changes);
    // Were those who wait looked at each time, this would take minutes.
    for now in 2..1_000 {
        assert_eq!(answer(&mut shares, now), (Vec::new(), 0));
    }
    assert_eq!(answer(&mut shares, 1_001).0.len(), 100, "all are over");
}

#[test]
fn amounts_as_large_as_can_be_do_not_overflow() {
    let text = "units = 9223372036854775807\nbudget = \"b\"\ncost = 100000000000\n[budget.b]\namount = 100000000000\n";
    let rule = line_rule("r", "", text);
    let mut shares = Shares::default();
    shares.change(vec![
        (Row::Rule(rule.clone()), 1),
        (Row::Ask(ask(&rule, 1, 9)), 1),
        (Row::Ask(ask(&rule, 2, 8)), 1),
    ]);
    let held = |offer: &str| {
        let offer = (Brand::default(), Text::from(offer), 0);
        let parts = vec![(Pool::Units(Brand::default(), rule.id.clone()), i64::MAX)];
        let holding = Holding { parts, ends: 9, ..Holding::default() };
        Row::Held(Held { offer, said: Said::Sent(Shared::new(holding)) })
    };
    let mut granted = Vec::new();
    shares.answer(1, |_, ground, diff, _| granted.extend((diff > 0).then_some(ground)));
    assert_eq!(granted, [Ground::Granted(Text::from("r-1")), Ground::Denied(Text::from("r-2"))]);
    shares.change(vec![(held("x"), 1), (held("y"), 1)]);
    shares.answer(2, |_, _, _, _| {});
    assert_eq!(shares.numbers()[0].held, 2 * i128::from(i64::MAX));
}
