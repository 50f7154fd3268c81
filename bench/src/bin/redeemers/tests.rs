use super::auc::{Pairs, Random, interval, median};
use super::data::Data;
use super::{ranking, tell};
use std::path::{Path, PathBuf};

fn rule() -> shopbell_model::rules::Rule {
    ranking::rule(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules-redeemers/redeemers.toml")).unwrap()
}

#[test]
fn an_auc_counts_pairs_and_ties_half() {
    let auc = |judged: &[(i64, bool)]| Pairs::of(judged).auc();
    assert_eq!(auc(&[(1, false), (2, true)]), Some(1.0));
    assert_eq!(auc(&[(1, true), (2, false)]), Some(0.0));
    assert_eq!(auc(&[(5, true), (5, false), (5, false)]), Some(0.5));
    // 3 beats 1 and 2, ties with 3: 2.5 of 3; 2 beats 1, ties with 2: 1.5 of 3.
    assert_eq!(
        Pairs::of(&[(3, true), (2, true), (1, false), (2, false), (3, false)]),
        Pairs { right: 8, all: 12 }
    );
    assert_eq!(auc(&[(1, true)]), None);
    assert_eq!(auc(&[]), None);
    let both = Pairs { right: 8, all: 12 }.and(Pairs { right: 2, all: 2 });
    assert_eq!(both, Pairs { right: 10, all: 14 });
}

#[test]
fn an_auc_is_that_of_comparing_all_pairs() {
    let mut random = Random(7);
    for _ in 0..50 {
        let places = random.draw(&[12, 12]);
        let judged: Vec<(i64, bool)> =
            places[0].iter().zip(&places[1]).map(|(score, yes)| (*score as i64 / 2, yes % 3 == 0)).collect();
        let mut naive = Pairs::default();
        for (score, _) in judged.iter().filter(|(_, yes)| *yes) {
            for (other, _) in judged.iter().filter(|(_, yes)| !*yes) {
                naive.all += 2;
                naive.right += match score.cmp(other) {
                    std::cmp::Ordering::Greater => 2,
                    std::cmp::Ordering::Equal => 1,
                    std::cmp::Ordering::Less => 0,
                };
            }
        }
        assert_eq!(Pairs::of(&judged), naive);
    }
}

#[test]
fn medians_and_percentiles_are_those_of_the_sorted() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!((median(Vec::new()), interval(Vec::new())), (None, None));
    assert_eq!(interval((0..=1000).rev().map(f64::from).collect()), Some((25.0, 975.0)));
}

/// Two campaigns: before the first nothing is known; of the second, what counts is worked out by hand.
const TINY: [(&str, &str); 7] = [
    (
        "campaign_descriptions",
        "campaign_id,campaign_type,start_date,end_date\n1,A,2016-12-01,2017-01-31\n2,A,2017-02-10,2017-03-10\n",
    ),
    ("campaigns", "campaign_id,household_id\n1,10\n1,11\n1,12\n2,10\n2,11\n2,12\n2,13\n"),
    ("coupons", "coupon_upc,product_id,campaign_id\n7,100.0,2\n7,101.0,2\n8,900.0,1\n"),
    (
        "coupon_redemptions",
        "household_id,coupon_upc,campaign_id,redemption_date\n10,8,1,2017-01-20\n12,7,2,2017-02-12\n12,7,2,2017-02-11\n",
    ),
    ("products", "product_id,product_category\n100.0,TEA\n101.0,\n102.0,TEA\n103.0,SOAP\n"),
    (
        "transactions",
        "household_id,basket_id,product_id,sales_value,transaction_timestamp\n\
         11,1.0,103,30.5,2017-01-05 10:00:00\n\
         12,2.0,100,2.0,2017-02-01 10:00:00\n\
         12,2.0,102,2.0,2017-02-01 10:00:00\n\
         12,3.0,102,1.0,2017-02-09 23:59:59\n\
         13,4.0,102,5.0,2017-01-20 10:00:00\n\
         10,5.0,100,99.0,2017-02-10 00:00:00\n",
    ),
    ("demographics", "household_id,income\n10,high\n11,high\n12,low\n"),
];

fn tiny(
    change: impl Fn(&str, &str) -> String,
) -> (tempfile::TempDir, Result<Data, super::error::RedeemersError>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in TINY {
        std::fs::write(folder.path().join(format!("{name}.csv")), change(name, text)).unwrap();
    }
    let data = Data::read(folder.path(), "income");
    (folder, data)
}

