//! The map as SVG: gateways on the VPC's upper edge, zones as columns of subnets, routes as lines between them.
//!
//! Invariant: a line runs in its gateway's own lane, left of each zone and below the gateways, and crosses no box.

mod panels;
mod subnets;

use super::shapes::{Canvas, Font, INK, Rect, SOFT};
use super::view::{Gateway, Kind, View, is_default};
use super::words;
use yakumo_net::topology::Subnet;

/// The edge around everything.
const MARGIN: usize = 24;
/// Between boxes.
const GAP: usize = 12;
/// From lane to lane.
const LANE: usize = 7;
/// A gateway's box.
const GATEWAY: (usize, usize) = (208, 56);
/// How many gateways are drawn.
const GATEWAYS_MAX: usize = 12;

/// Draws VPCs one below the other.
pub fn draw(views: &[View<'_>]) -> String {
    let mut canvas = Canvas::default();
    let (mut width, mut y) = (900, MARGIN);
    if views.is_empty() {
        canvas.text(MARGIN, y + 20, width, Font::HEAD, "There is no VPC.");
        y += 40;
    }
    for view in views {
        let plan = Plan::of(view);
        width = width.max(plan.width + 2 * MARGIN);
        y = plan.draw(&mut canvas, y) + 2 * GAP;
    }
    legend(&mut canvas, y + 4);
    canvas.finish(width, y + 24 + MARGIN)
}

/// What is measured before it is drawn.
struct Plan<'a> {
    view: &'a View<'a>,
    gateways: Vec<Gateway>,
    more_gateways: usize,
    width: usize,
}

