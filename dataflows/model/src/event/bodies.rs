//! The `data` of an event, by its type.
//!
//! Invariant: what comes out is normalised: ids of sensors are in lower case (ASCII), a profile is
//! sorted by name, a quantity that was not given stays unknown. Fields a type does not have are not
//! looked at.

use super::json::{Field, Kind as Json, Place, Value, found, object};
use super::kind::Kind;
use super::refusal::{QUANTITY_LIMIT, Refusal, excerpt};
use super::{Act, Limits, Line, Position, Purchase, PushOutcome};
use crate::key::{Brand, Handle, ItemId, LocationId, Text};
use crate::value::{Number, Rssi};
use std::fmt::Write;

mod profile;
mod things;

/// Half of the earth's circumference in metres: no position is less accurate.
const ACCURACY_LIMIT: f64 = 20_037_508.0;
/// Bytes of a beacon's UUID: 36 as it is written, and some for other notations.
const UUID_BYTES: usize = 64;

/// Data of an event of a known type.
pub(super) struct Data<'a> {
    kind: Kind,
    whole: Option<Value<'a>>,
    brand: &'a Brand,
    limits: &'a Limits,
}

impl<'a> Data<'a> {
    /// Data in JSON, or none.
    pub(super) fn new(
        kind: Kind,
        whole: Option<Value<'a>>,
        brand: &'a Brand,
        limits: &'a Limits,
    ) -> Result<Self, Refusal> {
        match whole {
            Some(whole) if whole.kind() != Json::Object => {
                Err(Refusal::DataNotObject { found: found(whole) })
            }
            None if !kind.is_bare() => Err(Refusal::DataMissing { kind: kind.as_str() }),
            _ => Ok(Data { kind, whole, brand, limits }),
        }
    }

    /// What a person did.
    pub(super) fn act(&self, subject: &Handle) -> Result<Act, Refusal> {
        Ok(match self.kind {
            Kind::ViewItem => Act::View(self.items_alone()?),
            Kind::AddToCart => Act::AddToCart(self.items_alone()?),
            Kind::RemoveFromCart => Act::RemoveFromCart(self.items_alone()?),
            Kind::AddToWishlist => Act::AddToWishlist(self.items_alone()?),
            Kind::RemoveFromWishlist => Act::RemoveFromWishlist(self.items_alone()?),
            Kind::BeginCheckout => {
                // None named: the whole cart.
                let [items] = self.read(["items"])?;
                Act::BeginCheckout(self.lines(items).and_then(|lines| items.need(lines))?)
            }
            Kind::WebPurchase => Act::Purchase(self.web_purchase()?),
            Kind::Refund => Act::Refund(self.web_purchase()?),
            Kind::StorePurchase => Act::Purchase(self.till_purchase()?),
            Kind::Search => {
                let [query] = self.read(["query"])?;
                Act::Search(query.prose()?)
            }
            Kind::Login => {
                let [with] = self.read(["with"])?;
                Act::Login(self.other_handle(with, subject)?)
            }
            Kind::Link => Act::Link(self.needed_other_handle(subject)?),
            Kind::Unlink => Act::Unlink(self.needed_other_handle(subject)?),
            Kind::Enter => Act::Enter(self.place()?),
            Kind::Leave => Act::Leave(self.place()?),
            Kind::CheckIn => Act::CheckIn(self.place()?),
            Kind::TryItem => {
                let [location, items] = self.read(["location", "items"])?;
                Act::TryItem(self.location(location)?, self.lines(items)?.unwrap_or_default())
            }
            Kind::Assist => {
                let [location, items, staff] = self.read(["location", "items", "staff"])?;
                let staff = staff.name()?.map(Text::from);
                Act::Assist(self.location(location)?, self.lines(items)?.unwrap_or_default(), staff)
            }
            Kind::OfferRequest => self.offer_request()?,
            Kind::OfferDecision => {
                let [request, approved, staff] = self.read(["request_id", "approved", "staff"])?;
                Act::OfferDecision {
                    request: Text::from(request.needed_name()?),
                    approved: approved.flag().and_then(|flag| approved.need(flag))?,
                    staff: Text::from(staff.needed_name()?),
                }
            }
            Kind::Beacon => self.beacon()?,
            Kind::Wifi => {
                let [ap, rssi] = self.read(["ap", "rssi"])?;
                Act::Reading(lower(&ap.needed_name()?), signal(rssi)?)
            }
            Kind::Rfid => {
                let [epc, read_point] = self.read(["epc", "read_point"])?;
                Act::Rfid {
                    epc: Text::from(epc.needed_name()?),
                    read_point: lower(&read_point.needed_name()?),
                }
            }
            Kind::Geo => {
                let [lat, lon, accuracy] = self.read(["lat", "lon", "accuracy_m"])?;
                let position = position(lat, lon).and_then(|position| lat.need(position))?;
                Act::Geo(position, metres(accuracy)?)
            }
            Kind::Profile => Act::Profile(self.profile()?),
            Kind::Consent => {
                let [channel, category, granted] = self.read(["channel", "category", "granted"])?;
                Act::Consent {
                    channel: channel.name()?.map(Text::from),
                    category: category.name()?.map(Text::from),
                    granted: granted.flag().and_then(|flag| granted.need(flag))?,
                }
            }
            Kind::Forget => Act::Forget,
            Kind::PushDelivered => self.push(PushOutcome::Delivered)?,
            Kind::PushOpened => self.push(PushOutcome::Opened)?,
            Kind::PushClicked => self.push(PushOutcome::Clicked)?,
            Kind::PushRedeemed => self.push(PushOutcome::Redeemed)?,
            Kind::PushFailed => self.push(PushOutcome::Failed)?,
            Kind::StockLevel
            | Kind::StockDelta
            | Kind::CatalogItem
            | Kind::CatalogLocation
            | Kind::CatalogZone
            | Kind::CatalogShelf => return Err(Refusal::SubjectMissing { kind: self.kind.as_str() }),
        })
    }

