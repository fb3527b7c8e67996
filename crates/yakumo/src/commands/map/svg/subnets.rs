//! Zones, the subnets in them, and the interfaces in those.

use super::GAP;
use crate::commands::map::shapes::{Canvas, Font, Rect, SOFT};
use crate::commands::map::svg::panels;
use crate::commands::map::view::{Reach, View};
use crate::commands::map::words;
use yakumo_net::topology::{Id, Interface, Subnet};

/// A zone's width.
pub const WIDTH: usize = SUBNET + 2 * GAP;
/// Fill and line of a public subnet.
pub const PUBLIC: (&str, &str) = ("#ecfdf5", "#10b981");
/// Fill and line of a private subnet.
pub const PRIVATE: (&str, &str) = ("#eff6ff", "#3b82f6");
/// Fill and line of an isolated subnet.
pub const ISOLATED: (&str, &str) = ("#f3f4f6", "#8b93a1");

const SUBNET: usize = 2 * CHIP.0 + 3 * 8;
const CHIP: (usize, usize) = (152, 46);
/// Above a subnet's interfaces, and the least height.
const HEAD: usize = 78;
/// Above a zone's first subnet.
const ZONE_HEAD: usize = 28;
/// How many subnets of a zone, and interfaces of a subnet, are drawn.
const SUBNETS_MAX: usize = 20;
const CHIPS_MAX: usize = 8;

/// A subnet with its id.
pub type Named<'a> = (&'a Id, &'a Subnet);

/// The colour of an interface's dot.
pub fn state(live: bool) -> &'static str {
    if live { "#16a34a" } else { "#cbd5e1" }
}

/// How high a zone with these subnets is.
pub fn zone_height(view: &View<'_>, list: &[Named<'_>]) -> usize {
    let subnets: usize = list.iter().take(SUBNETS_MAX).map(|(id, _)| height(view, id) + GAP).sum();
    ZONE_HEAD + subnets + if list.len() > SUBNETS_MAX { 20 } else { 0 }
}

fn height(view: &View<'_>, subnet: &str) -> usize {
    let count = view.interfaces(subnet).len();
    let more = if count > CHIPS_MAX { 18 } else { 0 };
    HEAD + count.min(CHIPS_MAX).div_ceil(2) * (CHIP.1 + 6) + more
}

/// Where the subnets of a zone begin.
pub fn places<'a>(view: &View<'_>, list: &[Named<'a>], top: usize) -> Vec<(usize, Named<'a>)> {
    let mut y = top + ZONE_HEAD;
    let place = |named: &Named<'a>| {
        let at = y;
        y += height(view, named.0) + GAP;
        (at, *named)
    };
    list.iter().take(SUBNETS_MAX).map(place).collect()
}

/// The zone's frame and name.
pub fn zone_box(canvas: &mut Canvas, at: Rect, name: &str) {
    canvas.rect(at, 8, "#ffffff", "#94a3b8", r#" stroke-dasharray="6 4""#);
    let name = if name.is_empty() { "zone not known" } else { name };
    canvas.text(at.x + GAP, at.y + 19, at.w, Font::NAME.fill(SOFT), name);
}

/// How many subnets of the zone are not drawn.
pub fn more(canvas: &mut Canvas, view: &View<'_>, list: &[Named<'_>], zone: Rect) {
    if list.len() > SUBNETS_MAX {
        let y = zone.y + zone_height(view, list) - 10;
        canvas.text(
            zone.x + GAP,
            y,
            SUBNET,
            Font::SMALL,
            &format!("+ {} more subnets", list.len() - SUBNETS_MAX),
        );
    }
}

/// A subnet with its interfaces.
pub fn subnet(canvas: &mut Canvas, view: &View<'_>, (id, subnet): Named<'_>, x: usize, y: usize) {
    let reach = view.reach(subnet);
    let (fill, stroke) = match reach {
        Reach::Public => PUBLIC,
        Reach::Private => PRIVATE,
        Reach::Isolated => ISOLATED,
    };
    let (table, acl) = (view.label(&subnet.route_table), view.label(&subnet.acl));
    canvas.open(id, &format!("{} routes {} ACL {}", view.full(id), subnet.route_table, subnet.acl));
    canvas.rect(Rect { x, y, w: SUBNET, h: height(view, id) }, 6, fill, stroke, "");
    canvas.text(x + 10, y + 18, SUBNET - 80, Font::NAME, &view.label(id));
    canvas.text_end(x + SUBNET - 10, y + 18, Font::SMALL.fill(stroke), reach.name());
    canvas.text(x + 10, y + 34, SUBNET - 20, Font::MONO, &words::list(&subnet.cidrs));
    canvas.text(x + 10, y + 50, SUBNET - 20, Font::SMALL, &format!("routes {table}"));
    canvas.text(x + 10, y + 64, SUBNET - 20, Font::SMALL, &format!("ACL {acl}"));
    let interfaces = view.interfaces(id);
    for (n, (id, interface)) in interfaces.iter().take(CHIPS_MAX).enumerate() {
        let (column, row) = (n % 2, n / 2);
        let (x, y) = (x + 8 + column * (CHIP.0 + 8), y + HEAD - 6 + row * (CHIP.1 + 6));
        chip(canvas, view, id, interface, (x, y));
    }
    if interfaces.len() > CHIPS_MAX {
        let text = format!("+ {} more interfaces", interfaces.len() - CHIPS_MAX);
        canvas.text(x + 10, y + height(view, id) - 9, SUBNET, Font::SMALL, &text);
    }
    canvas.close();
}

fn chip(canvas: &mut Canvas, view: &View<'_>, id: &Id, interface: &Interface, (x, y): (usize, usize)) {
    let groups = words::list(interface.groups.iter().map(|id| view.full(id)));
    canvas.open(id, &format!("{}: {}; {groups}", view.full(id), words::addresses(interface)));
    canvas.rect(Rect { x, y, w: CHIP.0, h: CHIP.1 }, 5, "#ffffff", "#cbd5e1", "");
    canvas.dot(x + 10, y + 12, 4, state(interface.live));
    canvas.text(x + 19, y + 15, CHIP.0 - 22, Font::MONO, &view.label(id));
    let mut addresses = interface.all_addresses().map(|address| address.to_string());
    canvas.text(x + 8, y + 28, CHIP.0 - 50, Font::MONO.fill(SOFT), &addresses.next().unwrap_or_default());
    let public = interface.addresses.first().and_then(|address| address.public);
    let second = public.map(|public| format!("as {public}")).or_else(|| addresses.next());
    canvas.text(x + 8, y + 41, CHIP.0 - 12, Font::MONO.fill("#c2410c"), &second.unwrap_or_default());
    let all = view.groups();
    let colours = all.iter().enumerate().filter(|(_, (id, _))| interface.groups.contains(*id));
    for (n, (place, _)) in colours.take(4).enumerate() {
        let at = Rect { x: x + CHIP.0 - 13 - n * 11, y: y + 20, w: 8, h: 8 };
        canvas.rect(at, 2, panels::colour(place), "none", "");
    }
    canvas.close();
}
