//! Random scripts in shorthand: a small universe, and times that make deadlines meet events.
//!
//! Invariant: the same seed and shape give the same script. Times are drawn from the spans that rules
//! use, so "exactly at the due time", "just before" and "just after" all happen often.

use super::config::{DAY, HOUR, MINUTE};
use super::event::Time;
use super::script::{MONDAY, clock_text};

/// What a script is mostly about: how often (out of their sum) each group of events comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) cart: u64,
    pub(crate) presence: u64,
    pub(crate) stock: u64,
    pub(crate) identity: u64,
    pub(crate) profile: u64,
    /// Requests of associates.
    pub(crate) service: u64,
    /// Hour of the day at which it begins.
    pub(crate) hour: u64,
    /// Whether the clock may jump by hours.
    pub(crate) jumps: bool,
    /// Whether it may jump by days and weeks.
    pub(crate) weeks: bool,
    /// Whether it may jump by weeks and months, which takes long.
    pub(crate) months: bool,
    /// Whether the catalogue leaves out much of what events say of articles.
    pub(crate) unlisted: bool,
    /// Whether there is a second brand.
    pub(crate) brands: bool,
}

impl Shape {
    /// Nothing of anything, from ten o'clock on.
    pub(crate) const PLAIN: Shape = Shape {
        cart: 0,
        presence: 0,
        stock: 0,
        identity: 0,
        profile: 0,
        service: 0,
        hour: 10,
        jumps: false,
        weeks: false,
        months: false,
        unlisted: false,
        brands: false,
    };
}

/// Numbers from a seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

const HANDLES: [&str; 7] = ["cookie:1", "cookie:2", "device:1", "phone:1", "card:1", "wechat:1", "email:1"];
const ITEMS: [&str; 4] = ["A", "B", "C", "D"];
const PLACES: [&str; 3] = ["s1", "s2", "w1"];
const BEACONS: [&str; 5] = ["b1", "b2", "b3", "b4", "b9"];
const STEPS: [Time; 16] = [
    0,
    0,
    1,
    1000,
    1000,
    2000,
    5000,
    9999,
    10_000,
    10_001,
    20_000,
    30_000,
    MINUTE,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
];
const LATE: [Time; 9] = [1, 1000, 5000, 10_000, 30_000, 31_000, MINUTE, 2 * MINUTE, 10 * MINUTE];

/// A script of about `length` lines.
pub(crate) fn script(random: &mut Random, shape: &Shape, length: usize) -> Vec<String> {
    let mut clock = MONDAY + shape.hour * HOUR + random.below(3) * 20 * MINUTE;
    let (mut lines, mut greatest) = (Vec::new(), clock);
    for line in prologue() {
        // Most of the catalogue is known beforehand; the rest comes late or never.
        let about_articles = line.starts_with("- price") || line.starts_with("- category");
        if !random.chance(if shape.unlisted && about_articles { 60 } else { 8 }) {
            lines.push(format!("{} {line}", clock_text(clock)));
        }
    }
    if shape.service > 0 {
        if shape.weeks {
            lines.push(format!("{} other/- spot s1 48.1371 11.5754", clock_text(clock)));
            lines.push(format!("{} other/- spot s2 48.1375 11.5756", clock_text(clock)));
        }
        let spots = ["spot s1 48.1371 11.5754", "spot s2 48.1380 11.5754"];
        lines.extend(spots.map(|spot| format!("{} - {spot}", clock_text(clock))));
    }
    while lines.len() < length {
        clock += random.of(&STEPS);
        if shape.jumps && random.chance(2) {
            clock += random.of(&[HOUR, 2 * HOUR, 5 * HOUR, 11 * HOUR]);
        }
        if shape.weeks && random.chance(3) {
            clock += random.of(&[DAY, 3 * DAY, 16 * DAY, 29 * DAY, 30 * DAY, 45 * DAY]);
        }
        if shape.months && random.chance(2) {
            clock += random.of(&[6, 15, 15, 30, 31, 32]) * DAY + random.of(&[0, 0, 1]);
        }
        let late = if random.chance(15) { random.of(&LATE) } else { 0 };
        let brand = if shape.brands && random.chance(25) { "other/" } else { "" };
        if random.chance(10) && shape.presence > 0 {
            lines.extend(walk(random, &mut clock, brand));
            greatest = greatest.max(clock);
            continue;
        }
        let line = event(random, shape);
        let (id, time) = if random.chance(4) {
            // A second copy of an earlier event, with other content. Its time does not move the clock, so
            // that it does not matter whether a copy could.
            (random.below(lines.len() as u64), greatest - late)
        } else {
            (lines.len() as u64, clock - late)
        };
        greatest = greatest.max(time);
        let time = clock_text(time);
        lines.push(format!("{time} {brand}{line} #{id}"));
    }
    let numbered = lines.into_iter().enumerate();
    numbered.map(|(place, line)| if line.contains('#') { line } else { format!("{line} #{place}") }).collect()
}

