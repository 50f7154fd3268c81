//! Why an event was not taken in.
//!
//! Invariant: the `code` of a refusal never changes its meaning, since dead letters, counters and
//! dashboards are keyed by it; message and hint are for people and may be reworded. One table says
//! all of it, so no refusal can lack a code or a hint.

use crate::key::HandleError;

/// Bytes of an id: of an article, a place, a zone, a sensor, a transaction.
pub const ID_BYTES: usize = 256;
/// Bytes of `id`, `source` and `type`.
pub const ATTRIBUTE_BYTES: usize = 512;
/// Bytes of a brand's name.
pub const BRAND_BYTES: usize = 64;
/// Bytes of free text: names, searches, values of profile attributes.
pub const TEXT_BYTES: usize = 4096;
/// Profile attributes of one event.
pub const PROFILE_ATTRIBUTES: usize = 256;
/// Bytes of the name of a profile attribute.
pub const PROFILE_NAME_BYTES: usize = 128;
/// The greatest quantity of a line.
pub const QUANTITY_LIMIT: i64 = 1_000_000;
/// The greatest stock level or change of stock, either sign.
pub const STOCK_LIMIT: i64 = 1_000_000_000;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $({ $($field:ident: $type:ty),* })?
        $code:literal, $message:literal, $hint:literal;)*) => {
        /// Why an event was not taken in. Paths name the place as in `data.items[2].price`.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[allow(missing_docs, reason = "fields are named by the message beside them")]
        pub enum Refusal {
            $($(#[$doc])* #[error($message)] $name $({ $($field: $type),* })?,)*
            /// A handle that is none.
            #[error("{path}: {error}")]
            Handle { path: String, error: HandleError },
        }

        impl Refusal {
            /// Every code but those of [`HandleError::CODES`].
            pub const CODES: &'static [&'static str] = &[$($code),*];

            /// The stable name of this kind of refusal.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Refusal::$name { .. } => $code,)*
                    Refusal::Handle { error, .. } => error.code(),
                }
            }

            /// What to do about it.
            pub fn hint(&self) -> &'static str {
                match self {
                    $(Refusal::$name { .. } => $hint,)*
                    Refusal::Handle { error, .. } => error.hint(),
                }
            }
        }
    };
}

