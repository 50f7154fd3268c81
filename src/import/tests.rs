//! Each format on a handful of rows whose events can be told by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::polygon::{Point, distance};
use super::table::ten_thousandths;
use super::*;
use serde_json::Value;

fn run(format: Format, files: &[(&str, &str)], options: &ImportOptions) -> (Vec<Value>, ImportReport) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut out = Vec::new();
    let report = import(format, &[folder.path().to_owned()], &mut out, options).unwrap();
    let events = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    (events.map(|line| serde_json::from_slice(line).unwrap()).collect(), report)
}

fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

const ORDERS: &str = "\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,LANTERN,6,2010-12-01T08:26:00,2.55,17850,United Kingdom
536365,85123A,LANTERN,2,2010-12-01T08:26:00,2.55,17850,United Kingdom
536400,22139,,56,2010-12-01T09:00:00,0.0,,United Kingdom
536401,POST,POSTAGE,1,2010-12-01T08:00:00,18.0,,France
C536379,85123A,LANTERN,-1,2010-12-02T10:00:00,2.55,17850,United Kingdom
536589,21777,,-10,2010-12-02T10:00:00,0.0,,United Kingdom
";

#[test]
fn order_lines_become_purchases_refunds_and_stock_deltas() {
    let (events, report) = run(Format::OnlineRetail, &[("a.csv", ORDERS)], &ImportOptions::default());
    let purchases = of_type(&events, "web.purchase");
    assert_eq!(purchases.len(), 2);
    assert_eq!(purchases[0]["subject"], "order:536401");
    assert_eq!(purchases[1]["subject"], "card:17850");
    assert_eq!(purchases[1]["data"]["value"].to_string(), "20.4");
    assert_eq!(purchases[1]["data"]["items"].as_array().unwrap().len(), 2);
    let refunds = of_type(&events, "web.refund");
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0]["data"]["items"][0]["quantity"], 1);
    let deltas: Vec<i64> = of_type(&events, "stock.delta")
        .iter()
        .map(|event| event["data"]["delta"].as_i64().unwrap())
        .collect();
    assert_eq!(deltas, [-1, -6, -2, -56, 1, 10], "in time order, every row");
    assert_eq!(report.skipped.values().sum::<u64>(), 2, "two corrections of the books");
    assert_eq!((report.rows, report.events), (6, events.len() as u64));
}

#[test]
fn an_invoice_of_two_customers_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, ORDERS.replacen(",17850,", ",17851,", 1)).unwrap();
    let error =
        import(Format::OnlineRetail, &[file], &mut Vec::new(), &ImportOptions::default()).unwrap_err();
    assert_eq!(error.code(), "import-inconsistent");
}

#[test]
fn a_bad_field_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, ORDERS.replace(",56,", ",many,")).unwrap();
    let error =
        import(Format::OnlineRetail, &[file], &mut Vec::new(), &ImportOptions::default()).unwrap_err();
    assert_eq!(error.code(), "import-bad-field");
    assert!(error.to_string().contains("line 4: Quantity is \"many\""), "{error}");
}

const READINGS: &str = "\
ts_ms,site,floor,trace_id,uuid,major,minor,tx_power,rssi,distance_m,mac
1574559500000,s,F1,w1,U,0,0,-56,-60,1,AA:01
1574559510000,s,F1,w1,U,0,0,-56,-70,1,AA:02
1574559600000,s,F1,w2,U,0,0,-56,-65,1,AA:01
1574559601000,s,F1,w3,U,0,0,-56,-65,1,AA:03
";
const WAY_POINTS: &str = "\
ts_ms,site,floor,trace_id,x_m,y_m
1574559500000,s,F1,w1,0,0
1574559520000,s,F1,w1,20,0
1574559600000,s,F1,w2,0,0
";
const OUTLINES: &str = "\
site,floor,unit_id,name,cx_m,cy_m,area_m2,polygon_m
s,F1,u-near,cafe,0,0,1,\"[[-1, 1], [1, 1], [1, 3], [-1, 3], [-1, 1]]\"
s,F1,u-far,shoes,0,0,1,\"[[9, -1], [11, -1], [11, 1], [9, 1]]\"
s,F1,u-none,empty,0,0,1,\"[[90, 90], [91, 90], [91, 91]]\"
";