fn prologue() -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(["- store s1 Europe/Berlin", "- store s2", "- warehouse w1"].map(str::to_owned));
    lines.extend(["- zone s1 z1 b1", "- zone s1 z2 b2,b4", "- zone s2 z1 b3"].map(str::to_owned));
    lines.extend(["- shelf s1 z1 A,B", "- shelf s1 z2 B,C,D", "- shelf s2 z1 A,D"].map(str::to_owned));
    lines.extend(
        [
            "- price A 10",
            "- price B 19.99",
            "- price C 40",
            "- price D 100",
            "- category A sport",
            "- category C sport",
        ]
        .map(str::to_owned),
    );
    lines.extend(
        [
            "- level s1 A 3",
            "- level s1 B 1",
            "- level s1 C 4",
            "- level s2 A 0",
            "- level s2 D 2",
            "- level w1 D 5",
        ]
        .map(str::to_owned),
    );
    lines
}

/// Some readings in a row of one device, so that visits begin, last and end.
fn walk(random: &mut Random, clock: &mut Time, brand: &str) -> Vec<String> {
    let handle = random.of(&["device:1", "device:1", "wechat:1", "phone:1"]);
    let mut beacon = random.of(&BEACONS);
    let mut lines = Vec::new();
    for _ in 0..2 + random.below(8) {
        *clock += random.of(&[0, 1000, 3000, 5000, 5000, 9999, 10_000, 10_001]);
        if random.chance(20) {
            beacon = random.of(&BEACONS);
        }
        lines.push(format!("{} {brand}{handle} beacon {beacon} {}", clock_text(*clock), level(random)));
    }
    lines
}

fn level(random: &mut Random) -> i64 {
    random.of(&[-50, -60, -65, -69, -70, -71, -74, -75, -76, -90])
}

fn event(random: &mut Random, shape: &Shape) -> String {
    let groups = [shape.cart, shape.presence, shape.stock, shape.identity, shape.profile, shape.service];
    let mut place = random.below(groups.iter().sum());
    let group = groups.iter().position(|weight| {
        let here = place < *weight;
        place = place.saturating_sub(*weight);
        here
    });
    let handle = random.of(&HANDLES);
    match group {
        _ if shape.weeks && random.chance(3) => {
            format!("- category {} {}", random.of(&ITEMS), random.of(&["sport", "book", "garden"]))
        }
        Some(0) if shape.weeks => format!("{handle} {}", with_categories(random)),
        Some(0) if shape.unlisted => format!("{handle} {}", with_details(random)),
        Some(0) => format!("{handle} {}", cart(random)),
        Some(1) => format!("{handle} {}", presence(random)),
        Some(2) => format!("- {}", stock(random)),
        Some(3) if random.chance(12) => format!("{handle} forget"),
        Some(3) => {
            // A handle is not linked with itself: such an event is refused.
            let others: Vec<_> = HANDLES.iter().filter(|with| **with != handle).collect();
            let with = random.of(&others);
            format!("{handle} {} {with}", random.of(&["link", "link", "login", "unlink"]))
        }
        Some(4) => format!("{handle} {}", profile(random, shape)),
        _ if shape.weeks && random.chance(4) => {
            let kind = random.of(&["store", "warehouse"]);
            format!("- {kind} {}", random.of(&PLACES))
        }
        _ if random.chance(4) => {
            format!("- spot {} 48.137{} 11.5754", random.of(&PLACES[..2]), random.below(10))
        }
        _ => format!("{handle} {}", service(random)),
    }
}

fn items(random: &mut Random) -> String {
    let mut words = Vec::new();
    for _ in 0..1 + random.below(2) {
        let item = random.of(&ITEMS);
        words.push(if random.chance(30) {
            format!("{item}*{}", 1 + random.below(3))
        } else {
            item.to_owned()
        });
    }
    if random.chance(12) {
        // Listed twice, with another number of pieces or none.
        let again = words[0].split('*').next().unwrap_or_default();
        words.push(format!("{again}{}", random.of(&["", "*1", "*2"])));
    }
    words.join(" ")
}

fn cart(random: &mut Random) -> String {
    match random.below(17) {
        0..=5 => format!("add {}", items(random)),
        6..=7 => format!("remove {}", items(random)),
        8 => format!("checkout {}", if random.chance(50) { items(random) } else { String::new() }),
        9 => format!("wish {}", items(random)),
        10 => format!("unwish {}", items(random)),
        11..=13 => format!("view {}", items(random)),
        14 => format!("buy t{} {}{}", random.below(1_000_000), items(random), paid(random)),
        15 => {
            let shop = random.of(&PLACES[..2]);
            format!("till {shop} t{} {}{}", random.below(1_000_000), items(random), paid(random))
        }
        _ => format!("{} t1 {}{}", random.of(&["refund", "refund", "search"]), items(random), paid(random)),
    }
}

