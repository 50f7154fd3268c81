//! From rule files to rules: all of them, or all that is wrong with them.
//!
//! Invariant: pure. The same files in any order of names give the same rules; a rule's version
//! changes with its meaning alone, not with comments, white space or the order of keys.
//! Cost: some 50 µs a rule with a few expressions (a debug build); at start and when a file changes.

use super::budgets::{self, Budgets};
use super::error::{Problem, RuleError};
use super::fields::Scope;
use super::parameters::when;
use super::spelling::nearest;
use super::table::{Entry, Sheet, Table, is_name};
use super::testing::{self, Mention, RuleTest, TestProblem};
use super::{
    Backfill, Cap, OfferText, Role, Rule, RulePolicy, ScoreTerm, Template, compile, limits, score, template,
};
use crate::key::{Brand, Text};
use crate::pool::Back;
use crate::time::Duration;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The rules of all files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSet {
    /// Those that are enabled, by id.
    pub rules: Vec<Arc<Rule>>,
    /// Those that are not: checked and tested, but not used.
    pub disabled: Vec<Arc<Rule>>,
    /// The `[[test]]` tables, in the order of files and lines.
    pub tests: Vec<RuleTest>,
    /// Names of budgets that no rule is paid from.
    pub idle_budgets: Vec<Text>,
}

/// Keys of a rule's offer and policy.
pub(super) const OFFER_KEYS: [&str; 10] =
    ["title", "body", "coupon", "valid", "channels", "units", "units_back", "budget", "cost", "replaceable"];
pub(super) const POLICY_KEYS: [&str; 3] = ["category", "cooldown", "cap"];

/// The longest an offer may hold.
const LONGEST_VALID: Duration = Duration(30 * 86_400_000);
const SHORTEST: Duration = Duration(1);

/// Reads rule files, given as name and text. Gives every error of every file, in order.
pub fn load(files: &[(String, String)]) -> Result<RuleSet, Vec<RuleError>> {
    let mut loader = Loader::default();
    for (name, text) in files {
        loader.file(name, text);
    }
    loader.look_up(files);
    loader.pay();
    if !loader.errors.is_empty() {
        return Err(loader.errors);
    }
    loader.set.rules.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(loader.set)
}

#[derive(Default)]
struct Loader {
    set: RuleSet,
    errors: Vec<RuleError>,
    /// Where each name was first used.
    seen: BTreeMap<String, (String, usize)>,
    /// Rules that tests name: they may stand in a file that comes later.
    mentioned: Vec<Mentioned>,
    budgets: Budgets,
}

/// Rules named by the test of that number, with file and place.
struct Mentioned {
    test: usize,
    rule: Text,
    listed: bool,
    file: String,
    line: usize,
    column: usize,
}

impl Loader {
    fn file(&mut self, name: &str, text: &str) {
        if text.len() > limits::FILE_BYTES {
            let sheet = Sheet::new(name, "");
            sheet.report(0, Problem::FileTooLarge { bytes: text.len() });
            self.errors.extend(sheet.into_errors());
            return;
        }
        let sheet = Sheet::new(name, text);
        let (root, wrong) = DeTable::parse_recoverable(text);
        // What a broken file seems to say is not worth checking.
        if wrong.is_empty() {
            self.root(&sheet, root.get_ref());
        } else {
            for error in wrong.iter().take(20) {
                let message = error.message().chars().filter(|c| !c.is_control()).collect();
                sheet.report(error.span().map_or(0, |span| span.start), Problem::Toml(message));
            }
        }
        self.errors.extend(sheet.into_errors());
    }

