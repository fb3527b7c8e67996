//! Below the subnets: route tables on the left, security groups on the right, in words.

use super::GAP;
use crate::commands::map::shapes::{Canvas, Font, Rect};
use crate::commands::map::view::View;
use crate::commands::map::words;
use yakumo_net::topology::{Group, Route, RouteTable};

const LINE: usize = 14;
/// How many rules of one table or group, and how many tables or groups, are written.
const RULES_MAX: usize = 12;
const BLOCKS_MAX: usize = 24;
const COLOURS: [&str; 8] =
    ["#ef4444", "#f59e0b", "#84cc16", "#06b6d4", "#6366f1", "#d946ef", "#78716c", "#0f766e"];

/// The colour of a security group by its place; they come again after eight.
pub fn colour(place: usize) -> &'static str {
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or("#78716c")
}

/// A heading with lines below it.
struct Block {
    head: String,
    lines: Vec<String>,
}

impl Block {
    fn new(head: String, mut lines: Vec<String>) -> Block {
        let more = lines.len().saturating_sub(RULES_MAX);
        lines.truncate(RULES_MAX);
        if more > 0 {
            lines.push(format!("+ {more} more"));
        }
        if lines.is_empty() {
            lines.push("no rules".into());
        }
        Block { head, lines }
    }

    fn height(&self) -> usize {
        18 + self.lines.len() * LINE + 8
    }
}

fn tables(view: &View<'_>) -> Vec<Block> {
    let tables = view.tables();
    let block = |(id, table): (&String, &RouteTable)| {
        let routes = view.routes(table);
        let line = |route: &Route| {
            let (to, through) = (words::destination(view, route), words::target(view, &route.target));
            format!("{to:<18} → {through}")
        };
        Block::new(view.full(id), routes.iter().map(line).collect())
    };
    tables.into_iter().map(block).collect()
}

fn groups(view: &View<'_>) -> Vec<Block> {
    let block = |(id, group): (&String, &Group)| {
        let inward = group.ingress.iter().map(|rule| format!("in  {}", words::rule(view, rule, "from")));
        let outward = group.egress.iter().map(|rule| format!("out {}", words::rule(view, rule, "to")));
        let mut lines: Vec<String> = inward.chain(outward).collect();
        lines.sort();
        Block::new(view.full(id), lines)
    };
    view.groups().into_iter().map(block).collect()
}

fn column_height(blocks: &[Block]) -> usize {
    let shown: usize = blocks.iter().take(BLOCKS_MAX).map(Block::height).sum();
    34 + shown + if blocks.len() > BLOCKS_MAX { 18 } else { 0 }
}

/// How high the panels are.
pub fn height(view: &View<'_>) -> usize {
    column_height(&tables(view)).max(column_height(&groups(view)))
}

/// Draws both; the height of `at` is not looked at.
pub fn draw(canvas: &mut Canvas, view: &View<'_>, at: Rect) {
    let (w, h) = ((at.w - GAP) / 2, height(view));
    column(canvas, Rect { w, h, ..at }, "Route tables", &tables(view), false);
    column(canvas, Rect { x: at.x + w + GAP, w, h, ..at }, "Security groups", &groups(view), true);
}

fn column(canvas: &mut Canvas, at: Rect, title: &str, blocks: &[Block], coloured: bool) {
    canvas.rect(at, 8, "#ffffff", "#e2e8f0", "");
    canvas.text(at.x + GAP, at.y + 21, at.w, Font::NAME, title);
    let mut y = at.y + 34;
    for (place, block) in blocks.iter().take(BLOCKS_MAX).enumerate() {
        let indent = if coloured { 14 } else { 0 };
        if coloured {
            canvas.rect(Rect { x: at.x + GAP, y: y + 3, w: 9, h: 9 }, 2, colour(place), "none", "");
        }
        canvas.text(at.x + GAP + indent, y + 11, at.w - 30, Font::NAME, &block.head);
        for (n, line) in block.lines.iter().enumerate() {
            canvas.text(at.x + GAP + indent, y + 26 + n * LINE, at.w - 30, Font::MONO, line);
        }
        y += block.height();
    }
    if blocks.len() > BLOCKS_MAX {
        canvas.text(at.x + GAP, y + 10, at.w, Font::SMALL, &format!("+ {} more", blocks.len() - BLOCKS_MAX));
    }
}