#[test]
fn a_beacon_belongs_to_the_outline_nearest_to_where_it_was_heard_best() {
    let files = [("r.csv", READINGS), ("w.csv", WAY_POINTS), ("u.csv", OUTLINES), ("x.csv", "a,b\n1,2\n")];
    let (events, report) = run(Format::IbeaconCsv, &files, &ImportOptions::default());
    let zones: Vec<(&str, String)> = of_type(&events, "catalog.zone")
        .iter()
        .map(|event| (event["data"]["zone"].as_str().unwrap(), event["data"]["beacons"].to_string()))
        .collect();
    // AA:02 was heard half-way between the way points: at (10, 0), inside the shoe shop.
    assert_eq!(zones, [("u-far", "[\"aa:02\"]".to_owned()), ("u-near", "[\"aa:01\"]".to_owned())]);
    assert_eq!(of_type(&events, "sensor.beacon").len(), 4);
    assert_eq!(events[0]["type"], "catalog.location");
    assert_eq!(events[3]["time"], "2019-11-24T01:38:20Z");
    assert_eq!(events[3]["subject"], "device:w1");
    assert_eq!(report.ignored.len(), 1);
}

#[test]
fn spread_walks_overlap_and_keep_their_own_pace() {
    let files = [("r.csv", READINGS), ("w.csv", WAY_POINTS), ("u.csv", OUTLINES)];
    let options = ImportOptions { spread: Some(3000), ..ImportOptions::default() };
    let (events, _) = run(Format::IbeaconCsv, &files, &options);
    let readings: Vec<(&str, &str)> = of_type(&events, "sensor.beacon")
        .iter()
        .map(|event| (event["subject"].as_str().unwrap(), event["time"].as_str().unwrap()))
        .collect();
    assert_eq!(
        readings,
        [
            ("device:w1", "2019-11-24T01:38:20Z"),
            ("device:w2", "2019-11-24T01:38:21Z"),
            ("device:w3", "2019-11-24T01:38:22Z"),
            ("device:w1", "2019-11-24T01:38:30Z"),
        ]
    );
}

#[test]
fn distance_is_zero_inside_and_to_the_nearest_edge_outside() {
    let square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)].map(|(x, y)| Point { x, y });
    assert_eq!(distance(Point { x: 1.0, y: 1.0 }, &square), 0.0);
    assert_eq!(distance(Point { x: 2.0, y: 6.0 }, &square), 2.0);
    assert_eq!(distance(Point { x: 7.0, y: 8.0 }, &square), 5.0);
}