    fn root(&mut self, sheet: &Sheet<'_>, root: &DeTable<'_>) {
        let root = Table { sheet, table: root, of: "a rule file".to_owned(), at: 0 };
        root.only(&["rule", "budget", "test"]);
        if let Some(table) = root.get("budget").and_then(|entry| entry.table("budget".to_owned(), entry.at()))
        {
            self.budgets.read(sheet, &table);
        }
        let mut of_file = Vec::new();
        if let Some(rules) = root.get("rule").and_then(|entry| entry.table("rule".to_owned(), entry.at())) {
            let mut entries: Vec<_> = rules.table.iter().collect();
            entries.sort_by_key(|(key, _)| key.span().start);
            for (key, value) in entries {
                of_file.push(Text::from(key.get_ref().as_ref()));
                self.rule(sheet, key, value);
            }
        }
        for entry in root.get("test").and_then(Entry::list).unwrap_or_default() {
            if self.set.tests.len() == limits::TESTS {
                entry.report(TestProblem::TooManyTests);
                break;
            }
            self.test(entry, &of_file);
        }
    }

    fn test(&mut self, entry: Entry<'_>, of_file: &[Text]) {
        let Some((test, mentions)) = testing::test(entry, of_file) else { return };
        let number = self.set.tests.len();
        self.set.tests.push(test);
        for Mention { rule, at, listed } in mentions {
            let (file, (line, column)) = (entry.sheet.name().to_owned(), entry.sheet.position(at));
            self.mentioned.push(Mentioned { test: number, rule, listed, file, line, column });
        }
    }

    /// Whether the budgets and rules that are named exist, and rules belong to the test.
    fn look_up(&mut self, files: &[(String, String)]) {
        let before = self.errors.len();
        self.errors.extend(self.budgets.unknown());
        for Mentioned { test, rule, listed, file, line, column } in std::mem::take(&mut self.mentioned) {
            let known = self.seen.contains_key(rule.as_str());
            let part = listed || self.set.tests.get(test).is_some_and(|test| test.rules.contains(&rule));
            let problem = if !known {
                let near = nearest(&rule, self.seen.keys().map(String::as_str)).map(str::to_owned);
                TestProblem::NoSuchRule { rule: rule.to_string(), near }
            } else if !part {
                TestProblem::NotInTest { rule: rule.to_string() }
            } else {
                continue;
            };
            self.errors.push(RuleError { file, line, column, problem: problem.into() });
        }
        if self.errors.len() > before {
            let place = |file: &String| files.iter().position(|(name, _)| name == file);
            self.errors.sort_by_key(|error| (place(&error.file), error.line, error.column));
        }
    }

    /// Gives rules the budgets they name, now that all are known.
    fn pay(&mut self) {
        for rule in self.set.rules.iter_mut().chain(&mut self.set.disabled) {
            if let Some(budget) = rule.offer.budget.as_ref().and_then(|named| self.budgets.get(&named.name)) {
                let rule = Arc::make_mut(rule);
                rule.offer.budget = Some(budget.clone());
                rule.version = version(rule);
            }
        }
        self.set.idle_budgets = self.budgets.idle();
    }

    fn rule<'a>(
        &mut self,
        sheet: &'a Sheet<'a>,
        key: &'a Spanned<std::borrow::Cow<'a, str>>,
        value: &'a Spanned<DeValue<'a>>,
    ) {
        let (id, at) = (key.get_ref().as_ref(), key.span().start);
        if self.seen.len() == limits::RULES && !self.seen.contains_key(id) {
            if self.errors.iter().all(|error| error.problem != Problem::TooManyRules) {
                sheet.report(at, Problem::TooManyRules);
            }
            return;
        }
        if !is_name(id) {
            sheet.report(at, Problem::BadName(id.chars().filter(|c| !c.is_control()).take(64).collect()));
        }
        let here = (sheet.name().to_owned(), sheet.line(at));
        if let Some((file, line)) = self.seen.get(id) {
            let (id, file) = (id.to_owned(), file.clone());
            sheet.report(at, Problem::Duplicate { id, file, line: *line });
        } else {
            self.seen.insert(id.to_owned(), here);
        }
        let entry = Entry { sheet, key: id, value };
        let Some(table) = entry.table(format!("rule.{id}"), at) else { return };
        let enabled = table.get("enabled").and_then(Entry::bool).unwrap_or(true);
        if let Some(rule) = rule(id, &table) {
            if let Some(entry) = table.table("offer").as_ref().and_then(|offer| offer.get("budget")) {
                self.budgets.mention(entry, &rule);
            }
            if enabled {
                self.set.rules.push(Arc::new(rule));
            } else {
                self.set.disabled.push(Arc::new(rule));
            }
        }
    }
}

