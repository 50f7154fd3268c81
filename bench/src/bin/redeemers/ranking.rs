//! What is known of a household before a campaign starts, and the score that follows from it.
//!
//! Purpose: the score is a rule's, evaluated by the model's own evaluator over attributes of the customer and the
//! accept rate of her segment, smoothed by the model's own function. Invariant: nothing of the campaign's first
//! day or after it is looked at, but for who redeemed, which is what is judged.

use super::auc::Judged;
use super::data::{Campaign, Data, Line};
use super::error::RedeemersError;
use shopbell_model::key::{Brand, Handle, Person, Text};
use shopbell_model::learning::{Cells, Counts, Learning, Rates};
use shopbell_model::rules::{Rule, load};
use shopbell_model::value::{Number, Value};
use shopbell_model::view::{CartView, CustomerView, View};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

/// Ways to rank: the score, the baseline, and each part of the score by itself.
pub(crate) const RANKINGS: [&str; 6] =
    ["the rule's score", "by spend", "coupon's products", "their categories", "days since", "segment's rate"];

/// A campaign, ranked.
#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    pub(crate) id: String,
    pub(crate) start: String,
    pub(crate) households: usize,
    pub(crate) redeemed: usize,
    /// Households of which anything was bought before.
    pub(crate) known: usize,
    /// By each of [`RANKINGS`], in the same order of households.
    pub(crate) rankings: Vec<Vec<Judged>>,
}

/// The one rule of a file.
pub(crate) fn rule(path: &Path) -> Result<Rule, RedeemersError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| RedeemersError::Unreadable { path: path.to_owned(), error })?;
    let set = load(&[(path.display().to_string(), text)]).map_err(|errors| RedeemersError::Rule {
        reason: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    })?;
    match set.rules.into_iter().collect::<Vec<_>>().as_slice() {
        [rule] => Ok(Rule::clone(rule)),
        rules => Err(RedeemersError::Rule { reason: format!("{} rules in the file", rules.len()) }),
    }
}

/// Every campaign, ranked as if on the evening before it starts.
pub(crate) fn judge(data: &Data, rule: &Rule) -> Vec<Ranked> {
    data.campaigns.iter().map(|campaign| ranked(data, campaign, rule)).collect()
}

/// What was bought by a household before.
#[derive(Clone, Debug, Default)]
struct Bought {
    spend: i64,
    of_coupons: BTreeSet<String>,
    of_categories: BTreeSet<String>,
    last_day: Option<String>,
}

fn bought<'a>(data: &'a Data, campaign: &Campaign) -> BTreeMap<&'a str, Bought> {
    let category = |product: &String| data.categories.get(product);
    let categories: BTreeSet<&String> = campaign.products.iter().filter_map(category).collect();
    let mut found: BTreeMap<&str, Bought> = BTreeMap::new();
    let before = |line: &&Line| line.day < campaign.start && campaign.households.contains(&line.household);
    for line in data.lines.iter().filter(before) {
        let bought = found.entry(&line.household).or_default();
        bought.spend += line.value;
        if campaign.products.contains(&line.product) {
            bought.of_coupons.insert(line.basket.clone());
        }
        if category(&line.product).is_some_and(|category| categories.contains(category)) {
            bought.of_categories.insert(line.basket.clone());
        }
        bought.last_day = Some(line.day.clone());
    }
    found
}

/// Accept rates of earlier campaigns by segment, of what had become of them before the day `start`: redeemed
/// until then, or over without it.
fn rates(data: &Data, start: &str, learning: &Learning) -> Rates {
    let mut cells = Cells::new();
    for campaign in data.campaigns.iter().filter(|campaign| campaign.start.as_str() < start) {
        for household in &campaign.households {
            let accepted = campaign.redeemed.get(household).is_some_and(|day| day.as_str() < start);
            if accepted || campaign.end.as_str() < start {
                let segment = data.segments.get(household).map(|name| Text::from(name.as_str()));
                let counts = cells.entry((segment.unwrap_or_default(), Text::from("mail"))).or_default();
                *counts = counts.and(Counts { accepted: accepted.into(), answered: 1 });
            }
        }
    }
    Rates::of(&cells, learning)
}

fn ranked(data: &Data, campaign: &Campaign, rule: &Rule) -> Ranked {
    let learning = Learning { segment: Some(Text::from("segment")), ..Learning::default() };
    let (rates, bought) = (rates(data, &campaign.start, &learning), bought(data, campaign));
    let nothing = Bought::default();
    let mut rankings = vec![Vec::new(); RANKINGS.len()];
    for household in &campaign.households {
        let known = bought.get(household.as_str()).unwrap_or(&nothing);
        let segment = data.segments.get(household).map(|name| Text::from(name.as_str())).unwrap_or_default();
        let history = rates.look(&segment, None);
        // Never seen: as long ago as the longest quarter.
        let days = known.last_day.as_ref().and_then(|day| days_between(day, &campaign.start)).unwrap_or(92);
        let of_coupons = known.of_coupons.len() as i64;
        let of_categories = known.of_categories.len() as i64;
        let mut attributes = vec![
            (Text::from("baskets_of_coupons"), Value::Int(of_coupons)),
            (Text::from("baskets_of_categories"), Value::Int(of_categories)),
            (Text::from("days_since"), Value::Int(days)),
            (Text::from("spend"), Value::Number(Number(known.spend as f64 / 100.0))),
            (Text::from("segment"), Value::Text(segment)),
        ];
        attributes.sort();
        let person = Person::named_by(&Handle::new(&Brand::default(), &format!("card:{household}")));
        let customer = CustomerView { attributes, ..CustomerView::of(person) };
        let view = View {
            customer: &customer,
            item: None,
            cart: &CartView::default(),
            visit: None,
            location: None,
            history,
            now: 0,
        };
        let score = i64::from(rule.score(&view).score);
        let redeemed = campaign.redeemed.contains_key(household);
        let by = [score, known.spend, of_coupons, of_categories, -days, history.accept_rate.into()];
        rankings.iter_mut().zip(by).for_each(|(ranking, score)| ranking.push((score, redeemed)));
    }
    Ranked {
        id: campaign.id.clone(),
        start: campaign.start.clone(),
        households: campaign.households.len(),
        redeemed: campaign.households.iter().filter(|h| campaign.redeemed.contains_key(*h)).count(),
        known: bought.len(),
        rankings,
    }
}

/// Days from one to the other, where both are some.
fn days_between(from: &str, to: &str) -> Option<i64> {
    let day = |text: &str| {
        let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        // Days of the civil calendar, counted from a March on so that a leap day comes last.
        let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
        Some(year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day)
    };
    Some(day(to)? - day(from)?)
}