const EVENTS: &str = "\
event_id,collector_tstamp,derived_tstamp,domain_userid,domain_sessionid,network_userid,user_id
e1,2022-10-25 07:00:01.000000+00:00,2022-10-25 07:00:00.500000+00:00,ck,s1,nw,
e2,2022-10-25 07:00:02.000000+00:00,2022-10-25 07:00:02.000000+00:00,ck,s1,nw,
e4,2022-10-25 07:00:05.000000+00:00,2022-10-25 07:00:05.000000+00:00,ck,s1,nw,
e3,2022-10-25 07:00:03.000000+00:00,2022-10-25 07:00:03,ck,s1,nw,
e5,2022-10-25 07:00:06.000000+00:00,2022-10-25 07:00:06.000000+00:00,ck,s1,nw,
e6,2022-10-25 07:00:07.000000+00:00,2022-10-25 07:00:07.000000+00:00,,,nw,
e7,2022-10-25 07:00:08.000000+00:00,2022-10-25 07:00:08.000000+00:00,,,nw,
";
const ACTIONS: &str = "\
root_id,root_tstamp,type,name
e1,2022-10-25 07:00:01.000000 UTC,product_view,
e2,2022-10-25 07:00:02.000000 UTC,add_to_cart,
e3,2022-10-25 07:00:03.000000 UTC,checkout_step,
e4,2022-10-25 07:00:05.000000 UTC,transaction,
e5,2022-10-25 07:00:06.000000 UTC,transaction,
e6,2022-10-25 07:00:07.000000 UTC,product_view,
e7,2022-10-25 07:00:08.000000 UTC,,
";
const PRODUCTS: &str = "\
root_id,root_tstamp,id,name,category,price,list_price,quantity
e1,2022-10-25 07:00:01.000000 UTC,p1,,Hats,12,,
e2,2022-10-25 07:00:02.000000 UTC,p1,,Hats,12,,
e4,2022-10-25 07:00:05.000000 UTC,p1,,Hats,12,,
e5,2022-10-25 07:00:06.000000 UTC,p1,,Hats,12,,
e6,2022-10-25 07:00:07.000000 UTC,p2,,Hats,7,,3
";
const CARTS: &str = "root_id,root_tstamp,cart_id,currency,total_value
e2,2022-10-25 07:00:02.000000 UTC,,EUR,12
";
const STEPS: &str = "root_id,root_tstamp,step\ne3,2022-10-25 07:00:03.000000 UTC,1\n";
const TRANSACTIONS: &str = "root_id,root_tstamp,transaction_id,currency,revenue
e4,2022-10-25 07:00:05.000000 UTC,T1,EUR,13
e5,2022-10-25 07:00:06.000000 UTC,T1,EUR,13
";
const USERS: &str = "root_id,root_tstamp,id,email,is_guest
e2,2022-10-25 07:00:02.000000 UTC,U1,,
e3,2022-10-25 07:00:03.000000 UTC,U1,,
e1,2022-10-25 07:00:01.000000 UTC,U9,,true
";

const TRACKER: [(&str, &str); 7] = [
    ("events.csv", EVENTS),
    ("action.csv", ACTIONS),
    ("product.csv", PRODUCTS),
    ("cart.csv", CARTS),
    ("step.csv", STEPS),
    ("transaction.csv", TRANSACTIONS),
    ("user.csv", USERS),
];

#[test]
fn tracker_events_become_a_cart_a_checkout_and_a_purchase() {
    let (events, report) = run(Format::Snowplow, &TRACKER, &ImportOptions::default());
    let told: Vec<(&str, &str, &str)> = events
        .iter()
        .map(|event| {
            let text = |key: &str| event[key].as_str().unwrap();
            (text("id"), text("type"), text("subject"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("e1", "web.view_item", "cookie:ck"),
            ("login/e2", "web.login", "cookie:ck"),
            ("e2", "web.add_to_cart", "cookie:ck"),
            ("e3", "web.begin_checkout", "cookie:ck"),
            ("e4", "web.purchase", "cookie:ck"),
            ("e6", "web.view_item", "network:nw"),
        ]
    );
    assert_eq!(events[2]["data"]["cart_value"], 12);
    assert_eq!(events[3]["data"]["items"][0]["item_id"], "p1", "what the cart held");
    assert_eq!(events[4]["data"]["transaction_id"], "T1");
    assert_eq!(events[5]["data"]["items"][0]["quantity"], 3);
    assert_eq!(report.skipped.get("repetition of a transaction"), Some(&1));
    assert_eq!(report.skipped.values().sum::<u64>(), 2);
}

#[test]
fn logins_can_be_left_out() {
    let options = ImportOptions { logins: false, ..ImportOptions::default() };
    let (events, _) = run(Format::Snowplow, &TRACKER, &options);
    assert!(of_type(&events, "web.login").is_empty());
}

#[test]
fn formats_are_known_by_name() {
    for format in Format::ALL {
        assert_eq!(format.name().parse::<Format>().unwrap(), format);
    }
    assert_eq!("excel".parse::<Format>().unwrap_err().code(), "import-unknown-format");
}

#[test]
fn amounts_are_exact() {
    assert_eq!(ten_thousandths("2.55"), Some(25_500));
    assert_eq!(ten_thousandths("-13541.33"), Some(-135_413_300));
    assert_eq!(ten_thousandths("12"), Some(120_000));
    for wrong in ["", ".5", "1.00001", "1e3", "--1", "a"] {
        assert_eq!(ten_thousandths(wrong), None, "{wrong}");
    }
}