/// Reads one rule; `None`, or a rule that is not used, where an error was reported.
fn rule(id: &str, table: &Table<'_>) -> Option<Rule> {
    let when = when(table);
    let scope = when.as_ref().map(Scope::of);
    let scope = scope.as_ref();
    let condition = table.get("where").and_then(|entry| condition(entry, scope));
    let score = table.get("score").map_or_else(|| Some(fifty()), |entry| points(entry, scope));
    let priority = table
        .get("priority")
        .and_then(|entry| entry.int(i64::from(i32::MIN)..=i64::from(i32::MAX)))
        .and_then(|priority| i32::try_from(priority).ok())
        .unwrap_or(0);
    let from = table.get("from").and_then(Entry::moment);
    let until = table.get("until").and_then(Entry::moment);
    if let (Some(from), Some(until), Some(entry)) = (from, until, table.get("until"))
        && from >= until
    {
        entry.report(Problem::Period);
    }
    let brand = table.get("brand").and_then(Entry::name).map(Brand);
    let policy = policy(table);
    let offer = table.required("offer").and_then(|_| table.table("offer"));
    let offer = offer.and_then(|offer| offer_text(&offer, scope));
    let mut rule = Rule {
        id: Text::from(id),
        version: Text::default(),
        brand,
        when: when?,
        condition,
        score: score?,
        priority,
        from,
        until,
        offer: offer?,
        policy,
        backfill: table.get("backfill").and_then(backfill).unwrap_or_default(),
        role: Role::InForce,
    };
    rule.version = version(&rule);
    Some(rule)
}

fn backfill(entry: Entry<'_>) -> Option<Backfill> {
    Some(if entry.word(&["prime", "send"])? == "send" { Backfill::Send } else { Backfill::Prime })
}

/// How an offer is written that needs no budget and gives way to none; no text can hold bare quotes.
const NOT_LIMITED: &str = ",\"budget\":null,\"cost\":0,\"units_back\":\
    {\"expired\":true,\"withdrawn\":true,\"redeemed\":false},\"replaceable\":false";

/// What is done only once, when the rule comes into force, and what it is in the dataflow for.
const ONLY_ONCE: &str = ",\"backfill\":\"Prime\",\"role\":\"InForce\"";

/// First 12 hexadecimal digits of the SHA-256 of the rule as JSON, without its version, without
/// how its terms are written, and without what is done only once, when it comes into force.
fn version(rule: &Rule) -> Text {
    let mut canonical = rule.clone();
    canonical.version = Text::default();
    canonical.backfill = Backfill::default();
    for term in &mut canonical.score {
        term.text = Text::default();
    }
    // A rule is plain data with text keys: writing it does not fail. One without these keys keeps the version that it
    // had before there were any.
    let text = serde_json::to_string(&canonical).unwrap_or_default().replacen(NOT_LIMITED, "", 1);
    let text = text.replacen(ONLY_ONCE, "", 1);
    let digits = Sha256::digest(text.as_bytes());
    digits
        .iter()
        .take(6)
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|four| char::from_digit(four.into(), 16))
        .collect()
}

/// The score of a rule that gives none.
fn fifty() -> Vec<ScoreTerm> {
    constant(50)
}

fn constant(points: i64) -> Vec<ScoreTerm> {
    vec![ScoreTerm { text: Text::from(points.to_string()), expr: super::expr::Expr::Int(points) }]
}

/// Reports problems within a string at their characters.
fn report_within(entry: Entry<'_>, text: &str, problems: Vec<(usize, Problem)>) {
    for (character, problem) in problems {
        entry.sheet.report(entry.sheet.byte_in(entry.value.span(), text, character), problem);
    }
}

fn located(found: Vec<compile::Located>) -> Vec<(usize, Problem)> {
    found.into_iter().map(|one| (one.offset, one.problem.into())).collect()
}

fn condition(entry: Entry<'_>, scope: Option<&Scope>) -> Option<super::expr::Expr> {
    let text = entry.text()?;
    let compiled = compile::compile(text, scope?, compile::Purpose::Condition);
    compiled.map_err(|found| report_within(entry, text, located(found))).ok()
}