#[test]
fn only_what_was_known_before_a_campaign_counts() {
    let data = tiny(|_, text| text.to_owned()).1.unwrap();
    let judged = ranking::judge(&data, &rule());
    assert_eq!(
        judged.iter().map(|ranked| (ranked.id.as_str(), ranked.known)).collect::<Vec<_>>(),
        [("1", 0), ("2", 3)]
    );
    let second = &judged[1];
    assert_eq!((second.households, second.redeemed), (4, 1));
    let of = |ranking: usize| second.rankings[ranking].iter().map(|(score, _)| *score).collect::<Vec<_>>();
    // Households 10, 11, 12, 13. What 10 bought on the first day is not looked at.
    assert_eq!(of(1), [0, 3050, 500, 500], "spend");
    assert_eq!(of(2), [0, 0, 1, 0], "baskets with a product of the coupons");
    assert_eq!(of(3), [0, 0, 2, 1], "baskets with one of their categories");
    assert_eq!(of(4), [-92, -36, -1, -21], "days since");
    // Of the first campaign, over by then, 1 of 3 redeemed: (10000 + 50 · 500) / 53 = 660. High, 1 of 2: (10000 + 50
    // · 660) / 52 = 826, seen as 825; low, 0 of 1: 33000 / 51 = 647, seen as 650; 13 has no segment: that of all.
    assert_eq!(of(5), [825, 825, 650, 650], "rate of the segment");
    // 10: 825 / 100. 11: 30.5 / 10 + 8. 12: 20 + 8 + 0.5 + 10 + 6. 13: 4 + 0.5 + 6. In whole points, rounded.
    assert_eq!(of(0), [8, 11, 45, 11], "score");
    assert_eq!(
        second.rankings[0].iter().map(|(_, yes)| *yes).collect::<Vec<_>>(),
        [false, false, true, false]
    );
    let report = tell::report(&judged, 200, 3);
    assert!(report.contains("| 2 | 2017-02-10 | 4 | 3 | 1 | 1.000 ("), "{report}");
    assert!(
        report.contains("Not judged: campaign 1 of 2016-12-01 (3 households, 1 redeemed): nothing is known"),
        "{report}"
    );
    assert_eq!(report, tell::report(&judged, 200, 3), "the same seed, the same figures");
}

#[test]
fn files_that_do_not_fit_are_named() {
    let code = |of: &'static str, from: &'static str, to: &'static str| {
        let found = tiny(|name, text| if name == of { text.replace(from, to) } else { text.to_owned() });
        found.1.map(|_| ()).unwrap_err().code()
    };
    assert_eq!(code("transactions", "30.5", "much"), "redeemers-value");
    assert_eq!(code("transactions", "2017-01-05 10:00:00", "2017"), "redeemers-value");
    assert_eq!(code("products", "SOAP", "SOAP,2"), "redeemers-value");
    assert_eq!(code("products", "SOAP", "\"SOAP\""), "redeemers-value");
    assert_eq!(code("demographics", "income", "wages"), "redeemers-no-column");
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(Data::read(empty.path(), "income").map(|_| ()).unwrap_err().code(), "redeemers-unreadable");
    assert_eq!(ranking::rule(&empty.path().join("none")).unwrap_err().code(), "redeemers-unreadable");
    std::fs::write(empty.path().join("a.toml"), "[rule.a]\nwhen = \"checked_in\"\nscore = \"item.price\"")
        .unwrap();
    assert_eq!(ranking::rule(&empty.path().join("a.toml")).unwrap_err().code(), "redeemers-rule");
}

/// The figures of docs/learning.md.
#[test]
#[allow(clippy::print_stderr, reason = "a test has no other way to say that it was skipped")]
fn the_complete_journey_gives_the_figures_that_are_told() {
    let root = std::env::var_os("SHOPBELL_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let folder = root.join("completejourney_2017Q1");
    if !folder.is_dir() {
        eprintln!("skipped: the Complete Journey (no completejourney_2017Q1 in {})", root.display());
        return;
    }
    let judged = ranking::judge(&Data::read(&folder, "income").unwrap(), &rule());
    let report = tell::report(&judged, 0, 1);
    let told =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/learning.md")).unwrap();
    // Without resamples there are no intervals: each figure must stand in the page.
    let rows = report.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| campaign"));
    let mut figures = 0;
    for row in rows {
        let (name, cells) = row.trim_start_matches("| ").split_once(" |").unwrap();
        let of_page = told.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_default();
        for cell in cells.split('|').map(str::trim).filter(|cell| cell.starts_with("0.") || *cell == "1.000")
        {
            figures += 1;
            assert!(of_page.contains(cell), "{name}: {cell} is not in the row\n{of_page}");
        }
    }
    assert!(figures >= 12, "{report}");
}
