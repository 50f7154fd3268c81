//! Situations of a person, and why an offer's situation is over.
//!
//! Purpose: brings together what is derived of a person with what is known of the articles and
//! places concerned: interest ⋈ shelf ⋈ stock ⋈ place. Invariant: a function of those rows, without a
//! rule or a clock; a rule edit changes nothing here. Cost: a person's rows are read again when one
//! changes.

mod reason;

use crate::by_key::by_key;
use crate::demand::Demand;
use crate::rows::{
    Article, Asked, Browse, CartLife, Course, Derived, Finding, Interest, Lapse, Scene, SceneKind, ShopVisit,
    Situation, Taste, Wanted,
};
use differential_dataflow::VecCollection;
use shopbell_model::facts::{Bought, Detail, Near, Place, Sign, Totals, ZoneVisit};
use shopbell_model::key::{Handle, ItemId, LocationId, Person, Text};
use shopbell_model::offer::{Reason, Sent};
use shopbell_model::rules::When;
use shopbell_model::shared::Shared;
use shopbell_model::time::Time;
use shopbell_model::value::Money;
use shopbell_model::view::{CartView, CustomerView};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The reason for which an offer of a rule with that `when` would be withdrawn now, from all that is derived of the
/// person.
pub(crate) fn why_gone(
    person: &Person,
    background: &[Derived],
    sent: &Sent,
    when: Option<&When>,
    now: Time,
) -> Reason {
    reason::why_gone(&Known::new(person, background.iter()), sent, when, now)
}

/// What is known of a person as a customer, from all that is derived of it.
pub(crate) fn customer(person: &Person, background: &[Derived]) -> Shared<CustomerView> {
    Known::new(person, background.iter()).customer
}

/// What stands of a person, from all that is derived of it.
pub(crate) fn standing(person: &Person, background: &[Derived], demand: &Demand) -> Vec<Shared<Situation>> {
    let mut standing = Vec::new();
    let known = Known::new(person, background.iter());
    known.situations(demand, &mut |situation| standing.push(Shared::new(situation)));
    // No rule finds anything in what is long known, so that only here it is a situation.
    if demand.scene(SceneKind::Segment) && known.course.is_none() {
        let (scene, customer) = (Scene::Segment(known.course()), known.customer.clone());
        let (items, cart) = (Vec::new(), CartView::default());
        standing.push(Shared::new(Situation { scene, items, customer, cart, place: None }));
    }
    standing
}

/// How what is known of a person came about, from all that is derived of it.
pub(crate) fn course(person: &Person, background: &[Derived]) -> Shared<Course> {
    Known::new(person, background.iter()).course()
}

/// What stands, and the background of it.
pub fn situations<'scope>(
    rows: VecCollection<'scope, Time, (Person, Derived)>,
    demand: Demand,
) -> VecCollection<'scope, Time, (Person, Finding)> {
    let rows = rows.filter(|(_, row)| !matches!(row, Derived::About(_)));
    by_key(rows, "Situations", move |person, rows, findings| {
        let known = Known::new(person, rows.iter().map(|(row, _)| row));
        known.situations(&demand, &mut |situation| findings.push(Finding::Stands(Shared::new(situation))));
        let background = rows.iter().map(|(row, _)| row.clone()).collect();
        findings.push(Finding::Background(Shared::new(background)));
    })
}

/// A person's rows, sorted out.
struct Known<'a> {
    customer: Shared<CustomerView>,
    wanted: BTreeMap<&'a ItemId, Shared<Wanted>>,
    lines: Vec<&'a Shared<Interest>>,
    ended: Vec<&'a Shared<Interest>>,
    carts: Vec<&'a Shared<CartLife>>,
    browses: Vec<&'a Shared<Browse>>,
    zones: Vec<(&'a Handle, &'a Shared<ZoneVisit>)>,
    shops: Vec<&'a Shared<ShopVisit>>,
    check_ins: Vec<(&'a Handle, &'a Shared<Sign>, Time)>,
    bought: Vec<(&'a Handle, &'a Shared<Bought>)>,
    nears: Vec<(&'a Handle, &'a Shared<Near>)>,
    requests: Vec<&'a Shared<Asked>>,
    lapses: Vec<&'a Shared<Lapse>>,
    course: Option<&'a Shared<Course>>,
    articles: BTreeMap<&'a ItemId, &'a Shared<Article>>,
    places: BTreeMap<&'a LocationId, &'a Shared<Place>>,
}