/// The condition of `segment_entered`.
pub(super) fn segment(entry: Entry<'_>) -> Option<super::expr::Expr> {
    let text = entry.text()?;
    let compiled = compile::compile(text, &Scope::OF_SEGMENT, compile::Purpose::Segment);
    compiled.map_err(|found| report_within(entry, text, located(found))).ok()
}

fn points(entry: Entry<'_>, scope: Option<&Scope>) -> Option<Vec<ScoreTerm>> {
    match entry.value.get_ref() {
        DeValue::Integer(_) => entry.int(0..=100).map(constant),
        DeValue::String(text) => {
            let terms = score::terms(text, scope?);
            terms.map_err(|found| report_within(entry, text, located(found))).ok()
        }
        _ => entry.wrong("a whole number or an expression"),
    }
}

fn text(entry: Entry<'_>, scope: Option<&Scope>) -> Option<Template> {
    let text = entry.text()?;
    let parsed = template::parse(text, scope?);
    parsed.map_err(|found| report_within(entry, text, found)).ok()
}

fn offer_text(offer: &Table<'_>, scope: Option<&Scope>) -> Option<OfferText> {
    offer.only(&OFFER_KEYS);
    let title = offer.required("title").and_then(|entry| {
        if entry.text()?.trim().is_empty() {
            return entry.bad("", "a title of at least one character");
        }
        text(entry, scope)
    });
    let body = offer.get("body").map_or_else(|| Some(Template(Vec::new())), |entry| text(entry, scope));
    let valid = offer.get("valid").and_then(|entry| entry.duration(SHORTEST, LONGEST_VALID));
    let coupon = offer.get("coupon").and_then(Entry::name);
    let channels = offer.get("channels").and_then(Entry::names).unwrap_or_default();
    let units = offer.get("units").and_then(|entry| entry.int(0..=i64::MAX));
    let (budget, cost) = budgets::spending(offer);
    let units_back = offer.get("units_back").map_or_else(Back::default, budgets::back);
    Some(OfferText {
        title: title?,
        body: body?,
        coupon,
        valid: valid.unwrap_or(Duration::from_secs(86_400)),
        channels,
        units: units.and_then(|units| u64::try_from(units).ok()),
        budget,
        cost,
        units_back,
        replaceable: offer.get("replaceable").and_then(Entry::bool).unwrap_or(false),
    })
}

fn policy(rule: &Table<'_>) -> RulePolicy {
    let Some(policy) = rule.table("policy") else { return RulePolicy::default() };
    policy.only(&POLICY_KEYS);
    RulePolicy {
        category: policy.get("category").and_then(Entry::name),
        cooldown: policy.get("cooldown").and_then(|entry| entry.duration(SHORTEST, Duration::LIMIT)),
        cap: policy.get("cap").and_then(cap),
    }
}

/// `"3 per 7d"` or `{ count = 3, within = "7d" }`.
fn cap(entry: Entry<'_>) -> Option<Cap> {
    match entry.value.get_ref() {
        DeValue::String(text) => {
            let parts = text.split_once(" per ").and_then(|(count, within)| {
                let count = count.trim().parse::<u32>().ok().filter(|count| *count > 0)?;
                let within = Duration::parse(within.trim()).filter(|within| *within >= SHORTEST)?;
                Some(Cap { count, within })
            });
            parts.or_else(|| entry.bad(text, "a number and a span: \"3 per 7d\""))
        }
        DeValue::Table(_) => {
            let table = entry.table("cap".to_owned(), entry.at())?;
            table.only(&["count", "within"]);
            let count = table.required("count").and_then(|entry| entry.int(1..=i64::from(u32::MAX)));
            let within = table.required("within").and_then(|entry| entry.duration(SHORTEST, Duration::LIMIT));
            Some(Cap { count: u32::try_from(count?).ok()?, within: within? })
        }
        _ => entry.wrong("\"3 per 7d\" or { count = 3, within = \"7d\" }"),
    }
}

#[cfg(test)]
mod tests;
