//! The Complete Journey, read from CSV.
//!
//! Invariant: ids are compared as numbers are written without their fraction (`9676830.0` and `9676830` are
//! one); days are texts `2017-02-08`, which sort as they follow one another. A line that does not fit ends
//! the reading by name. Cost: all of it is in memory.

use super::error::RedeemersError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A day, as `2017-02-08`.
pub(crate) type Day = String;

/// A line of a till.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) household: String,
    pub(crate) basket: String,
    pub(crate) product: String,
    /// In hundredths of the currency's unit.
    pub(crate) value: i64,
    pub(crate) day: Day,
}

/// A campaign with everybody it was sent to.
#[derive(Clone, Debug)]
pub(crate) struct Campaign {
    pub(crate) id: String,
    /// The first day.
    pub(crate) start: Day,
    /// The last day.
    pub(crate) end: Day,
    pub(crate) households: BTreeSet<String>,
    /// Products of its coupons.
    pub(crate) products: BTreeSet<String>,
    /// Who redeemed one of its coupons, and on which day first.
    pub(crate) redeemed: BTreeMap<String, Day>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    /// By start, then id.
    pub(crate) campaigns: Vec<Campaign>,
    /// In order of time.
    pub(crate) lines: Vec<Line>,
    /// Category of each product.
    pub(crate) categories: BTreeMap<String, String>,
    /// Segment of each household that has one.
    pub(crate) segments: BTreeMap<String, String>,
}

impl Data {
    /// Reads a folder; `segment` names the column of the demographics that tells segments apart.
    pub(crate) fn read(folder: &Path, segment: &str) -> Result<Data, RedeemersError> {
        let mut campaigns: BTreeMap<String, Campaign> = BTreeMap::new();
        let table = Table::read(folder, "campaign_descriptions")?;
        table.each(["campaign_id", "start_date", "end_date"], |[id, start, end], _| {
            let (households, products, redeemed) = Default::default();
            let (id, start, end) = (number(id), start.to_owned(), end.to_owned());
            campaigns.insert(id.clone(), Campaign { id, start, end, households, products, redeemed });
            Ok(())
        })?;
        Table::read(folder, "campaigns")?.each(["campaign_id", "household_id"], |[id, household], _| {
            if let Some(campaign) = campaigns.get_mut(&number(id)) {
                campaign.households.insert(number(household));
            }
            Ok(())
        })?;
        Table::read(folder, "coupons")?.each(["campaign_id", "product_id"], |[id, product], _| {
            if let Some(campaign) = campaigns.get_mut(&number(id)) {
                campaign.products.insert(number(product));
            }
            Ok(())
        })?;
        let table = Table::read(folder, "coupon_redemptions")?;
        table.each(["campaign_id", "household_id", "redemption_date"], |[id, household, day], _| {
            if let Some(campaign) = campaigns.get_mut(&number(id)) {
                let first = campaign.redeemed.entry(number(household)).or_insert_with(|| day.to_owned());
                if day < first.as_str() {
                    day.clone_into(first);
                }
            }
            Ok(())
        })?;
        let (mut lines, mut categories, mut segments) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let table = Table::read(folder, "transactions")?;
        let columns = ["household_id", "basket_id", "product_id", "sales_value", "transaction_timestamp"];
        table.each(columns, |[household, basket, product, value, moment], line| {
            let amount = value.parse::<f64>().ok().filter(|amount| amount.abs() < 1e9);
            let amount = amount.ok_or_else(|| table.wrong(line, value, "an amount"))?;
            let day = moment.get(..10).ok_or_else(|| table.wrong(line, moment, "a moment"))?;
            lines.push(Line {
                household: number(household),
                basket: number(basket),
                product: number(product),
                value: (amount * 100.0).round() as i64,
                day: day.to_owned(),
            });
            Ok(())
        })?;
        Table::read(folder, "products")?.each(
            ["product_id", "product_category"],
            |[product, category], _| {
                if !category.is_empty() {
                    categories.insert(number(product), category.to_owned());
                }
                Ok(())
            },
        )?;
        Table::read(folder, "demographics")?.each(["household_id", segment], |[household, value], _| {
            if !value.is_empty() {
                segments.insert(number(household), value.to_owned());
            }
            Ok(())
        })?;
        let mut campaigns: Vec<Campaign> = campaigns.into_values().collect();
        campaigns.sort_by(|a, b| (&a.start, &a.id).cmp(&(&b.start, &b.id)));
        lines.sort_by(|a, b| a.day.cmp(&b.day));
        Ok(Data { campaigns, lines, categories, segments })
    }
}

/// An id without the fraction that some of the files give it.
fn number(text: &str) -> String {
    text.strip_suffix(".0").unwrap_or(text).to_owned()
}

/// A CSV file.
struct Table {
    path: PathBuf,
    text: String,
}

impl Table {
    fn read(folder: &Path, name: &str) -> Result<Table, RedeemersError> {
        let path = folder.join(format!("{name}.csv"));
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Table { path, text }),
            Err(error) => Err(RedeemersError::Unreadable { path, error }),
        }
    }

    fn wrong(&self, line: usize, value: &str, expected: &'static str) -> RedeemersError {
        RedeemersError::Value { path: self.path.clone(), line, value: value.to_owned(), expected }
    }

    /// Calls `take` with these columns of every line, and the line's number.
    fn each<const N: usize>(
        &self,
        columns: [&str; N],
        mut take: impl FnMut([&str; N], usize) -> Result<(), RedeemersError>,
    ) -> Result<(), RedeemersError> {
        let mut lines = self.text.lines().enumerate();
        let head: Vec<&str> = lines.next().map(|(_, head)| head.split(',').collect()).unwrap_or_default();
        let mut places = [0; N];
        for (place, column) in places.iter_mut().zip(columns) {
            let found = head.iter().position(|name| *name == column);
            *place = found.ok_or_else(|| RedeemersError::NoColumn {
                path: self.path.clone(),
                column: column.to_owned(),
            })?;
        }
        for (number, line) in lines {
            let cells: Vec<&str> = line.split(',').collect();
            if cells.len() != head.len() || line.contains('"') {
                return Err(self.wrong(
                    number + 1,
                    line,
                    "a line of as many cells as the first, without quotes",
                ));
            }
            take(places.map(|place| cells.get(place).copied().unwrap_or_default()), number + 1)?;
        }
        Ok(())
    }
}