/// The same where events may say of which category an article is.
fn with_categories(random: &mut Random) -> String {
    let (item, category) = (random.of(&ITEMS), random.of(&["~sport", "~garden", "~deep", "", ""]));
    let words = cart(random);
    let words = words.split(' ').map(|word| match word.split(['*', '@']).next() {
        Some(name) if name == item => format!("{word}{category}"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The same where events may say anything of an article, of one that is listed twice different things.
fn with_details(random: &mut Random) -> String {
    let words = cart(random);
    let words = words.split(' ').map(|word| match word.split(['*', '@']).next() {
        Some(name) if ITEMS.contains(&name) && !word.contains('@') => {
            let price = random.of(&["@12.5", "@30", "@75", "", "", ""]);
            let category = random.of(&["~sport", "~garden", "", "", ""]);
            format!("{word}{price}{category}{}", random.of(&["#L", "#S", "", "", ""]))
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn paid(random: &mut Random) -> &'static str {
    random.of(&["", " A*2@12.5", " =20", " =30.25"])
}

fn presence(random: &mut Random) -> String {
    let shop = random.of(&PLACES[..2]);
    match random.below(10) {
        0..=1 => format!("enter {shop}"),
        2..=3 => format!("leave {shop}"),
        4 => format!("checkin {shop}"),
        5 => format!("try {shop} {}", items(random)),
        6 => format!("assist {shop}"),
        _ => format!("beacon {} {}", random.of(&BEACONS), level(random)),
    }
}

fn service(random: &mut Random) -> String {
    if random.chance(50) {
        // Some 7 m apart to the east, 11 m to the north.
        let accuracy = random.of(&["", "", " 5", " 80.5", " 300"]);
        let (north, east) = (random.below(30), random.below(20));
        return format!("at 48.13{:02} 11.57{:02}{accuracy}", 66 + north, 50 + east);
    }
    let request = random.of(&["r1", "r2", "r3"]);
    if random.chance(50) {
        return format!("decide {request} {}", random.of(&["yes", "yes", "no"]));
    }
    let (rule, items) = (random.of(&["asked", "asked", "given", "other"]), items(random));
    let items = if random.chance(30) { "" } else { &items };
    format!("ask {request} {} {rule} {items}", random.of(&PLACES[..2]))
}

fn stock(random: &mut Random) -> String {
    let (place, item) = (random.of(&PLACES), random.of(&ITEMS));
    match random.below(12) {
        0..=3 => format!("level {place} {item} {}", random.of(&[0, 0, 1, 2, 5, -1])),
        4..=6 => format!("delta {place} {item} {}", random.of(&[-2, -1, -1, 1, 2, 3])),
        7..=9 => format!(
            "price {item} {}",
            random.of(&["5", "8", "9", "10", "19.99", "18", "36", "40", "90", "100"])
        ),
        10 => {
            let (shop, zone) = random.of(&[("s1", "z1"), ("s1", "z2"), ("s2", "z1")]);
            format!("shelf {shop} {zone} {}", random.of(&["A,B", "B", "", "C,D", "A,B,C,D"]))
        }
        _ => random
            .of(&[
                "zone s1 z1 b1",
                "category B sport",
                "category A book",
                "zone s1 z2 b2",
                "zone s1 z2 b2,b4",
                "zone s2 z1 b3",
                "store s1 Asia/Tokyo",
                "warehouse s2",
                "store s2",
            ])
            .to_owned(),
    }
}

/// What goes before what follows.
fn of_customers(random: &mut Random) -> String {
    format!("profile {{\"hold_out\":{}}}", random.of(&["true", "false", "null", "null"]))
}

fn profile(random: &mut Random, shape: &Shape) -> String {
    match random.below(10) {
        0..=2 => {
            format!("profile {{\"tier\":{}}}", random.of(&["\"gold\"", "\"gold\"", "\"silver\"", "null"]))
        }
        3 => format!("profile {{\"visits\":{}}}", random.of(&["1", "3", "4.5", "null"])),
        4 if shape.weeks => of_customers(random),
        4 => format!(
            "profile {{\"tz\":{}}}",
            random.of(&["\"America/New_York\"", "\"Asia/Shanghai\"", "null"])
        ),
        5 => {
            let channel = random.of(&["\"sms\"", "\"email\"", "\"push\"", "null"]);
            format!("profile {{\"preferred_channel\":{channel}}}")
        }
        _ => {
            let about = random.of(&["", " category=promo", " category=service"]);
            let on = random.of(&["", " channel=sms", " channel=web", " channel=push", " channel=email"]);
            format!("consent {}{on}{about}", random.of(&["yes", "yes", "no"]))
        }
    }
}