    fn read<const N: usize>(&self, names: [&'static str; N]) -> Result<[Field<'a>; N], Refusal> {
        match self.whole {
            Some(whole) => fields(whole, names, Place::Data),
            None => Ok(names.map(|name| Field { place: Place::Data(name), value: None })),
        }
    }

    fn items_alone(&self) -> Result<Vec<Line>, Refusal> {
        let [items] = self.read(["items"])?;
        self.needed_lines(items)
    }

    fn web_purchase(&self) -> Result<Purchase, Refusal> {
        let [transaction, value, items, location] =
            self.read(["transaction_id", "value", "items", "location"])?;
        Ok(Purchase {
            transaction: Text::from(transaction.needed_name()?),
            items: self.needed_lines(items)?,
            value: value.money()?,
            location: location.name()?.map(|id| LocationId::new(self.brand, &id)),
            at_till: false,
        })
    }

    fn till_purchase(&self) -> Result<Purchase, Refusal> {
        let [location, transaction, value, items] =
            self.read(["location", "transaction_id", "value", "items"])?;
        // A till that gives no receipt number may send an empty one.
        let receipt = match transaction.text()? {
            Some(text) if text.is_empty() => None,
            _ => transaction.name()?,
        };
        Ok(Purchase {
            transaction: receipt.map(Text::from).unwrap_or_default(),
            items: self.lines(items)?.unwrap_or_default(),
            value: value.money()?,
            location: Some(self.location(location)?),
            at_till: true,
        })
    }

    fn offer_request(&self) -> Result<Act, Refusal> {
        let [request, location, staff, rule, items] =
            self.read(["request_id", "location", "staff", "rule", "items"])?;
        Ok(Act::OfferRequest {
            request: Text::from(request.needed_name()?),
            location: self.location(location)?,
            staff: Text::from(staff.needed_name()?),
            rule: Text::from(rule.needed_name()?),
            items: self.lines(items)?.unwrap_or_default(),
        })
    }

    fn beacon(&self) -> Result<Act, Refusal> {
        let [beacon, uuid, major, minor, rssi] = self.read(["beacon", "uuid", "major", "minor", "rssi"])?;
        let id = match beacon.name()? {
            Some(id) => lower(&id),
            None => {
                let uuid = uuid.name()?.ok_or(Refusal::BeaconUnnamed)?;
                if uuid.len() > UUID_BYTES {
                    let path = "data.uuid".to_owned();
                    return Err(Refusal::TextTooLong { path, bytes: uuid.len(), limit: UUID_BYTES });
                }
                let part = |field: Field<'_>| {
                    field.whole_within(0, i64::from(u16::MAX))?.ok_or(Refusal::BeaconUnnamed)
                };
                let (major, minor) = (part(major)?, part(minor)?);
                let mut id = Text::with_capacity(uuid.len() + "/65535/65535".len());
                id.push_str(&uuid);
                id.make_ascii_lowercase();
                // Writing to a string cannot fail.
                let _ = write!(id, "/{major}/{minor}");
                id
            }
        };
        Ok(Act::Reading(id, signal(rssi)?))
    }

    fn push(&self, outcome: PushOutcome) -> Result<Act, Refusal> {
        let [offer] = self.read(["offer_id"])?;
        Ok(Act::Push(outcome, Text::from(offer.needed_name()?)))
    }

    fn place(&self) -> Result<LocationId, Refusal> {
        let [location] = self.read(["location"])?;
        self.location(location)
    }

    fn location(&self, field: Field<'_>) -> Result<LocationId, Refusal> {
        Ok(LocationId::new(self.brand, &field.needed_name()?))
    }