impl<'a> Plan<'a> {
    fn of(view: &'a View<'a>) -> Plan<'a> {
        let mut gateways = view.gateways();
        let more_gateways = gateways.len().saturating_sub(GATEWAYS_MAX);
        gateways.truncate(GATEWAYS_MAX);
        let zone = subnets::WIDTH + gutter(gateways.len());
        let zones = view.zones().len() * (zone + GAP) + GAP;
        let row = gateways.len() * (GATEWAY.0 + GAP) + GAP + if more_gateways > 0 { 100 } else { 0 };
        Plan { view, gateways, more_gateways, width: zones.max(row).max(900 - 2 * MARGIN) }
    }

    /// Draws the VPC and gives where it ends.
    fn draw(&self, canvas: &mut Canvas, top: usize) -> usize {
        let (view, edge) = (self.view, top + 46 + GATEWAY.1 / 2);
        let blocks = view.itself().map(|vpc| words::list(&vpc.cidrs)).unwrap_or_default();
        let home =
            view.topology.labels.get(view.vpc).and_then(|label| label.home.clone()).unwrap_or_default();
        canvas.open(view.vpc, &view.full(view.vpc));
        canvas.text(MARGIN, top + 14, self.width, Font::HEAD, &format!("VPC {}", view.label(view.vpc)));
        let facts = [view.vpc, &blocks, &home].map(str::to_owned).join("   ");
        canvas.text(MARGIN, top + 32, self.width, Font::MONO.fill(SOFT), facts.trim_end());

        let band = edge + GATEWAY.1 / 2 + 10;
        let zones_top = band + self.gateways.len() * LANE + 10;
        let lanes = gutter(self.gateways.len());
        let zones = view.zones();
        let tallest = zones.iter().map(|(_, list)| subnets::zone_height(view, list)).max().unwrap_or(60);
        let panels_top = zones_top + tallest + GAP;
        let bottom = panels_top + panels::height(view) + GAP;
        let frame = Rect { x: MARGIN, y: edge, w: self.width, h: bottom - edge };
        canvas.rect(frame, 10, "#f8fafc", "#7c3aed", r#" stroke-width="1.6""#);

        for (n, (name, list)) in zones.iter().enumerate() {
            let x = MARGIN + GAP + n * (subnets::WIDTH + lanes + GAP);
            let at = Rect { x: x + lanes, y: zones_top, w: subnets::WIDTH, h: tallest };
            subnets::zone_box(canvas, at, name);
            for (y, (id, subnet)) in subnets::places(view, list, zones_top) {
                subnets::subnet(canvas, view, (id, subnet), at.x + GAP, y);
                self.lines(canvas, subnet, x, at.x + GAP, y, band);
            }
            subnets::more(canvas, view, list, at);
        }
        if zones.is_empty() {
            canvas.text(MARGIN + GAP, zones_top + 30, self.width, Font::SMALL, "no subnets");
        }
        self.draw_gateways(canvas, edge - GATEWAY.1 / 2);
        panels::draw(canvas, view, Rect { x: MARGIN + GAP, y: panels_top, w: self.width - 2 * GAP, h: 0 });
        canvas.close();
        bottom
    }

    /// Lines from a subnet to the gateways that its routes name.
    fn lines(&self, canvas: &mut Canvas, subnet: &Subnet, lane_x: usize, x: usize, y: usize, band: usize) {
        let Some(table) = self.view.topology.route_tables.get(&subnet.route_table) else { return };
        for (n, gateway) in self.gateways.iter().enumerate() {
            let mut routes = table.routes.iter().filter(|route| route.target.id() == gateway.id).peekable();
            let leads = routes.peek().is_some_and(|route| self.view.leads(&route.target));
            if !leads {
                continue;
            }
            let dashed = if routes.any(is_default) { "" } else { r#" stroke-dasharray="4 3""# };
            let (lane, level, start) = (lane_x + n * LANE, band + n * LANE, y + 12 + n * 5);
            let (end_x, end_y) = (self.gateway_x(n) + GATEWAY.0 / 2, band - 10);
            let stroke = colours(gateway.kind).1;
            canvas.path(&format!("M{x} {start}H{lane}V{level}H{end_x}V{end_y}"), stroke, dashed);
            canvas.dot(x, start, 3, stroke);
        }
    }

    fn gateway_x(&self, n: usize) -> usize {
        MARGIN + GAP + n * (GATEWAY.0 + GAP)
    }

    fn draw_gateways(&self, canvas: &mut Canvas, y: usize) {
        for (n, gateway) in self.gateways.iter().enumerate() {
            let ((fill, stroke), x) = (colours(gateway.kind), self.gateway_x(n));
            let width = GATEWAY.0 - 20;
            let nat = self.view.topology.nat_gateways.get(&gateway.id);
            let place = nat.map(|nat| format!(" in {}", self.view.label(&nat.subnet))).unwrap_or_default();
            let head = format!("{}{place}", gateway.kind.name());
            canvas.open(&gateway.id, &format!("{} {} {}", gateway.kind.name(), gateway.id, gateway.note));
            let at = Rect { x, y, w: GATEWAY.0, h: GATEWAY.1 };
            canvas.rect(at, 8, fill, stroke, r#" stroke-width="1.6""#);
            canvas.text(x + 10, y + 15, width, Font::SMALL.fill(stroke), &head);
            canvas.text(x + 10, y + 31, width, Font::NAME, &self.view.label(&gateway.id));
            canvas.text(x + 10, y + 46, width, Font::MONO, &gateway.note);
            canvas.close();
        }
        if self.more_gateways > 0 {
            let x = self.gateway_x(self.gateways.len());
            canvas.text(x, y + 20, 100, Font::SMALL, &format!("+ {} more", self.more_gateways));
        }
    }
}

/// The width of the lanes left of a zone.
fn gutter(gateways: usize) -> usize {
    gateways * LANE + 6
}

/// Fill and line of a gateway.
fn colours(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Internet => ("#ecfdf5", "#059669"),
        Kind::EgressOnly => ("#ecfeff", "#0891b2"),
        Kind::Nat => ("#fff7ed", "#c2410c"),
        Kind::Peering => ("#eef2ff", "#4338ca"),
        Kind::Transit => ("#fdf2f8", "#be185d"),
        Kind::Endpoint => ("#fefce8", "#a16207"),
    }
}

fn legend(canvas: &mut Canvas, y: usize) {
    let mut x = MARGIN;
    for (fill, stroke, text) in [
        (subnets::PUBLIC.0, subnets::PUBLIC.1, "public subnet"),
        (subnets::PRIVATE.0, subnets::PRIVATE.1, "private subnet"),
        (subnets::ISOLATED.0, subnets::ISOLATED.1, "isolated subnet"),
    ] {
        canvas.rect(Rect { x, y, w: 16, h: 12 }, 3, fill, stroke, "");
        canvas.text(x + 22, y + 10, 120, Font::SMALL, text);
        x += 112;
    }
    for (live, text) in [(true, "live interface"), (false, "not live")] {
        canvas.dot(x + 6, y + 6, 4, subnets::state(live));
        canvas.text(x + 16, y + 10, 120, Font::SMALL, text);
        x += 96;
    }
    for (dashed, text) in [("", "default route"), (r#" stroke-dasharray="4 3""#, "other route")] {
        canvas.path(&format!("M{x} {}h24", y + 6), INK, dashed);
        canvas.text(x + 30, y + 10, 120, Font::SMALL, text);
        x += 110;
    }
    canvas.rect(Rect { x, y: y + 2, w: 8, h: 8 }, 2, panels::colour(0), "none", "");
    canvas.text(x + 14, y + 10, 120, Font::SMALL, "its security groups");
}