refusals! {
    /// More bytes than one event may have; it was not parsed.
    TooLarge { bytes: u64, limit: usize }
        "too-large", "{bytes} bytes, but an event may have {limit}",
        "split the event, or raise the limit on event bytes";
    /// Bytes that are not UTF-8.
    NotUtf8 { at: usize }
        "not-utf8", "not utf-8 from byte {at} on",
        "send json in utf-8";
    /// Not JSON; a lone surrogate makes it so too.
    NotJson { line: usize, column: usize, reason: String }
        "not-json", "not json at line {line} column {column}: {reason}",
        "send one complete json value; escape what must be escaped";
    /// JSON, but not an object.
    NotAnObject { found: &'static str }
        "not-an-object", "an event is an object, found {found}",
        "send a cloudevent as a json object; batches go as json lines or as one array";
    /// A batch that is not an array.
    NotAnArray
        "not-an-array", "a batch is an array of events",
        "put [ and ] around the events, or send json lines";
    /// Nested deeper than allowed.
    TooDeep { limit: usize }
        "too-deep", "nested deeper than {limit} levels in data",
        "flatten the event; nothing that is read here is nested more than three levels";
    /// A key that is read stands there twice.
    DuplicateKey { path: String }
        "duplicate-key", "{path} is given more than once",
        "give each key once; which of two was meant cannot be told";
    /// No `specversion`.
    SpecVersionMissing
        "specversion-missing", "specversion is missing",
        "add \"specversion\":\"1.0\"";
    /// A `specversion` other than 1.0.
    SpecVersionUnsupported { found: String }
        "specversion-unsupported", "specversion is {found:?}, only \"1.0\" is understood",
        "send cloudevents 1.0";
    /// `id`, `source` or `type` is missing.
    AttributeMissing { name: &'static str }
        "attribute-missing", "{name} is missing",
        "every event has id, source and type";
    /// `id`, `source` or `type` is empty.
    AttributeEmpty { name: &'static str }
        "attribute-empty", "{name} is empty",
        "every event has id, source and type, none of them empty";
    /// An attribute is too long.
    AttributeTooLong { name: &'static str, bytes: usize, limit: usize }
        "attribute-too-long", "{name} has {bytes} bytes, {limit} are allowed",
        "shorten it; a digest of what it says will do";
    /// An attribute has control characters.
    AttributeControl { name: &'static str }
        "attribute-control-character", "{name} has a control character",
        "remove control characters (U+0000 to U+001F, U+007F to U+009F)";
    /// An attribute is not text.
    AttributeNotText { name: &'static str, found: &'static str }
        "attribute-not-text", "{name} must be text, found {found}",
        "put it in quotes";
    /// A header of binary mode is not UTF-8.
    HeaderNotUtf8 { name: String }
        "header-not-utf8", "header {name} is not utf-8",
        "send attributes as utf-8 text";
    /// No subject where the type needs one.
    SubjectMissing { kind: &'static str }
        "subject-missing", "{kind} needs a subject",
        "name the person by a handle, such as \"subject\":\"card:4711\"";
    /// No time.
    TimeMissing
        "time-missing", "time is missing",
        "add the time it happened, such as \"2026-11-22T10:00:00.000Z\"";
    /// Not a time.
    TimeMalformed { found: String }
        "time-malformed", "time {found:?} is not an rfc 3339 date and time",
        "write it like 2026-11-22T10:00:00.000Z or 2026-11-22T18:00:00+08:00";
    /// Before the year 2000.
    TimeTooEarly { found: String }
        "time-too-early", "time {found:?} is before 2000",
        "set the sender's clock; unset clocks start in 1970 or 1980";
    /// Further ahead of the wall clock than allowed.
    TimeAhead { found: String, ahead_ms: u64 }
        "time-ahead", "time {found:?} is {ahead_ms} ms ahead of the wall clock",
        "set the sender's clock, or check the offset of the time";
    /// `datacontenttype` is something else than JSON.
    ContentType { found: String }
        "content-type", "datacontenttype {found:?} is not json",
        "send data as application/json";
    /// `data_base64`.
    DataBase64
        "data-base64", "data_base64 is not supported",
        "send the data as json in data";
    /// No data where the type needs some.
    DataMissing { kind: &'static str }
        "data-missing", "{kind} needs data",
        "add data with the fields of this type";
    /// Data is not an object.
    DataNotObject { found: &'static str }
        "data-not-an-object", "data must be an object, found {found}",
        "send data as a json object, not as a string with json in it";
    /// A field that is needed is missing (or null).
    FieldMissing { path: String }
        "field-missing", "{path} is missing",
        "add it; the contract lists the fields of each type";
    /// A field is of another JSON type.
    FieldType { path: String, expected: &'static str, found: &'static str }
        "field-type", "{path} must be {expected}, found {found}",
        "send the json type the contract lists; numbers and ids are not interchangeable";
    /// A text that names something is empty.
    TextEmpty { path: String }
        "text-empty", "{path} is empty",
        "give the id, or leave the field out where it may be absent";
    /// A text is too long.
    TextTooLong { path: String, bytes: usize, limit: usize }
        "text-too-long", "{path} has {bytes} bytes, {limit} are allowed",
        "shorten it";
    /// A text that names something has control characters.
    TextControl { path: String }
        "text-control-character", "{path} has a control character",
        "remove control characters (U+0000 to U+001F, U+007F to U+009F)";
    /// A number beyond what a double holds.
    NumberNotFinite { path: String }
        "number-not-finite", "{path} is too large a number",
        "send a number below 1e308";
    /// A fraction where a whole number is needed.
    NumberNotWhole { path: String }
        "number-not-whole", "{path} must be a whole number",
        "send pieces, not weights or shares";
    /// A number outside its range.
    NumberOutOfRange { path: String, low: i64, high: i64 }
        "number-out-of-range", "{path} must be from {low} to {high}",
        "check the unit";
    /// A quantity outside 1 to 1,000,000.
    Quantity { path: String }
        "quantity-out-of-range", "{path} must be from 1 to 1000000",
        "send returns as web.refund and removals as web.remove_from_cart, with positive quantities";
    /// An amount of money out of range.
    Money { path: String }
        "money-out-of-range", "{path} is beyond 100000000000 units",
        "send units of the shop's currency, not its smallest coin";
    /// Degrees out of range.
    Position { path: String }
        "position-out-of-range", "{path} is not on earth",
        "send degrees: lat from -90 to 90, lon from -180 to 180";
    /// Latitude without longitude, or the other way round.
    PositionIncomplete
        "position-incomplete", "lat and lon must come together",
        "send both or none";
    /// A signal strength no radio reports.
    Rssi { path: String }
        "rssi-out-of-range", "{path} must be from -200 to 50 dbm",
        "send dbm, which is negative for received signals";
    /// No articles where some are needed.
    ItemsEmpty { path: String }
        "items-empty", "{path} has no items",
        "name at least one item";
    /// More entries than allowed.
    ItemsTooMany { path: String, found: usize, limit: usize }
        "items-too-many", "{path} has {found} entries, {limit} are allowed",
        "split the event, or raise the limit on items";
    /// A beacon reading that does not say which beacon.
    BeaconUnnamed
        "beacon-unnamed", "neither data.beacon nor data.uuid, data.major and data.minor",
        "send beacon, or all of uuid, major and minor";
    /// A time zone that is not in the database.
    TimeZone { found: String }
        "timezone-unknown", "data.tz {found:?} is not an iana time zone",
        "write it like Europe/Berlin; abbreviations and offsets are not zones";
    /// Neither shop nor warehouse.
    LocationKind { found: String }
        "location-kind-unknown", "data.kind {found:?} is neither \"store\" nor \"warehouse\"",
        "write store or warehouse";
    /// An attribute of a profile is an array or an object.
    ProfileNested { path: String, found: &'static str }
        "profile-nested", "{path} must be text, number, boolean or null, found {found}",
        "flatten it: one attribute for each value";
    /// More attributes than allowed.
    ProfileTooMany { found: usize, limit: usize }
        "profile-too-many", "data.attributes has {found} attributes, {limit} are allowed",
        "split the profile into several events";
    /// An attribute's name is empty, too long or has control characters.
    ProfileName { name: String, limit: usize }
        "profile-name", "attribute name {name:?} is empty, longer than {limit} bytes or has a control character",
        "use short plain names such as tier";
    /// A link of a handle with itself.
    LinkWithItself { handle: String }
        "link-with-itself", "data.with is the subject {handle:?} itself",
        "link two different handles";
}

/// The beginning of a text, for a message: foreign input may be large.
pub(super) fn excerpt(text: &str) -> String {
    const CHARACTERS: usize = 60;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Where a JSON text broke.
pub(super) fn not_json(error: &serde_json::Error) -> Refusal {
    let whole = error.to_string();
    let reason = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(reason, _)| reason);
    Refusal::NotJson { line: error.line(), column: error.column(), reason: reason.to_owned() }
}