    fn item(&self, field: Field<'_>) -> Result<ItemId, Refusal> {
        Ok(ItemId::new(self.brand, &field.needed_name()?))
    }

    fn needed_other_handle(&self, subject: &Handle) -> Result<Handle, Refusal> {
        let [with] = self.read(["with"])?;
        self.other_handle(with, subject).and_then(|handle| with.need(handle))
    }

    fn other_handle(&self, with: Field<'_>, subject: &Handle) -> Result<Option<Handle>, Refusal> {
        let Some(text) = with.text()? else { return Ok(None) };
        let path = || with.place.to_string();
        let handle =
            Handle::parse(self.brand, &text).map_err(|error| Refusal::Handle { path: path(), error })?;
        if handle == *subject {
            return Err(Refusal::LinkWithItself { handle: excerpt(&text) });
        }
        Ok(Some(handle))
    }

    fn needed_lines(&self, items: Field<'a>) -> Result<Vec<Line>, Refusal> {
        let lines = self.lines(items).and_then(|lines| items.need(lines))?;
        if lines.is_empty() {
            return Err(Refusal::ItemsEmpty { path: items.place.to_string() });
        }
        Ok(lines)
    }

    fn lines(&self, items: Field<'a>) -> Result<Option<Vec<Line>>, Refusal> {
        let Some(elements) = items.elements(self.limits.items)? else { return Ok(None) };
        let line = |(index, element): (usize, Value<'a>)| {
            let [item, quantity, price, category, variant] = item_fields(index, element, LINE)?;
            Ok(Line {
                item: self.item(item)?,
                quantity: pieces(quantity)?,
                price: price.money()?,
                category: category.prose()?,
                variant: variant.prose()?,
            })
        };
        elements.enumerate().map(line).collect::<Result<_, Refusal>>().map(Some)
    }
}

/// What is read of an item.
const LINE: [&str; 5] = ["item_id", "quantity", "price", "item_category", "item_variant"];

/// The fields `names` of an item.
fn item_fields<'t, const N: usize>(
    index: usize,
    item: Value<'t>,
    names: [&'static str; N],
) -> Result<[Field<'t>; N], Refusal> {
    if item.kind() != Json::Object {
        return Err(Field { place: Place::Element("items", index), value: Some(item) }.wrong("object"));
    }
    fields(item, names, |name| Place::Item(index, name))
}

fn fields<'t, const N: usize>(
    whole: Value<'t>,
    names: [&'static str; N],
    place: impl Fn(&'static str) -> Place,
) -> Result<[Field<'t>; N], Refusal> {
    let object = object(whole, &names);
    if let Some(name) = object.duplicate {
        return Err(Refusal::DuplicateKey { path: place(name).to_string() });
    }
    let mut values = object.values.into_iter();
    Ok(names.map(|name| Field { place: place(name), value: values.next().flatten() }))
}

fn pieces(field: Field<'_>) -> Result<Option<u32>, Refusal> {
    match field.whole()? {
        None => Ok(None),
        Some(pieces) => match u32::try_from(pieces) {
            Ok(quantity) if (1..=QUANTITY_LIMIT).contains(&pieces) => Ok(Some(quantity)),
            _ => Err(Refusal::Quantity { path: field.place.to_string() }),
        },
    }
}

fn signal(field: Field<'_>) -> Result<Rssi, Refusal> {
    let dbm = field.number().and_then(|number| field.need(number))?;
    Rssi::from_dbm(dbm).ok_or_else(|| Refusal::Rssi { path: field.place.to_string() })
}

fn metres(field: Field<'_>) -> Result<Option<Number>, Refusal> {
    match field.number()? {
        Some(metres) if !(0.0..=ACCURACY_LIMIT).contains(&metres) => {
            let path = field.place.to_string();
            Err(Refusal::NumberOutOfRange { path, low: 0, high: ACCURACY_LIMIT as i64 })
        }
        // Adding zero makes −0 plain 0.
        metres => Ok(metres.map(|metres| Number(metres + 0.0))),
    }
}

fn position(lat: Field<'_>, lon: Field<'_>) -> Result<Option<Position>, Refusal> {
    let millionths = |field: Field<'_>, limit: f64| match field.number()? {
        Some(degrees) if !(-limit..=limit).contains(&degrees) => {
            Err(Refusal::Position { path: field.place.to_string() })
        }
        degrees => Ok(degrees.map(|degrees| (degrees * 1e6).round() as i32)),
    };
    match (millionths(lat, 90.0)?, millionths(lon, 180.0)?) {
        (Some(lat), Some(lon)) => Ok(Some(Position { lat, lon })),
        (None, None) => Ok(None),
        _ => Err(Refusal::PositionIncomplete),
    }
}

fn lower(id: &str) -> Text {
    let mut id = Text::from(id);
    id.make_ascii_lowercase();
    id
}