impl<'a> Known<'a> {
    fn new(person: &Person, rows: impl Iterator<Item = &'a Derived>) -> Self {
        let mut known = Known {
            customer: Shared::new(CustomerView::of(person.clone())),
            wanted: BTreeMap::new(),
            lines: Vec::new(),
            ended: Vec::new(),
            carts: Vec::new(),
            browses: Vec::new(),
            zones: Vec::new(),
            shops: Vec::new(),
            check_ins: Vec::new(),
            bought: Vec::new(),
            nears: Vec::new(),
            requests: Vec::new(),
            lapses: Vec::new(),
            course: None,
            articles: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        let mut tastes: &[Taste] = &[];
        let mut open: BTreeMap<&ItemId, Vec<&Shared<Interest>>> = BTreeMap::new();
        for row in rows {
            match row {
                Derived::Customer(customer) => known.customer = customer.clone(),
                Derived::Interest(interest) if interest.end.is_some() => known.ended.push(interest),
                Derived::Interest(interest) => {
                    if !interest.activity.is_empty() {
                        known.lines.push(interest);
                    }
                    open.entry(&interest.item).or_default().push(interest);
                }
                Derived::Tastes(all) => tastes = all,
                Derived::Cart(cart) => known.carts.push(cart),
                Derived::Browse(browse) => known.browses.push(browse),
                Derived::Zone(handle, visit) => known.zones.push((handle, visit)),
                Derived::Shop(visit) => known.shops.push(visit),
                Derived::CheckIn(handle, sign, until) => known.check_ins.push((handle, sign, *until)),
                Derived::Bought(handle, bought) => known.bought.push((handle, bought)),
                Derived::Near(handle, near) => known.nears.push((handle, near)),
                Derived::Request(asked) => known.requests.push(asked),
                Derived::Lapse(lapse) => known.lapses.push(lapse),
                Derived::Course(course) => known.course = Some(course),
                Derived::Article(article) => {
                    known.articles.insert(&article.item, article);
                }
                Derived::Place(place) => {
                    known.places.insert(&place.location, place);
                }
                Derived::About(_) => {}
            }
        }
        if let Some(favourite) = known.favourite_category(tastes) {
            let customer = CustomerView { favourite_category: Some(favourite), ..(*known.customer).clone() };
            known.customer = Shared::new(customer);
        }
        for (item, interests) in open {
            // Views are not looked at where no rule asks about them: what is in the cart is as its line says in any case.
            let telling = interests.iter().min_by_key(|interest| interest.life.kind);
            let mut lives: Vec<_> = interests.iter().map(|interest| interest.life.clone()).collect();
            lives.sort_unstable();
            let wanted = Wanted {
                item: item.clone(),
                lives,
                quantity: interests.iter().map(|interest| interest.quantity).max().unwrap_or(1),
                detail: telling.map(|interest| interest.detail.clone()).unwrap_or_default(),
                article: known.articles.get(item).map(|article| (*article).clone()),
            };
            known.wanted.insert(item, Shared::new(wanted));
        }
        known
    }

    /// How what is known came about; where nothing changed in the time that is kept, all of it is long known.
    fn course(&self) -> Shared<Course> {
        if let Some(course) = self.course {
            return course.clone();
        }
        let base = (*self.customer).clone();
        let known = !base.attributes.is_empty() || base.totals != Totals::default();
        Shared::new(Course { known, base, steps: Vec::new() })
    }

    /// The category of most of the articles; of several the first by name.
    fn favourite_category(&self, tastes: &[Taste]) -> Option<Text> {
        let mut articles: BTreeMap<&Text, usize> = BTreeMap::new();
        for Taste { item, said } in tastes {
            let catalogue = self.articles.get(item).and_then(|article| article.catalogue.as_ref());
            let listed = catalogue.and_then(|catalogue| catalogue.category.as_ref());
            if let Some(category) = listed.or(said.as_ref()) {
                *articles.entry(category).or_default() += 1;
            }
        }
        let first_of_most = articles.into_iter().max_by_key(|(name, count)| (*count, Reverse(*name)));
        first_of_most.map(|(category, _)| category.clone())
    }

    fn cart_view(&self) -> CartView {
        let mut view = CartView::default();
        for line in &self.lines {
            view.lines += 1;
            view.quantity = view.quantity.saturating_add(line.quantity);
            let price = self.articles.get(&line.item).and_then(|article| article.price());
            if let Some(price) = price.or(line.detail.price) {
                let sum = price.0.saturating_mul(i64::from(line.quantity));
                view.value = Money(view.value.0.saturating_add(sum));
            }
        }
        view
    }

    fn situations(&self, demand: &Demand, give: &mut impl FnMut(Situation)) {
        let known_cart = self.cart_view();
        let mut stands = |scene: Scene, items, location: Option<&LocationId>| {
            let place = location.map(|location| self.place(location));
            // A cart that no rule asks about must not make another situation of every article in reach.
            let cart = if demand.cart_in(scene.kind()) { known_cart } else { CartView::default() };
            give(Situation { scene, items, customer: self.customer.clone(), cart, place });
        };
        let all = || self.wanted.values().cloned().collect::<Vec<_>>();
        for line in self.lines.iter().filter(|_| demand.scene(SceneKind::Line)) {
            let item = self.wanted.get(&line.item).cloned();
            stands(Scene::Line((*line).clone()), item.into_iter().collect(), None);
        }
        let open = |cart: &&&Shared<CartLife>| cart.end.is_none() && demand.scene(SceneKind::Cart);
        for life in self.carts.iter().filter(open) {
            let items = self.lines.iter().filter_map(|line| self.wanted.get(&line.item).cloned()).collect();
            stands(Scene::Cart((*life).clone()), items, None);
        }
        for browse in self.browses.iter().filter(|_| demand.scene(SceneKind::Browse)) {
            let item = self.wanted.get(&browse.item).cloned();
            stands(Scene::Browse((*browse).clone()), item.into_iter().collect(), None);
        }
        let open = |visit: &ZoneVisit| visit.last.is_none() && demand.scene(SceneKind::Zone);
        for (handle, visit) in self.zones.iter().filter(|(_, visit)| open(visit)) {
            let on_shelf = |wanted: &&Shared<Wanted>| {
                wanted.article.as_ref().is_some_and(|article| article.shelves.contains(&visit.zone))
            };
            let items = self.wanted.values().filter(on_shelf).cloned().collect();
            let scene = Scene::Zone((*handle).clone(), (*visit).clone());
            stands(scene, items, Some(&visit.zone.location));
        }
        for visit in self.shops.iter().filter(|_| demand.scene(SceneKind::Visit)) {
            if let Some(end) = visit.end {
                let scene = Scene::Visit((*visit).clone(), end, self.first_purchase(visit.start));
                stands(scene, all(), Some(&visit.location));
            }
        }
        for (handle, sign, until) in self.check_ins.iter().filter(|_| demand.scene(SceneKind::CheckIn)) {
            let scene = Scene::CheckIn((*handle).clone(), (*sign).clone(), *until);
            stands(scene, Vec::new(), Some(&sign.location));
        }
        for (handle, bought) in self.bought.iter().filter(|_| demand.scene(SceneKind::Purchase)) {
            let items = bought.items.iter().map(|line| self.named(line));
            let scene = Scene::Purchase((*handle).clone(), (*bought).clone());
            stands(scene, items.collect(), bought.location.as_ref());
        }
        let open = |near: &Near| near.last.is_none() && demand.scene(SceneKind::Near);
        for (handle, near) in self.nears.iter().filter(|(_, near)| open(near)) {
            let scene = Scene::Near((*handle).clone(), (*near).clone());
            stands(scene, Vec::new(), Some(&near.location));
        }
        for asked in self.requests.iter().filter(|_| demand.scene(SceneKind::Request)) {
            let items = asked.request.items.iter().map(|line| self.named(line)).collect();
            stands(Scene::Request((*asked).clone()), items, Some(&asked.request.location));
        }
        for lapse in self.lapses.iter().filter(|_| demand.scene(SceneKind::Lapse)) {
            stands(Scene::Lapse((*lapse).clone()), Vec::new(), None);
        }
        for course in self.course.iter().filter(|_| demand.scene(SceneKind::Segment)) {
            stands(Scene::Segment((*course).clone()), Vec::new(), None);
        }
        for wanted in self.wanted.values().filter(|_| demand.scene(SceneKind::Interest)) {
            stands(Scene::Interest, vec![wanted.clone()], None);
        }
    }

    /// An article that an event names, of interest or not.
    fn named(&self, (item, quantity, detail): &(ItemId, u32, Detail)) -> Shared<Wanted> {
        let lives = self.wanted.get(item).map(|wanted| wanted.lives.clone()).unwrap_or_default();
        let article = self.articles.get(item).map(|article| (*article).clone());
        let (item, quantity, detail) = (item.clone(), *quantity, detail.clone());
        Shared::new(Wanted { item, lives, quantity, detail, article })
    }

    fn place(&self, location: &LocationId) -> Shared<Place> {
        match self.places.get(location) {
            Some(place) => (*place).clone(),
            None => Shared::new(Place::unknown(location.clone())),
        }
    }

    fn first_purchase(&self, since: Time) -> Option<Time> {
        self.bought.iter().map(|(_, bought)| bought.at.time).filter(|time| *time >= since).min()
    }
}
