//! The types of event that are understood.
//!
//! Invariant: [`Kind::ALL`], the names and the parser come from one table.

macro_rules! kinds {
    ($($name:ident $text:literal,)*) => {
        /// A type of event, by its place in the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $text, "`.")] $name,)*
        }

        impl Kind {
            /// All types, in the contract's order.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// The type of that name; `None` for one that is not understood.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Kind::$name),)*
                    _ => None,
                }
            }

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Kind::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    ViewItem "web.view_item",
    AddToCart "web.add_to_cart",
    RemoveFromCart "web.remove_from_cart",
    AddToWishlist "web.add_to_wishlist",
    RemoveFromWishlist "web.remove_from_wishlist",
    BeginCheckout "web.begin_checkout",
    WebPurchase "web.purchase",
    Refund "web.refund",
    Search "web.search",
    Login "web.login",
    Enter "store.enter",
    Leave "store.leave",
    CheckIn "store.check_in",
    TryItem "store.try_item",
    StorePurchase "store.purchase",
    Assist "store.assist",
    OfferRequest "store.offer_request",
    OfferDecision "store.offer_decision",
    Beacon "sensor.beacon",
    Wifi "sensor.wifi",
    Rfid "sensor.rfid",
    Geo "sensor.geo",
    StockLevel "stock.level",
    StockDelta "stock.delta",
    CatalogItem "catalog.item",
    CatalogLocation "catalog.location",
    CatalogZone "catalog.zone",
    CatalogShelf "catalog.shelf",
    Profile "crm.profile",
    Link "crm.link",
    Unlink "crm.unlink",
    Consent "crm.consent",
    Forget "crm.forget",
    PushDelivered "push.delivered",
    PushOpened "push.opened",
    PushClicked "push.clicked",
    PushRedeemed "push.redeemed",
    PushFailed "push.failed",
}

impl Kind {
    /// Whether the subject must name a person; stock and catalogue are about things.
    pub fn is_personal(self) -> bool {
        !matches!(
            self,
            Kind::StockLevel
                | Kind::StockDelta
                | Kind::CatalogItem
                | Kind::CatalogLocation
                | Kind::CatalogZone
                | Kind::CatalogShelf
        )
    }

    /// Whether every field of its data may be absent, and so data itself.
    pub fn is_bare(self) -> bool {
        matches!(self, Kind::Search | Kind::Login | Kind::Forget)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
