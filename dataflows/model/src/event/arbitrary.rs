//! Random events for property tests, here and in the crates that use this one.
//!
//! Invariant: every event is one that decoding can give, so `decode(encode(event)) == event`; times
//! lie within 2000 to 2100. [`arbitrary_event`] spreads ids wide; [`small_world`] draws from a few
//! persons, articles and places within one day, so that events meet.

use super::refusal::{BRAND_BYTES, QUANTITY_LIMIT, STOCK_LIMIT};
use super::{Act, Body, Event, Line, LocationKind, Position, Purchase, PushOutcome};
use crate::key::{Brand, EventRef, Handle, ItemId, LocationId, Text};
use crate::time::{EARLIEST, Time};
use crate::value::{Money, Number, Rssi, Value};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// Where ids and times are drawn from.
#[derive(Clone, Debug)]
pub struct World {
    /// Names of articles, places, zones, requests.
    pub name: BoxedStrategy<String>,
    /// Handles, `kind:value`.
    pub handle: BoxedStrategy<String>,
    /// Names of brands; the empty one is none.
    pub brand: BoxedStrategy<String>,
    /// Ids of events.
    pub id: BoxedStrategy<String>,
    /// Event times.
    pub time: BoxedStrategy<Time>,
}

impl World {
    /// Ids of any script and length.
    pub fn wide() -> Self {
        World {
            name: prop_oneof![4 => "[a-zA-Z0-9_.-]{1,12}", 1 => r#"[^\pC]{1,60}"#].boxed(),
            handle: prop_oneof![4 => "(card|cookie|device|phone|wechat|x-[a-z]{1,8}):[a-zA-Z0-9:@+]{1,20}",
                1 => r#"[^\pC:]{1,16}:[^\pC]{1,60}"#]
            .boxed(),
            brand: prop_oneof![3 => Just(String::new()), 2 => "[a-z]{1,10}", 1 => r#"[^\pC]{1,16}"#]
                .prop_filter("a brand has few bytes", |name| name.len() <= BRAND_BYTES)
                .boxed(),
            id: prop_oneof![4 => "[a-z0-9-]{1,36}", 1 => r#"[^\pC]{1,100}"#].boxed(),
            time: (EARLIEST..4_102_444_800_000).boxed(),
        }
    }

    /// Four persons with two handles each, four articles, two shops, two brands, one day of 2026.
    pub fn small() -> Self {
        let day: Time = 1_795_305_600_000;
        World {
            name: select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned).boxed(),
            handle: "(card|cookie):[1-4]".boxed(),
            brand: select(vec!["", "", "", "acme"]).prop_map(str::to_owned).boxed(),
            id: "[0-9a-f]{12}".boxed(),
            time: (day..day + 86_400_000).boxed(),
        }
    }

    /// Events of all types from this world.
    pub fn event(&self) -> BoxedStrategy<Event> {
        let world = self.clone();
        let body = self.brand.clone().prop_flat_map(move |name| {
            let brand = Brand::new(&name);
            let personal = world.personal(&brand).boxed();
            let thing = world.thing(&brand).boxed();
            (Just(brand), prop_oneof![5 => personal, 1 => thing])
        });
        (body, self.id.clone(), self.name.clone(), self.time.clone())
            .prop_map(|((brand, body), id, source, time)| Event {
                reference: EventRef { source: Text::from(source), id: Text::from(id) },
                brand,
                time,
                body,
            })
            .boxed()
    }

    fn personal(&self, brand: &Brand) -> impl Strategy<Value = Body> + use<> {
        let act = self.act(brand);
        (self.handles(brand), act).prop_filter_map("a handle is not linked with itself", |(handle, act)| {
            match &act {
                Act::Link(with) | Act::Unlink(with) | Act::Login(Some(with)) if *with == handle => None,
                _ => Some(Body::Person { handle, act }),
            }
        })
    }

    fn act(&self, brand: &Brand) -> BoxedStrategy<Act> {
        let shopping = prop_oneof![
            self.lines(brand, 1).prop_map(Act::View),
            self.lines(brand, 1).prop_map(Act::AddToCart),
            self.lines(brand, 1).prop_map(Act::RemoveFromCart),
            self.lines(brand, 1).prop_map(Act::AddToWishlist),
            self.lines(brand, 1).prop_map(Act::RemoveFromWishlist),
            self.lines(brand, 1).prop_map(Act::BeginCheckout),
            self.web_purchase(brand).prop_map(Act::Purchase),
            self.web_purchase(brand).prop_map(Act::Refund),
            self.till_purchase(brand).prop_map(Act::Purchase),
            of(prose()).prop_map(Act::Search),
            of(self.handles(brand)).prop_map(Act::Login),
        ];
        let visiting = prop_oneof![
            self.places(brand).prop_map(Act::Enter),
            self.places(brand).prop_map(Act::Leave),
            self.places(brand).prop_map(Act::CheckIn),
            (self.places(brand), self.lines(brand, 0)).prop_map(|(place, lines)| Act::TryItem(place, lines)),
            (self.places(brand), self.lines(brand, 0), of(self.names()))
                .prop_map(|(place, lines, staff)| Act::Assist(place, lines, staff)),
            (self.names(), self.places(brand), self.names(), self.names(), self.lines(brand, 0)).prop_map(
                |(request, location, staff, rule, items)| {
                    Act::OfferRequest { request, location, staff, rule, items }
                }
            ),
            (self.names(), any::<bool>(), self.names())
                .prop_map(|(request, approved, staff)| Act::OfferDecision { request, approved, staff }),
            (self.sensors(), -20_000..=5_000_i16).prop_map(|(id, dbm)| Act::Reading(id, Rssi(dbm))),
            (self.names(), self.sensors()).prop_map(|(epc, read_point)| Act::Rfid { epc, read_point }),
            (position(), of(0.0..1e6)).prop_map(|(at, metres)| Act::Geo(at, metres.map(Number))),
        ];
        let outcome = select(vec![
            PushOutcome::Delivered,
            PushOutcome::Opened,
            PushOutcome::Clicked,
            PushOutcome::Redeemed,
            PushOutcome::Failed,
        ]);
        let relating = prop_oneof![
            btree_map("[a-z_é]{1,12}".prop_map(Text::from), of(value()), 0..6)
                .prop_map(|attributes| Act::Profile(attributes.into_iter().collect())),
            self.handles(brand).prop_map(Act::Link),
            self.handles(brand).prop_map(Act::Unlink),
            (of(self.names()), of(self.names()), any::<bool>())
                .prop_map(|(channel, category, granted)| Act::Consent { channel, category, granted }),
            Just(Act::Forget),
            (outcome, self.names()).prop_map(|(outcome, offer)| Act::Push(outcome, offer)),
        ];
        prop_oneof![11 => shopping, 10 => visiting, 6 => relating].boxed()
    }

    fn thing(&self, brand: &Brand) -> BoxedStrategy<Body> {
        let kind = select(vec![LocationKind::Store, LocationKind::Warehouse]);
        let tz =
            select(vec!["Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC"]).prop_map(Text::from);
        prop_oneof![
            (self.places(brand), self.articles(brand), -STOCK_LIMIT..=STOCK_LIMIT)
                .prop_map(|(location, item, quantity)| Body::StockLevel { location, item, quantity }),
            (self.places(brand), self.articles(brand), -STOCK_LIMIT..=STOCK_LIMIT)
                .prop_map(|(location, item, delta)| Body::StockDelta { location, item, delta }),
            (self.articles(brand), (of(prose()), of(prose())), (of(money()), of(money())), of(any::<bool>()))
                .prop_map(|(item, (name, category), (price, list_price), discontinued)| {
                    Body::CatalogItem { item, name, category, price, list_price, discontinued }
                }),
            (self.places(brand), of(prose()), kind, of(position()), of(tz)).prop_map(
                |(location, name, kind, position, tz)| {
                    Body::CatalogLocation { location, name, kind, position, tz }
                }
            ),
            (self.places(brand), self.names(), vec(self.sensors(), 0..4), of(prose())).prop_map(
                |(location, zone, beacons, name)| Body::CatalogZone { location, zone, beacons, name }
            ),
            (self.places(brand), self.names(), vec(self.articles(brand), 0..4))
                .prop_map(|(location, zone, items)| Body::CatalogShelf { location, zone, items }),
        ]
        .boxed()
    }

    fn names(&self) -> impl Strategy<Value = Text> + use<> {
        self.name.clone().prop_map(Text::from)
    }

    fn sensors(&self) -> impl Strategy<Value = Text> + use<> {
        self.name.clone().prop_map(|name| Text::from(name.to_ascii_lowercase()))
    }

    fn handles(&self, brand: &Brand) -> impl Strategy<Value = Handle> + use<> {
        let brand = brand.clone();
        self.handle.clone().prop_filter_map("a handle", move |text| Handle::parse(&brand, &text).ok())
    }

    fn places(&self, brand: &Brand) -> impl Strategy<Value = LocationId> + use<> {
        let brand = brand.clone();
        self.name.clone().prop_map(move |name| LocationId::new(&brand, &name))
    }

    fn articles(&self, brand: &Brand) -> impl Strategy<Value = ItemId> + use<> {
        let brand = brand.clone();
        self.name.clone().prop_map(move |name| ItemId::new(&brand, &name))
    }

    fn lines(&self, brand: &Brand, at_least: usize) -> impl Strategy<Value = Vec<Line>> + use<> {
        let quantity = of(1..=QUANTITY_LIMIT as u32);
        let line = (self.articles(brand), quantity, of(money()), of(prose()), of(prose())).prop_map(
            |(item, quantity, price, category, variant)| Line { item, quantity, price, category, variant },
        );
        vec(line, at_least..at_least + 4)
    }

    fn web_purchase(&self, brand: &Brand) -> impl Strategy<Value = Purchase> + use<> {
        (self.names(), self.lines(brand, 1), of(money()), of(self.places(brand))).prop_map(
            |(transaction, items, value, location)| Purchase {
                transaction,
                items,
                value,
                location,
                at_till: false,
            },
        )
    }

    fn till_purchase(&self, brand: &Brand) -> impl Strategy<Value = Purchase> + use<> {
        let transaction = prop_oneof![1 => Just(Text::default()), 3 => self.names()];
        (transaction, self.lines(brand, 0), of(money()), self.places(brand)).prop_map(
            |(transaction, items, value, location)| Purchase {
                transaction,
                items,
                value,
                location: Some(location),
                at_till: true,
            },
        )
    }
}

/// An event of any type from [`World::wide`].
pub fn arbitrary_event() -> BoxedStrategy<Event> {
    World::wide().event()
}

/// An event of any type from [`World::small`].
pub fn small_world() -> BoxedStrategy<Event> {
    World::small().event()
}

/// Free text: any characters, control characters too, and none.
fn prose() -> impl Strategy<Value = Text> {
    prop_oneof![3 => "[a-zA-Z ]{0,20}", 1 => ".{0,40}", 1 => "[\\x00-\\x1f\"\\\\/\u{7f}-\u{9f}\u{1f600}]{1,8}"]
        .prop_map(Text::from)
}

/// Mostly prices, sometimes any amount that is taken in.
fn money() -> impl Strategy<Value = Money> {
    let limit = Money::LIMIT as i64 * Money::SCALE;
    prop_oneof![3 => (0..100_000_i64).prop_map(|cents| Money(cents * 100)), 1 => (-limit..=limit).prop_map(Money)]
}

fn position() -> impl Strategy<Value = Position> {
    (-90_000_000..=90_000_000_i32, -180_000_000..=180_000_000_i32)
        .prop_map(|(lat, lon)| Position { lat, lon })
}

fn value() -> impl Strategy<Value = Value> {
    let fraction =
        any::<f64>().prop_filter_map("finite, and not a whole number that is an integer", |number| {
            let whole = number.fract() == 0.0 && number.abs() <= 9_223_372_036_854_775_808.0;
            (number.is_finite() && !whole).then_some(Value::Number(Number(number)))
        });
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        fraction,
        prose().prop_map(Value::Text),
    ]
}
